#include <string.h>

#include "libbester/json.h"
#include "tests/fuzz/oracle.h"
#include "tests/fuzz/targets.h"

/* A token decodes, or holds a zero; and quoted again it is the same text. */
static void check_string(struct span token)
{
    size_t len = 0;
    char *decoded = malloc(token.len);
    MUST(decoded != NULL);
    enum status status = json_decode(token, decoded, token.len, &len);
    if (status == STATUS_OK) {
        struct bytes again;
        bytes_init(&again, SIZE_MAX);
        MUST(len < token.len - 1);
        MUST(memchr(decoded, '\0', len) == NULL && decoded[len] == '\0');
        MUST(json_string_is(token, decoded));
        MUST(json_quote(&again, (struct span){.at = decoded, .len = len}) == STATUS_OK);
        MUST(json_string_equal(token, bytes_span(&again)));
        MUST(json_check(bytes_span(&again), 0, NULL) == STATUS_OK);
        bytes_release(&again);
    } else {
        MUST(status == STATUS_INVALID);
    }
    MUST(json_string_equal(token, token));
    free(decoded);
}

/* Enters everything that can be entered; counts values and names. */
static size_t walk(struct json_cursor *cursor)
{
    bool is_object[JSON_DEPTH_MAX] = {false};
    size_t seen = 0;
    do {
        struct span value;
        enum json_kind kind = json_peek(cursor);
        unsigned depth = cursor->depth;
        seen++;
        if (kind == JSON_KIND_OBJECT || kind == JSON_KIND_ARRAY) {
            is_object[depth] = kind == JSON_KIND_OBJECT;
            MUST((is_object[depth] ? json_enter_object(cursor, NULL)
                                   : json_enter_array(cursor, NULL)) == STATUS_OK);
            MUST(cursor->depth == depth + 1);
        } else {
            MUST(json_skip(cursor, &value, NULL) == STATUS_OK);
            MUST(json_kind_of(value) == kind);
            if (kind == JSON_KIND_STRING)
                check_string(value);
        }
        enum pull pull = PULL_MORE;
        while (cursor->depth > 0 && pull == PULL_MORE) {
            bool object = is_object[cursor->depth - 1];
            pull =
                object ? json_next_member(cursor, &value, NULL) : json_next_element(cursor, NULL);
            if (object && pull == PULL_READY)
                check_string(value);
        }
        MUST(pull != PULL_BAD);
    } while (cursor->depth > 0);
    return seen;
}

int fuzz_json(const uint8_t *data, size_t size)
{
    struct span text = {.at = (const char *)data, .len = size};
    struct fault fault = {.text = ""};
    struct json_cursor cursor;
    struct span value = {0};
    char room[600];
    const char *why = "";
    enum status status = json_check(text, JSON_DEPTH_DEFAULT, &fault);
    if (oracle_ask(text, &why, room, sizeof room) == ORACLE_DIFFERENT) {
        fprintf(stderr, "%s\n", why);
        abort();
    }
    if (status != STATUS_OK) {
        MUST(status == STATUS_MALFORMED || status == STATUS_TOO_LARGE);
        MUST(fault.status == status && fault.offset <= size && fault.text[0] != '\0');
        return 0;
    }
    json_begin(&cursor, text, JSON_DEPTH_DEFAULT);
    MUST(json_skip(&cursor, &value, NULL) == STATUS_OK);
    MUST(value.at >= text.at && value.at + value.len <= text.at + text.len);
    MUST(json_kind_of(value) != JSON_KIND_ABSENT);
    json_begin(&cursor, text, JSON_DEPTH_DEFAULT);
    MUST(walk(&cursor) > 0);
    MUST(cursor.at == value.at + value.len);
    MUST(json_end(&cursor, NULL) == STATUS_OK);
    return 0;
}
