/*
 * settings: the options of bester-cli.
 */
#ifndef BESTER_CLI_SETTINGS_H
#define BESTER_CLI_SETTINGS_H

#include "libbester/login.h"
#include "libbester/options.h"

enum colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

enum { SETTINGS_COMMANDS_MAX = 256 };

struct settings {
    struct login_settings login;
    const char *type;
    const char *to;
    double report_s;
    double heartbeat_s;
    double reconnect_s; /* 0: not said */
    enum colour colour;
    bool plain;
    const char *source;                          /* a file of lines; NULL: none */
    const char *commands[SETTINGS_COMMANDS_MAX]; /* of -e */
    size_t command_count;
};

extern const struct option_table settings_table;

void settings_init(struct settings *self);

#endif
