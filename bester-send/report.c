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

/* The same with a text; an empty one: null, or nothing if it is not always there. */
static enum status add_text(struct bytes *out, const char *name, const char *text, bool always)
{
    if (text[0] == '\0' && !always)
        return STATUS_OK;
    enum status status = bytes_printf(out, ", \"%s\": %s", name, text[0] == '\0' ? "null" : "");
    return status == STATUS_OK && text[0] != '\0' ? json_quote(out, span_of(text)) : status;
}

static enum status add_result(struct bytes *out, const struct client_result *result)
{
    enum status status = add_text(out, "detail", result->detail, false);
    if (status == STATUS_OK)
        status = add_token(out, "recipients", result->recipients);
    return status == STATUS_OK ? add_token(out, "servers", result->servers) : status;
}

/* The members that are always there. */
static enum status add_common(struct bytes *out, const struct told *told)
{
    const struct client_result *result = told->result;
    const char *outcome = "";
    if (result != NULL)
        outcome = result->fate == CLIENT_ANSWERED ? "answered" : outcome_text(result->outcome);
    enum status status = bytes_printf(out, "{\"line\": %llu", (unsigned long long)told->number);
    if (status == STATUS_OK)
        status = add_text(out, "id", result == NULL ? "" : result->id, true);
    if (status == STATUS_OK)
        status = add_text(
            out, "status", result == NULL ? "invalid" : client_fate_text(result->fate), true);
    if (status == STATUS_OK)
        status = add_text(out, "outcome", outcome, true);
    if (status == STATUS_OK)
        status = add_text(out, "reason", result == NULL ? "" : result->reason_text, true);
    if (status == STATUS_OK && (result == NULL || result->fate == CLIENT_UNSENT))
        return bytes_append_text(out, ", \"rtt_ms\": null");
    return status == STATUS_OK ? bytes_printf(out, ", \"rtt_ms\": %.3f", result->rtt_s * 1000)
                               : status;
}

enum status report_json(const struct told *told, struct bytes *out)
{
    enum status status = add_common(out, told);
    if (status == STATUS_OK)
        status = told->result == NULL ? add_text(out, "detail", told->invalid, false)
                                      : add_result(out, told->result);
    return status == STATUS_OK ? bytes_append_text(out, "}\n") : status;
}
