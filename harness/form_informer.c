/* What is asked of a server's informer, and its answers: frames without an envelope. */
#include "harness/form_table.h"

#include <stdio.h>
#include <string.h>

#include "harness/must.h"

static const char *const ask_words[] = {"command", "data", NULL};
static const char *const answer_words[] = {"status", "data", "detail", NULL};

static bool has_only(const json_t *value, const char *const *words, const char **other)
{
    json_t *member;

    json_object_foreach ((json_t *)value, *other, member) {
        size_t i = 0;

        while (words[i] && strcmp(words[i], *other) != 0)
            i++;
        if (!words[i])
            return false;
    }
    return true;
}

json_t *informer_to_wire(enum edge_kind edge, const json_t *value, char *word, struct fault *fault)
{
    bool asks = edge == EDGE_CLIENT_INFORMER;
    const char *first = asks ? "command" : "status";
    const char *other = NULL;
    json_t *command = json_object_get(value, "command");

    word[0] = '\0';
    if (!json_object_get(value, first)) {
        fault_set(fault, STATUS_INVALID, 0,
            asks ? "an informer is asked {\"command\": \"listClients\"}, with \"data\" perhaps"
                 : "an informer answers {\"status\": \"0\", \"data\": …}");
        return NULL;
    }
    if (!has_only(value, asks ? ask_words : answer_words, &other)) {
        snprintf(word, FORM_WORD_MAX, "%s", other);
        fault_set(
            fault, STATUS_INVALID, 0, "no word \"%s\" beside \"%s\" on this line", other, first);
        return NULL;
    }
    if (!asks || !json_is_string(command))
        return json_incref((json_t *)value);
    json_t *inner = must_json(json_pack("{s:O}", "type", command));
    if (json_object_get(value, "data"))
        json_object_set(inner, "data", json_object_get(value, "data"));
    return must_json(json_pack("{s:o}", "command", inner));
}

json_t *informer_show(enum edge_kind edge, const json_t *wire)
{
    static const char *const members[] = {"type", "data", NULL};
    const json_t *inner = json_object_get(wire, "command");
    json_t *type = json_object_get(inner, "type");
    const char *other = NULL;

    if (edge != EDGE_CLIENT_INFORMER || !json_is_string(type) || json_object_size(wire) != 1 ||
        !has_only(inner, members, &other))
        return NULL;
    json_t *words = must_json(json_pack("{s:O}", "command", type));
    if (json_object_get(inner, "data"))
        json_object_set(words, "data", json_object_get(inner, "data"));
    return words;
}
