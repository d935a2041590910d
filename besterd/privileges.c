#include "besterd/privileges.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "besterd/footprint.h"

/* Somebody else than root is to be here. */
static bool is_change(const struct config *config)
{
    return config->user && config->uid != 0 && getuid() == 0;
}

enum status privileges_check(const struct config *config, struct fault *fault)
{
    if (geteuid() == 0 && !config->user)
        log_line(LOG_LEVEL_WARNING, "",
            "runs as root, and so do its handlers; server.user would make them another user");
    if (geteuid() == 0 || !config->user || (geteuid() == config->uid && getegid() == config->gid))
        return STATUS_OK;
    return fault_set(fault, STATUS_INVALID, 0,
        "server.user is \"%s\" (%u, group %u), and only root can become that; this is user %u, "
        "group %u",
        config->user, config->uid, config->gid, (unsigned)geteuid(), (unsigned)getegid());
}

/* Whatever goes wrong here shows when files are opened, or at privileges_drop. */
void privileges_lend(const struct config *config)
{
    if (is_change(config) && setegid(config->gid) == 0)
        (void)!seteuid(config->uid);
}

void privileges_regain(const struct config *config)
{
    if (is_change(config) && seteuid(0) == 0)
        (void)!setegid(0);
}

static bool is_all(const struct config *config)
{
    uid_t uid, euid, suid;
    gid_t gid, egid, sgid;

    return getresuid(&uid, &euid, &suid) == 0 && getresgid(&gid, &egid, &sgid) == 0 &&
           uid == config->uid && euid == config->uid && suid == config->uid && gid == config->gid &&
           egid == config->gid && sgid == config->gid && setuid(0) != 0 && setgid(0) != 0;
}

enum status privileges_drop(const struct config *config, struct fault *fault)
{
    if (!is_change(config))
        return STATUS_OK;
    if (initgroups(config->user, config->gid) != 0 ||
        setresgid(config->gid, config->gid, config->gid) != 0 ||
        setresuid(config->uid, config->uid, config->uid) != 0)
        return fault_set(
            fault, STATUS_INTERNAL, 0, "cannot become %s: %s", config->user, strerror(errno));
    if (!is_all(config))
        return fault_set(fault, STATUS_INTERNAL, 0, "has become %s, and yet has privileges of root",
            config->user);
    /* The change takes it away: no core, and /proc/self is root's. */
    prctl(PR_SET_DUMPABLE, 1);
    return STATUS_OK;
}

/* ---- what the user cannot have ---- */

static void look_at(const char *path, enum footprint_use use, const char *what, void *config)
{
    const char *user = ((const struct config *)config)->user;
    const char *slash = strrchr(path, '/');
    char directory[PATH_MAX];
    struct stat status;
    bool there = stat(path, &status) == 0;

    snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - path) + 1 : 1,
        slash ? path : ".");
    if (access(path, R_OK) != 0 && errno == EACCES)
        log_line(LOG_LEVEL_WARNING, "", "%s, %s, cannot be read by %s: a reload will need it", what,
            path, user);
    else if (use == FOOTPRINT_WRITE && there && S_ISREG(status.st_mode) && access(path, W_OK) != 0)
        log_line(LOG_LEVEL_WARNING, "", "%s, %s, cannot be written by %s", what, path, user);
    else if (use == FOOTPRINT_WRITE && access(directory, W_OK | X_OK) != 0)
        log_line(LOG_LEVEL_WARNING, "",
            "%s, %s, is in a directory where %s can neither make nor remove it", what, path, user);
}

void privileges_tell_missing(const struct config *config)
{
    footprint_each(config, look_at, (void *)config);
}
