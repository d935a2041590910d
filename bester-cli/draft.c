#include "bester-cli/draft.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bester-cli/history.h"

enum { DRAFT_BYTES_MAX = 64 << 20 };

bool draft_keep(const char *text)
{
    char path[HISTORY_PATH_MAX];
    size_t len = strlen(text);
    if (!history_path(path, "draft"))
        return false;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool written = fchmod(fd, 0600) == 0 && write(fd, text, len) == (ssize_t)len;
    return close(fd) == 0 && written;
}

static char *read_whole(int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || info.st_size > DRAFT_BYTES_MAX)
        return NULL;
    size_t len = (size_t)info.st_size;
    char *text = malloc(len + 1);
    if (text != NULL && read(fd, text, len) == (ssize_t)len && memchr(text, '\0', len) == NULL) {
        text[len] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

char *draft_read(void)
{
    char path[HISTORY_PATH_MAX];
    if (!history_path(path, "draft"))
        return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = read_whole(fd);
    close(fd);
    return text;
}

void draft_forget(void)
{
    char path[HISTORY_PATH_MAX];
    if (history_path(path, "draft"))
        unlink(path);
}
