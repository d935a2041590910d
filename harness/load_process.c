#include "harness/load_process.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- the socket at the other end ------------------------------------------------------------- */

/* As /proc/net/tcp and tcp6 write an address: words of 32 bits as this machine has them. */
static bool write_end(const struct sockaddr_storage *address, char *out, size_t cap)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    uint32_t words[4];

    if (address->ss_family == AF_INET) {
        snprintf(out, cap, "%08X:%04X", v4->sin_addr.s_addr, ntohs(v4->sin_port));
        return true;
    }
    if (address->ss_family != AF_INET6)
        return false;
    memcpy(words, &v6->sin6_addr, sizeof(words));
    snprintf(out, cap, "%08X%08X%08X%08X:%04X", words[0], words[1], words[2], words[3],
        ntohs(v6->sin6_port));
    return true;
}

static const char *word(const char *line, size_t number)
{
    static const char blanks[] = " \n";

    line += strspn(line, blanks);
    for (; number > 0; number--) {
        line += strcspn(line, blanks);
        line += strspn(line, blanks);
    }
    return line;
}

static bool word_is(const char *line, size_t number, const char *wanted)
{
    const char *at = word(line, number);
    size_t len = strlen(wanted);

    return strncmp(at, wanted, len) == 0 && (at[len] == ' ' || at[len] == '\0');
}

/* The number of the socket that stands at `local` and talks to `remote`; 0: none. */
static unsigned long find_socket(const char *table, const char *local, const char *remote)
{
    enum { LOCAL = 1, REMOTE = 2, INODE = 9 };
    FILE *file = fopen(table, "re");
    unsigned long found = 0;
    char line[400];

    while (file && !found && fgets(line, sizeof(line), file))
        if (word_is(line, LOCAL, local) && word_is(line, REMOTE, remote))
            found = strtoul(word(line, INODE), NULL, 10);
    if (file)
        fclose(file);
    return found;
}

/* ---- who holds it ---------------------------------------------------------------------------- */

static bool holds(const char *pid, const char *socket)
{
    char path[300];
    char link[64];
    DIR *descriptors;
    const struct dirent *entry;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    descriptors = opendir(path);
    // cppcheck-suppress readdirCalled
    while (descriptors && !found && (entry = readdir(descriptors))) {
        ssize_t n = readlinkat(dirfd(descriptors), entry->d_name, link, sizeof(link) - 1);

        link[n > 0 ? n : 0] = '\0';
        found = strcmp(link, socket) == 0;
    }
    if (descriptors)
        closedir(descriptors);
    return found;
}

static pid_t holder_of(unsigned long number)
{
    char socket[64];
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    pid_t found = 0;

    snprintf(socket, sizeof(socket), "socket:[%lu]", number);
    // cppcheck-suppress readdirCalled
    while (processes && !found && (entry = readdir(processes)))
        if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name) &&
            holds(entry->d_name, socket))
            found = (pid_t)strtol(entry->d_name, NULL, 10);
    if (processes)
        closedir(processes);
    return found;
}

pid_t load_process_of(int fd)
{
    struct sockaddr_storage ours = {0};
    struct sockaddr_storage theirs = {0};
    struct ucred peer = {0};
    char local[64];
    char remote[64];

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &(socklen_t){sizeof(peer)}) == 0 &&
        peer.pid > 0)
        return peer.pid;
    if (getsockname(fd, (struct sockaddr *)&ours, &(socklen_t){sizeof(ours)}) != 0 ||
        getpeername(fd, (struct sockaddr *)&theirs, &(socklen_t){sizeof(theirs)}) != 0 ||
        !write_end(&theirs, local, sizeof(local)) || !write_end(&ours, remote, sizeof(remote)))
        return 0;
    unsigned long number =
        find_socket(ours.ss_family == AF_INET ? "/proc/net/tcp" : "/proc/net/tcp6", local, remote);
    return number ? holder_of(number) : 0;
}

/* ---- what it uses ---------------------------------------------------------------------------- */

bool load_process_usage(pid_t pid, struct load_usage *out)
{
    struct timespec used;
    clockid_t clock;
    char path[64];
    char line[200];
    unsigned long pages = 0;
    FILE *file;

    if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return false;
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    file = fopen(path, "re");
    /* "size resident …", in pages */
    if (file && fgets(line, sizeof(line), file) && strchr(line, ' '))
        pages = strtoul(strchr(line, ' '), NULL, 10);
    if (file)
        fclose(file);
    *out = (struct load_usage){.processor_s = (double)used.tv_sec + (double)used.tv_nsec / 1e9,
        .memory_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE)};
    return true;
}
