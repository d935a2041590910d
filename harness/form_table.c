#include "harness/form_table.h"

#include <string.h>

#define BIT(edge) (1U << (edge))

/* The first form that fits is taken. */
static const struct form forms[] = {
    {.edges = BIT(EDGE_CLIENT_SERVER),
        .key = "type",
        .words = {{"type", PART_PAYLOAD, "type"}, {"data", PART_PAYLOAD, "data"},
            {"id", PART_PAYLOAD, "id"}}},
    {.edges = BIT(EDGE_CLIENT_SERVER), .key = "ack", .words = {{"ack", PART_HEADER, "ack"}}},
    {.edges = BIT(EDGE_SERVER_CLIENT) | BIT(EDGE_SERVER_SERVER),
        .key = "status",
        .fixed = {"messageType", "statusReport"},
        .words = {{"status", PART_HEADER, "status"}, {"id", PART_PAYLOAD, "id"},
            {"outcome", PART_PAYLOAD, "outcome"}, {"recipients", PART_PAYLOAD, "recipients"},
            {"servers", PART_PAYLOAD, "servers"}, {"reason", PART_PAYLOAD, "reason"},
            {"detail", PART_PAYLOAD, "detail"}, {"server", PART_PAYLOAD, "server"}}},
    {.edges = BIT(EDGE_SERVER_CLIENT),
        .key = "type",
        .key_value = "dummy",
        .fixed = {"status", "0"},
        .words = {{"type", PART_PAYLOAD, "type"}, {"data", PART_PAYLOAD, "data"},
            {"id", PART_PAYLOAD, "id"}}},
    {.edges = BIT(EDGE_SERVER_CLIENT),
        .key = "type",
        .fixed = {"messageType", "receivedMessage"},
        .words = {{"type", PART_PAYLOAD, "type"}, {"data", PART_PAYLOAD, "data"},
            {"from", PART_HEADER, "from"}, {"id", PART_HEADER, "id"}, {"time", PART_HEADER, "time"},
            {"authenticated", PART_HEADER, "authenticated"}, {"seq", PART_HEADER, "seq"}}},
    {.edges = BIT(EDGE_SERVER_SERVER),
        .key = "type",
        .fixed = {"scope", "server"},
        .words = {{"type", PART_PAYLOAD, "type"}, {"data", PART_PAYLOAD, "data"},
            {"id", PART_PAYLOAD, "id"}, {"origin", PART_HEADER, "origin"},
            {"hops", PART_HEADER, "hops"}, {"trace", PART_HEADER, "trace"}}},
    {.edges = BIT(EDGE_SERVER_STREAM),
        .key = "ask",
        .words = {{"ask", PART_PAYLOAD, "data"}, {"type", PART_PAYLOAD, "type"},
            {"origin", PART_HEADER, "origin"}, {"id", PART_HEADER, "id"},
            {"deadlineMs", PART_HEADER, "deadlineMs"}, {"exchange", PART_HEADER, "exchange"},
            {"trace", PART_HEADER, "trace"}}},
};
enum { FORM_COUNT = sizeof(forms) / sizeof(forms[0]) };

const struct form *form_at(size_t index)
{
    return index < FORM_COUNT ? &forms[index] : NULL;
}

bool form_is_of(const struct form *form, enum edge_kind edge)
{
    return form->edges & BIT(edge);
}

bool form_admits_key(const struct form *form, const json_t *key)
{
    if (!key)
        return false;
    return !form->key_value ||
           (json_is_string(key) && strcmp(json_string_value(key), form->key_value) == 0);
}

const char *part_name(enum part part)
{
    return part == PART_HEADER ? "header" : "payload";
}
