#include "bester-send/report.h"

#include <stdio.h>
#include <string.h>

#include "libbester/json.h"
#include "libbester/visible.h"

const char *report_text(const struct told *told, bool has_lines, char out[REPORT_LINE_MAX])
{
    char line[40] = "";
    char id[160] = "";
    char fate[700];
    if (has_lines)
        snprintf(line, sizeof line, "line %llu: ", (unsigned long long)told->number);
    if (told->invalid != NULL) {
        visible_into(fate, sizeof fate, span_of(told->invalid));
    } else {
        char shown[140];
        snprintf(
            id, sizeof id, "id %s: ", visible_into(shown, sizeof shown, span_of(told->result->id)));
        client_result_text(told->result, fate, sizeof fate);
    }
    snprintf(out, REPORT_LINE_MAX, "%s%s%s", line, id, fate);
    return out;
}

/* {"name": token}, after what stands there already; an absent token: nothing.
 * It must stay on one line. */
static enum status add_token(struct bytes *out, const char *name, struct span token)
{
    if (token.at == NULL)
        return STATUS_OK;
    enum status status = bytes_printf(out, ", \"%s\": ", name);
    for (size_t i = 0; i < token.len && status == STATUS_OK; i++) {
        bool line_end = token.at[i] == '\n' || token.at[i] == '\r'; /* never within a string */
        status = bytes_append(out, line_end ? " " : token.at + i, 1);
    }
    return status;
}

/* The same with a text; an empty one: nothing. */
static enum status add_text(struct bytes *out, const char *name, const char *text)
{
    if (text[0] == '\0')
        return STATUS_OK;
    enum status status = bytes_printf(out, ", \"%s\": ", name);
    return status == STATUS_OK ? json_quote(out, span_of(text)) : status;
}

static enum status add_result(struct bytes *out, const struct client_result *result)
{
    enum status status = add_text(out, "id", result->id);
    if (status == STATUS_OK)
        status = add_text(out, "status", client_fate_text(result->fate));
    if (status == STATUS_OK)
        status = add_text(out, "outcome",
            result->fate == CLIENT_ANSWERED ? "answered" : outcome_text(result->outcome));
    if (status == STATUS_OK)
        status = add_text(out, "reason", result->reason_text);
    if (status == STATUS_OK)
        status = add_text(out, "detail", result->detail);
    if (status == STATUS_OK)
        status = add_token(out, "recipients", result->recipients);
    if (status == STATUS_OK)
        status = add_token(out, "servers", result->servers);
    if (status == STATUS_OK && result->fate != CLIENT_UNSENT)
        status = bytes_printf(out, ", \"rtt_ms\": %.3f", result->rtt_s * 1000);
    return status;
}

enum status report_json(const struct told *told, struct bytes *out)
{
    enum status status = bytes_printf(out, "{\"line\": %llu", (unsigned long long)told->number);
    if (status == STATUS_OK && told->invalid != NULL) {
        status = add_text(out, "status", "invalid");
        if (status == STATUS_OK)
            status = add_text(out, "detail", told->invalid);
    } else if (status == STATUS_OK) {
        status = add_result(out, told->result);
    }
    return status == STATUS_OK ? bytes_append_text(out, "}\n") : status;
}
