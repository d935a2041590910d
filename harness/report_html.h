/*
 * report_html: the parts of the page, for report_html*.c alone.
 *
 * The page is one file that needs nothing else: no script from elsewhere, none at
 * all to be read; filters are CSS, and a frame stands in a <details> behind its
 * arrow. Style and script stand in files beside this one and are linked in. Texts
 * of strangers come through markup.h, and a Content-Security-Policy names style
 * and script by their hashes, so that nothing else could run.
 */
#ifndef HARNESS_REPORT_HTML_H
#define HARNESS_REPORT_HTML_H

#include "harness/report.h"

/* How much is shown of one play. */
struct html_limits {
    size_t rows;       /* of the diagram; 0: no diagram */
    size_t text_bytes; /* of a frame, a log line, what was expected */
    size_t differences;
};

/* All of a play that stands behind its heading (report_html_play.c). */
void html_play_body(
    FILE *out, const struct performance *performance, const struct html_limits *limits);
/* The diagram, its frames among it (report_html_diagram.c). */
void html_diagram(FILE *out, const struct attempt *attempt, const struct html_limits *limits);
/* A text in <pre>, cut to the limit with a word about the rest. kind: the class. */
void html_pre(FILE *out, const char *kind, const char *text, const struct html_limits *limits);

#endif
