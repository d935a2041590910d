/*
 * run: `harness run`: plays, several at once, told in the order in which they
 * were named, in every form that was asked for.
 */
#ifndef HARNESS_RUN_H
#define HARNESS_RUN_H

#include "harness/report.h"
#include "harness/schedule.h"

/* Exit statuses of the harness, beside those of libbester/status.h. */
enum { EXIT_PLAYS_FAILED = 1, EXIT_INTERRUPTED = 130 };

/* How long a line may be awaited unless somebody says otherwise. */
enum { DEADLINE_MS = 5000 };

struct run_options {
    const char *besterd; /* NULL: the one beside the harness */
    const char *server;  /* the command of another server, or NULL */
    const char *has;     /* its features; NULL: none. Of a besterd: what it says */
    unsigned jobs;       /* 0: as many as there are processors */
    double deadline_s;
    bool ladder;
    bool verbose;   /* nothing of the ladder is cut */
    unsigned retry; /* how often a play that failed may try again */
    bool allow_flaky;
    bool accept;                      /* lines that differ are rewritten, if the play then passes */
    struct schedule_options schedule; /* .rounds 0: one, or as many as it takes */
    bool until_fail;                  /* nothing more is started once a play has failed */
    const char *reports[REPORT_KIND_COUNT]; /* files; NULL: not wanted */
};

/* What has to be typed to play one of them again as it was played. malloc'd. */
char *run_command_of(const struct run_options *options);
/* Where a report goes to standard output, a diff does not. */
FILE *run_diff_output(const struct run_options *options);

/* Returns the exit status. */
int run_plays(const struct run_options *options, char *const *arguments, size_t count);

#endif
