#include "harness/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/canonical.h"
#include "harness/must.h"
#include "harness/record_play.h"
#include "harness/replace.h"
#include "harness/world.h"

struct recording {
    const struct record_options *options;
    int status; /* of writing */
};

/* ---- the file -------------------------------------------------------------------------------- */

/* Devices and pipes are written into, files appear. */
static bool is_written_into(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && !S_ISREG(about.st_mode);
}

static enum status write_into(const char *path, struct span text, struct fault *fault)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *out = standard ? stdout : fopen(path, "we");

    if (!out)
        return fault_set(fault, STATUS_IO, 0, "%s: %s", path, strerror(errno));
    bool ok = fwrite(text.at, 1, text.len, out) == text.len && fflush(out) == 0;
    int why = errno;
    if (!standard && fclose(out) != 0 && ok) {
        ok = false;
        why = errno;
    }
    return ok ? STATUS_OK : fault_set(fault, STATUS_IO, 0, "%s: %s", path, strerror(why));
}

/* Somebody else may have made the file by now. */
static enum status write_file(
    const struct record_options *options, struct span text, struct fault *fault)
{
    const char *path = options->output;

    if (strcmp(path, "-") == 0 || is_written_into(path))
        return write_into(path, text, fault);
    if (!options->force && access(path, F_OK) == 0)
        return fault_set(fault, STATUS_IO, 0, "%s is there by now", path);
    return replace_text(path, text, fault);
}

/* What can't go where it should is not lost. */
static void write_play(struct recording *self, const char *play, size_t lines)
{
    struct span text = span_of(play);
    const char *path = self->options->output;
    struct fault fault;

    if (write_file(self->options, text, &fault) == STATUS_OK) {
        if (strcmp(path, "-") != 0)
            fprintf(stderr, "%s: %zu lines\n", path, lines);
        return;
    }
    self->status = EXIT_LOCAL_IO;
    bool tried_stdout = strcmp(path, "-") == 0;
    fprintf(stderr, "harness record: %s%s\n", fault.text,
        tried_stdout ? "" : "; the play goes to standard output");
    if (!tried_stdout && write_into("-", text, &fault) != STATUS_OK)
        fprintf(stderr, "harness record: %s\n", fault.text);
}

/* ---- what the world tells -------------------------------------------------------------------- */

/* Clients that nobody plays are seats for those who come; everything is seen, so
 * everything is started by the harness; steps are not played. */
static void on_loaded(struct scenario *scenario, void *user)
{
    (void)user;
    for (size_t i = 0; i < scenario->member_count; i++) {
        struct member *member = &scenario->members[i];

        member->handler.by_server = false;
        member->starts_later = false;
        member->client.reads = false;
        if (member->kind == MEMBER_CLIENT && member->rule_count == 0)
            member->client.logs_in = false;
    }
    scenario->disturbed_count = 0;
}

static void on_ready(const struct stage *stage, void *user)
{
    const struct topology *topology = stage_topology(stage);

    (void)user;
    for (size_t i = 0; i < topology->scenario->member_count; i++) {
        const struct member *member = &topology->scenario->members[i];

        if (member->kind != MEMBER_SERVER)
            continue;
        char *address = topology_expand(topology, member->name, -1);
        fprintf(stderr, "%s listens at %s\n", member->name, address);
        free(address);
    }
    fprintf(stderr,
        "The passwords of accounts are in %s/NAME.password. Ctrl-C ends the recording.\n",
        topology->dir);
}

static bool is_done(const struct stage *stage, void *user)
{
    struct talk talk;

    (void)user;
    talk_read(&talk, stage_timeline(stage), stage_topology(stage), UINT64_MAX);
    bool done = talk_is_done(&talk);
    talk_release(&talk);
    return done;
}

static void on_over(const struct stage *stage, uint64_t last, void *user)
{
    struct recording *self = user;
    struct record_choice choice = {.real_handlers = self->options->real_handlers};
    size_t lines;
    json_t *play = record_play(stage_timeline(stage), stage_topology(stage), last, &choice, &lines);
    char *text = canonical_value(play);

    write_play(self, text, lines);
    free(text);
    json_decref(play);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int complain(int status, const char *path, const char *text)
{
    fprintf(stderr, "harness record: %s%s\n", path, text);
    return status;
}

/* Found out before anybody has talked for an hour. */
static int check_output(const struct record_options *options)
{
    const char *path = options->output;
    struct stat about;

    if (strcmp(path, "-") == 0)
        return 0;
    if (stat(path, &about) != 0) {
        char *folder = must_copy(path);
        char *slash = strrchr(folder, '/');

        if (slash)
            slash[slash == folder] = '\0';
        int wrong = access(slash ? folder : ".", W_OK) != 0 ? errno : 0;
        free(folder);
        return wrong ? complain(EXIT_LOCAL_IO, path, " can't be written") : 0;
    }
    if (S_ISDIR(about.st_mode))
        return complain(EXIT_LOCAL_IO, path, " is a folder");
    if (S_ISREG(about.st_mode) && !options->force)
        return complain(EXIT_LOCAL_IO, path, " is there already; --force replaces it");
    return 0;
}

int record_world(const struct record_options *options, const char *path)
{
    struct recording self = {.options = options};
    int status = check_output(options);

    if (status != 0)
        return status;
    bool watched = options->ladder || options->verbose;
    /* Where the play goes, the ladder does not. */
    FILE *out = strcmp(options->output, "-") == 0 ? stderr : stdout;
    struct ladder *ladder = watched ? ladder_new(out, options->verbose) : NULL;
    struct world_options world = {.besterd = options->besterd,
        .commands = options->commands,
        .command_count = options->command_count,
        .deadline_s = options->deadline_s,
        .ladder = ladder,
        .keeps_all = true,
        .interruptible = true,
        .on_loaded = on_loaded,
        .on_ready = on_ready,
        .is_done = is_done,
        .on_over = on_over,
        .user = &self};
    status = world_play_file(&world, path);
    ladder_free(ladder);
    return self.status ? self.status : status;
}
