/*
 * echo: a handler of both protocols for the soak: {"to": "u7", "text": "…"} goes to
 * that user as it came. (chat needs to be told who wrote, which one-shot does not.)
 */
#include "libbester/handler_sdk.h"
#include "libbester/json.h"
#include "libbester/json_find.h"

static void handle(const struct handler_request *request, struct handler_reply *reply, void *user)
{
    char to[64];
    const char *names[] = {to, NULL};

    (void)user;
    if (json_decode(json_find(request->data, SPAN_LITERAL("to")), to, sizeof(to), NULL) !=
        STATUS_OK) {
        reply_refuse(reply, "1", "to: names nobody");
        return;
    }
    reply_data(reply, request->data);
    reply_send_clients(reply, names, NO_MESSAGE);
}

int main(int argc, char **argv)
{
    return handler_sdk_main(argc, argv, handle, NULL);
}
