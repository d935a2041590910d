#include "harness/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/must.h"

/* As anybody who writes a file there would be allowed to: what umask leaves, or
 * what the file had that is replaced. */
static void set_mode(int fd, const char *path)
{
    struct stat before;
    mode_t mask = umask(0);

    umask(mask);
    /* A mode that can't be kept is no reason to lose what is to be written. */
    if (fchmod(fd, stat(path, &before) == 0 ? before.st_mode & 07777 : 0666 & ~mask) != 0)
        return;
}

static bool write_beside(int fd, const char *path, replace_write *write, void *user)
{
    FILE *out = fdopen(fd, "w");

    if (!out) {
        close(fd);
        return false;
    }
    set_mode(fd, path);
    bool written = write(out, user) && !ferror(out) && fflush(out) == 0;
    /* Else the name could be on the disk before the bytes are. */
    written = written && (fsync(fd) == 0 || errno == EINVAL);
    return fclose(out) == 0 && written;
}

enum status replace_file(const char *path, replace_write *write, void *user, struct fault *fault)
{
    char *beside = must_print("%s.XXXXXX", path);

    errno = 0;
    int fd = mkostemp(beside, O_CLOEXEC);
    bool written = fd >= 0 && write_beside(fd, path, write, user) && rename(beside, path) == 0;
    int wrong = errno;
    if (!written && fd >= 0)
        unlink(beside);
    free(beside);
    if (written)
        return STATUS_OK;
    return fault_set(fault, STATUS_IO, 0, "%s could not be written: %s", path,
        wrong ? strerror(wrong) : "the disk failed");
}

static bool write_span(FILE *out, void *user)
{
    const struct span *text = user;

    return fwrite(text->at, 1, text->len, out) == text->len;
}

enum status replace_text(const char *path, struct span text, struct fault *fault)
{
    char *real = realpath(path, NULL);
    enum status status = replace_file(real ? real : path, write_span, &text, fault);

    free(real);
    return status;
}
