/* Rules for "server.user" and "server.group": whom besterd is to become, and how it confines
 * itself. */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "besterd/config_table.h"

enum { ENTRY_BYTES = 65536 }; /* a group may have many members */

static void find_user(struct config *config, struct mistakes *mistakes)
{
    struct passwd entry, *user = NULL;
    char *room = malloc(ENTRY_BYTES);
    if (room != NULL)
        (void)getpwnam_r(config->user, &entry, room, ENTRY_BYTES, &user);
    if (user != NULL) {
        config->uid = user->pw_uid;
        config->gid = user->pw_gid;
        config->user_home = strdup(user->pw_dir);
    }
    if (user == NULL || config->user_home == NULL)
        mistakes_add(mistakes, "server.user", "\"%s\" is no user of this machine", config->user);
    free(room);
}

static void find_group(struct config *config, const char *name, struct mistakes *mistakes)
{
    struct group entry, *group = NULL;
    char *room = malloc(ENTRY_BYTES);
    if (room != NULL)
        (void)getgrnam_r(name, &entry, room, ENTRY_BYTES, &group);
    if (group != NULL)
        config->gid = group->gr_gid;
    else
        mistakes_add(mistakes, "server.group", "\"%s\" is no group of this machine", name);
    free(room);
}

void config_check_user(struct config *config, struct raw_config *raw, struct mistakes *mistakes)
{
    config->sandbox = raw->server.sandbox;
    config->user = raw->server.user;
    raw->server.user = NULL;
    if (config->user != NULL)
        find_user(config, mistakes);
    else if (raw->server.group != NULL)
        mistakes_add(mistakes, "server.group", "needs server.user beside it");
    if (config->user != NULL && raw->server.group != NULL)
        find_group(config, raw->server.group, mistakes);
}
