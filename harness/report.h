/*
 * report: what a run tells, in every form that was asked for at once.
 *
 * A form is a row of three functions (report_forms below): what stands before the
 * plays, each play in the order of its number, and what stands behind them. One
 * form is live: TAP goes to standard output as the plays end. All others go to
 * files, each of which appears whole, at the end of the run, in place of what was
 * there; until then it is kept in a file without a name. "-" for a file means
 * standard output, in place of TAP.
 *
 * Reports only read performances. Owns the files.
 */
#ifndef HARNESS_REPORT_H
#define HARNESS_REPORT_H

#include <stdio.h>

#include "harness/performance.h"

/* Those that an option --NAME FILE asks for. */
enum report_kind { REPORT_JUNIT, REPORT_JSON, REPORT_HTML, REPORT_MERMAID, REPORT_KIND_COUNT };

/* What a form remembers from play to play. Only HTML has limits: its bytes are
 * counted for plays that passed and for others apart. */
struct report_room {
    size_t plays; /* written so far */
    size_t passed_bytes;
    size_t failed_bytes;
    size_t left_out; /* plays whose conversation is not shown */
    size_t unlisted; /* plays that are not even named */
    size_t opened;   /* plays shown open from the start */
};

struct report_form {
    /* The summary is that of the whole run; when the form is live, of the plan. */
    void (*begin)(FILE *out, const struct summary *summary, const struct report_room *room);
    void (*play_done)(FILE *out, const struct summary *summary,
        const struct performance *performance, struct report_room *room);
    void (*end)(FILE *out, const struct summary *summary, const struct report_room *room);
};

extern const struct report_form report_tap;
extern const struct report_form report_junit;
extern const struct report_form report_json;
extern const struct report_form report_html;
extern const struct report_form report_mermaid;

struct reports;

/* Finds out, as far as that can be known, that every file can be written: a run
 * should not end with that news. paths[kind] NULL: not asked for.
 * STATUS_INVALID: two want the same place; STATUS_IO: *fault names the file. */
MUST_CHECK enum status reports_new(
    struct reports **out, const char *const paths[REPORT_KIND_COUNT], struct fault *fault);
void reports_free(struct reports *self);

void reports_begin(struct reports *self, const struct summary *summary);
void reports_play_done(
    struct reports *self, const struct summary *summary, const struct performance *performance);
/* The files appear. STATUS_IO: one could not be written; the others were. */
MUST_CHECK enum status reports_end(
    struct reports *self, const struct summary *summary, struct fault *fault);

#endif
