/* What became of a message, in words and as an exit status. */
#include <string.h>

#include "libbester/bytes.h"
#include "libbester/client.h"
#include "libbester/json.h"
#include "libbester/visible.h"

enum { TEXT_MAX = 4096, WORD_MAX = 256 };

static const struct {
    const char *machine; /* for reports in JSON */
    const char *person;
    enum client_exit exit_status;
} fates[] = {
    [CLIENT_GOOD] = {"good", "reported good", EXIT_ALL_GOOD},
    [CLIENT_BAD] = {"bad", "failed", EXIT_REJECTED},
    [CLIENT_ANSWERED] = {"good", "answered", EXIT_ALL_GOOD},
    [CLIENT_TIMEOUT] = {"unknown", "no report in time", EXIT_REPORT_TIMEOUT},
    [CLIENT_UNKNOWN] = {"unknown", "fate unknown", EXIT_CONNECTION_LOST},
    [CLIENT_UNSENT] = {"unsent", "not sent", EXIT_CONNECTION_LOST},
};

static const enum client_exit end_exits[] = {
    [CLIENT_END_UNREACHABLE] = EXIT_NO_CONNECTION,
    [CLIENT_END_TLS] = EXIT_TLS,
    [CLIENT_END_REFUSED] = EXIT_LOGIN_REFUSED,
    [CLIENT_END_LOST] = EXIT_CONNECTION_LOST,
    [CLIENT_END_FINISHED] = EXIT_ALL_GOOD,
};

const char *client_fate_text(enum client_fate fate)
{
    return fates[fate].machine;
}

enum client_exit client_end_exit(enum client_end why)
{
    return end_exits[why];
}

enum client_exit client_result_exit(const struct client_result *result)
{
    bool told = result->reason != STATUS_OK && result->reason != STATUS_COUNT;
    if (result->fate == CLIENT_BAD && told)
        return status_exit(result->reason);
    return fates[result->fate].exit_status;
}

void client_tally_add(struct client_tally *self, const struct client_result *result)
{
    enum client_exit exit_status = client_result_exit(result);
    if (exit_status == EXIT_ALL_GOOD)
        self->good++;
    else
        self->by_exit[exit_status]++;
}

enum client_exit client_tally_exit(const struct client_tally *self)
{
    enum client_exit common = EXIT_ALL_GOOD;
    if (self->by_exit[EXIT_CONNECTION_LOST] > 0)
        return EXIT_CONNECTION_LOST;
    if (self->by_exit[EXIT_REPORT_TIMEOUT] > 0)
        return EXIT_REPORT_TIMEOUT;
    for (size_t i = 0; i < sizeof self->by_exit / sizeof self->by_exit[0]; i++) {
        if (self->by_exit[i] == 0)
            continue;
        if (common != EXIT_ALL_GOOD || self->good > 0)
            return EXIT_SOME_FAILED;
        common = (enum client_exit)i;
    }
    return common;
}

/* Texts that do not fit are simply left out: the caller cuts anyway. */
static void add(struct bytes *out, const char *text)
{
    (void)!bytes_append_text(out, text);
}

/* Whose value is what everybody's is gets his name alone: "G, H offline". */
static void add_party(
    struct bytes *out, struct span name, struct span value, const char *common, bool first)
{
    char word[WORD_MAX];
    add(out, first ? "" : ", ");
    if (json_decode(name, word, sizeof word, NULL) == STATUS_OK)
        add(out, word);
    else
        add(out, "?");
    if (json_decode(value, word, sizeof word, NULL) == STATUS_OK && strcmp(word, common) != 0) {
        add(out, " ");
        add(out, word);
    }
}

/* Returns whether anybody's value differs from the common one. */
static bool add_parties(struct bytes *out, struct span object, const char *common, bool *any)
{
    struct json_cursor cursor;
    struct span name;
    struct span value;
    bool differs = false;
    json_begin(&cursor, object, JSON_DEPTH_MAX);
    if (json_kind_of(object) != JSON_KIND_OBJECT || json_enter_object(&cursor, NULL) != STATUS_OK)
        return false;
    while (json_next_member(&cursor, &name, NULL) == PULL_READY &&
           json_skip(&cursor, &value, NULL) == STATUS_OK) {
        add_party(out, name, value, common, !*any);
        differs =
            differs || json_kind_of(value) != JSON_KIND_STRING || !json_string_is(value, common);
        *any = true;
    }
    return differs;
}

static void add_who(struct bytes *out, const struct client_result *result, const char *common)
{
    struct bytes who;
    bool any = false;
    bytes_init(&who, TEXT_MAX);
    bool differs = add_parties(&who, result->recipients, common, &any);
    differs = add_parties(&who, result->servers, common, &any) || differs;
    if (any && (differs || result->fate == CLIENT_BAD)) {
        add(out, " (");
        (void)!bytes_append_span(out, bytes_span(&who));
        add(out, ")");
    }
    bytes_release(&who);
}

const char *client_result_text(const struct client_result *result, char *out, size_t cap)
{
    struct bytes text;
    bytes_init(&text, (size_t)2 * TEXT_MAX);
    if (result->fate == CLIENT_GOOD && result->outcome != OUTCOME_NONE) {
        add(&text, outcome_text(result->outcome));
        add_who(&text, result, outcome_text(result->outcome));
    } else {
        add(&text, fates[result->fate].person);
    }
    if (result->fate == CLIENT_BAD) {
        add(&text, ": ");
        add(&text, result->reason_text[0] == '\0' ? "no reason told" : result->reason_text);
        add_who(&text, result, result->reason_text);
    }
    if (result->detail[0] != '\0') {
        add(&text, ": ");
        add(&text, result->detail);
    }
    visible_into(out, cap, bytes_span(&text));
    bytes_release(&text);
    return out;
}
