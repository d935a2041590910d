/*
 * report: what became of a message, as text for people and as JSON. Pure.
 */
#ifndef BESTER_SEND_REPORT_H
#define BESTER_SEND_REPORT_H

#include "bester-send/ledger.h"
#include "libbester/bytes.h"

enum { REPORT_LINE_MAX = 1024 };

/* "line 3: id 9f-3: failed: offline (G)"; without the line unless it has one to
 * name. Returns out. */
const char *report_text(const struct told *told, bool has_lines, char out[REPORT_LINE_MAX]);
/* Appends a JSON object and a line end. */
MUST_CHECK enum status report_json(const struct told *told, struct bytes *out);

#endif
