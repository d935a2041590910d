/* A play: refused with a place and a sentence, or loaded. Nothing is started. */
#include <sys/mman.h>
#include <unistd.h>

#include "harness/scenario.h"
#include "tests/fuzz/targets.h"

int fuzz_play(const uint8_t *data, size_t size)
{
    struct scenario scenario;
    struct mistake mistake = {.text = ""};
    char path[64];
    int fd = memfd_create("play", MFD_CLOEXEC);
    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum status status =
        scenario_load(&scenario, path, &(struct scenario_options){.deadline_s = 1}, &mistake);
    if (status == STATUS_OK)
        scenario_release(&scenario);
    else
        MUST(status == STATUS_INVALID && mistake.text[0] != '\0');
    close(fd);
    return 0;
}
