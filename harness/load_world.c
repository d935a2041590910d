/* A load on a cast: `harness up` keeps it, and a load beside it, in a process of its
 * own, does the rest, so that whoever watches the cast does not slow the load. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/load.h"
#include "harness/must.h"
#include "harness/performance.h"
#include "harness/run.h"
#include "harness/up.h"

static const struct member *find_server(const struct scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->member_count; i++) {
        const struct member *member = &scenario->members[i];

        if (member->kind == MEMBER_SERVER && (!name || strcmp(member->name, name) == 0))
            return member;
    }
    return NULL;
}

/* Those who have an account there, as one word for a shell; NULL: anybody may come. */
static char *accounts_word(const struct member *server)
{
    const char *name;
    json_t *password;
    char *list = NULL;

    json_object_foreach (server->server.accounts, name, password) {
        char *longer = must_print("%s%s%s", list ? list : "", list ? "," : "", name);

        free(list);
        list = longer;
    }
    char *word = list ? shell_word(list) : NULL;
    free(list);
    return word;
}

/* The command that loads the server, and knows its users' passwords. */
static char *command_of(const struct load_options *options, const struct member *server)
{
    char *users = options->users || !server->server.accounts ? NULL : accounts_word(server);
    const char *passwords =
        server->server.accounts && !options->passwords && !options->login.password_file
            ? " --passwords \"${dir}\""
            : "";
    char *command = must_print("exec %s%s%s%s -- \"${%s}\"", options->command, passwords,
        users ? " --users " : "", users ? users : "", server->name);

    free(users);
    return command;
}

int load_world(const struct load_options *options, const char *path)
{
    struct scenario_options load = {.deadline_s = DEADLINE_MS / 1e3, .world = true};
    struct up_options up = {
        .besterd = options->besterd, .deadline_s = DEADLINE_MS / 1e3, .unwatched = true};
    struct scenario scenario;
    struct mistake mistake;
    enum status status = scenario_load(&scenario, path, &load, &mistake);

    if (status != STATUS_OK) {
        fprintf(stderr, "%s:%u:%u: %s\n", path, mistake.at.line, mistake.at.column, mistake.text);
        return status == STATUS_IO ? EXIT_LOCAL_IO : EXIT_BAD_INPUT;
    }
    const struct member *server = find_server(&scenario, options->on);
    char *command = server ? command_of(options, server) : NULL;
    scenario_release(&scenario);
    if (!command) {
        fprintf(stderr, "harness load: no such server in %s\n", path);
        return EXIT_USAGE;
    }
    up.run = command;
    int exit_status = up_world(&up, path);
    free(command);
    return exit_status;
}
