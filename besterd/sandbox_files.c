/* Which files there are: Landlock. The numbers of its interface stand here, because the
 * headers of the system are often older than its kernel. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "besterd/footprint.h"
#include "besterd/paths.h"
#include "besterd/sandbox_internal.h"

#ifndef __NR_landlock_create_ruleset /* the same on all processors */
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

/* linux/landlock.h, up to version 7 of the interface. */
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1, SCOPE_SIGNAL = 1 << 1 };

enum {
    EXECUTE = 1 << 0,
    WRITE_FILE = 1 << 1,
    READ_FILE = 1 << 2,
    READ_DIR = 1 << 3,
    REMOVE_FILE = 1 << 5,
    MAKE_REG = 1 << 8,
    MAKE_SOCK = 1 << 9,
    ALL_OF_1 = (1 << 13) - 1,
    REFER = 1 << 13,
    TRUNCATE = 1 << 14,
    IOCTL_DEV = 1 << 15,
    OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV,
    TO_READ = READ_FILE | READ_DIR,
    TO_WRITE = TO_READ | WRITE_FILE | REMOVE_FILE | MAKE_REG | MAKE_SOCK | TRUNCATE
};

struct ruleset_attributes {
    uint64_t handled_fs;
    uint64_t handled_net; /* since version 4 */
    uint64_t scoped;      /* since version 6 */
};

struct path_rule {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

struct rules {
    int fd;
    uint64_t handled;
    bool stays_root;
};

/* What is not there cannot be granted, and is not missed: it may be on another system. */
static void grant(const struct rules *self, const char *path, uint64_t rights)
{
    struct path_rule rule = {
        .allowed = rights & self->handled, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    struct stat status;

    if (rule.parent_fd < 0)
        return;
    if (fstat(rule.parent_fd, &status) == 0 && !S_ISDIR(status.st_mode))
        rule.allowed &= OF_FILES;
    if (syscall(__NR_landlock_add_rule, self->fd, RULE_PATH_BENEATH, &rule, 0) != 0)
        log_line(LOG_LEVEL_WARNING, "sandbox", "%s cannot be granted: %s", path, strerror(errno));
    close(rule.parent_fd);
}

/* ---- what the system needs ---- */

/* Libraries that are loaded when they are needed (how names are resolved), time zones,
 * what the C library looks up about processors and memory. */
static const char *const of_system[] = {"/lib", "/lib64", "/usr/lib", "/usr/lib64",
    "/usr/share/zoneinfo", "/proc/self", "/proc/stat", "/proc/meminfo",
    "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/ngroups_max", "/sys/devices/system/cpu",
    "/sys/kernel/mm/transparent_hugepage", "/dev/urandom", "/dev/random", "/run/nscd",
    "/run/systemd/resolve", "/run/systemd/userdb", "/run/resolvconf", "/run/NetworkManager",
    "/var/lib/extrausers", "/var/lib/sss"};

/* Of /etc. Not all of it while we are root: there are the passwords of the machine. But
 * then a file that is replaced is another one, which was not granted. */
static const char *const of_etc[] = {"/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/hosts",
    "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/passwd",
    "/etc/group", "/etc/localtime", "/etc/ld.so.cache", "/etc/ssl/openssl.cnf"};

/* The directory of a path, with its slash. False: it is too long. */
static bool directory_of(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int len = slash ? (int)(slash - path) + 1 : 2;

    return snprintf(out, PATH_MAX, "%.*s", len, slash ? path : "./") < PATH_MAX;
}

/* A handler of ours may be added at any time: its template comes with us. */
static void grant_shipped(const struct rules *self)
{
    char *chat = paths_shipped("handlers/chat.json", "share/bester");
    char directory[PATH_MAX];

    if (chat && directory_of(chat, directory))
        grant(self, directory, TO_READ);
    free(chat);
}

static void grant_system(const struct rules *self)
{
    Dl_info library;
    char directory[PATH_MAX];

    for (size_t i = 0; i < sizeof(of_system) / sizeof(of_system[0]); i++)
        grant(self, of_system[i], TO_READ);
    grant(self, "/dev/null", READ_FILE | WRITE_FILE);
    /* Where the C library is, its modules are. */
    if (dladdr((void *)gnu_get_libc_version, &library) != 0 && strchr(library.dli_fname, '/') &&
        directory_of(library.dli_fname, directory))
        grant(self, directory, TO_READ);
    if (!self->stays_root)
        grant(self, "/etc", TO_READ);
    for (size_t i = 0; i < sizeof(of_etc) / sizeof(of_etc[0]); i++)
        grant(self, of_etc[i], TO_READ);
}

/* ---- what the configuration needs ---- */

/* Others than ours are there, too: the file alone. */
static bool is_everybodys(const struct rules *self, const char *directory)
{
    return strcmp(directory, "/") == 0 || (self->stays_root && strcmp(directory, "/etc/") == 0);
}

/* A file is replaced by another of its name, so that the directory is what counts. */
static void grant_around(const struct rules *self, const char *path, enum footprint_use use)
{
    char directory[PATH_MAX];

    if (!directory_of(path, directory))
        return;
    if (use == FOOTPRINT_WRITE)
        grant(self, directory, TO_WRITE);
    else
        grant(self, is_everybodys(self, directory) ? path : directory, TO_READ);
}

static void grant_file(const char *path, enum footprint_use use, const char *what, void *rules)
{
    const struct rules *self = rules;
    char *real = realpath(path, NULL);

    (void)what;
    grant_around(self, path, use);
    if (real) /* it is a link, or its directory is */
        grant_around(self, real, use);
    free(real);
}

/* ---- putting it in force ---- */

static uint64_t rights_of(unsigned version)
{
    return ALL_OF_1 | (version >= 2 ? REFER : 0) | (version >= 3 ? TRUNCATE : 0) |
           (version >= 5 ? IOCTL_DEV : 0);
}

static size_t size_of(unsigned version)
{
    return version < 4   ? offsetof(struct ruleset_attributes, handled_net)
           : version < 6 ? offsetof(struct ruleset_attributes, scoped)
                         : sizeof(struct ruleset_attributes);
}

unsigned sandbox_landlock(const struct config *config)
{
    long version = syscall(__NR_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

    if (version <= 0)
        return 0;
    struct ruleset_attributes attributes = {
        .handled_fs = rights_of((unsigned)version), .scoped = SCOPE_SIGNAL};
    struct rules rules = {.handled = attributes.handled_fs,
        .stays_root = geteuid() == 0 && (!config->user || config->uid == 0)};
    rules.fd =
        (int)syscall(__NR_landlock_create_ruleset, &attributes, size_of((unsigned)version), 0);
    if (rules.fd < 0)
        return 0;
    grant_system(&rules);
    grant_shipped(&rules);
    footprint_each(config, grant_file, &rules);
    bool done = syscall(__NR_landlock_restrict_self, rules.fd, 0) == 0;
    int error = errno;
    close(rules.fd);
    errno = error;
    return done ? (unsigned)version : 0;
}
