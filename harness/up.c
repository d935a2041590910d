#include "harness/up.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/world.h"

static void print_accounts(const char *dir, const struct member *server, const char *address)
{
    const char *name;
    json_t *password;

    json_object_foreach (server->server.accounts, name, password) {
        printf(
            "    bester-cli -u %s --password-file %s/%s.password %s\n", name, dir, name, address);
    }
    if (!server->server.accounts)
        printf("    bester-cli -u NAME %s      (any password)\n", address);
}

static void print_addresses(const struct stage *stage, void *user)
{
    const struct topology *topology = stage_topology(stage);
    const struct scenario *scenario = topology->scenario;

    (void)user;
    for (size_t i = 0; i < scenario->member_count; i++) {
        const struct member *member = &scenario->members[i];

        if (member->kind != MEMBER_SERVER)
            continue;
        char *address = topology_expand(topology, member->name, -1);
        printf("%s listens at %s\n", member->name, address);
        print_accounts(topology->dir, member, address);
        free(address);
    }
    puts("Ctrl-C ends it.");
    fflush(stdout);
}

static void on_loaded(struct scenario *scenario, void *user)
{
    const struct up_options *options = user;

    for (size_t i = 0; options->unwatched && i < scenario->member_count; i++)
        if (scenario->members[i].handler.run)
            scenario->members[i].handler.by_server = true;
}

int up_world(const struct up_options *options, const char *path)
{
    bool watched = options->ladder || options->verbose;
    struct ladder *ladder = watched ? ladder_new(stdout, options->verbose) : NULL;
    struct world_options world = {.besterd = options->besterd,
        .commands = &options->run,
        .command_count = options->run != NULL,
        .deadline_s = options->deadline_s,
        .ladder = ladder,
        .tells_status = true,
        .unwatched = options->unwatched,
        .on_loaded = on_loaded,
        .on_ready = print_addresses,
        .user = (void *)options};
    int status = world_play_file(&world, path);

    ladder_free(ladder);
    return status;
}
