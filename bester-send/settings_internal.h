/*
 * settings_internal: what the files of the module settings share. settings.c is
 * what options mean; settings_table.c is their table and the manual page.
 */
#ifndef BESTER_SEND_SETTINGS_INTERNAL_H
#define BESTER_SEND_SETTINGS_INTERNAL_H

#include "bester-send/settings.h"

extern const char *const settings_acks[]; /* by enum ack; ends with NULL */

option_apply settings_apply_data, settings_apply_whole, settings_apply_lines, settings_apply_null,
    settings_apply_ndjson, settings_apply_pair, settings_apply_json_pair, settings_apply_report,
    settings_apply_listen, settings_apply_ack, settings_apply_dry, settings_apply_match,
    settings_apply_format;

#endif
