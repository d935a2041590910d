/* A handler in C: gives back to the sender what it got. */
#include "libbester/handler_sdk.h"

static void handle(const struct handler_request *request, struct handler_reply *reply, void *user)
{
    const char *names[] = {request->user, NULL};
    (void)user;
    reply_data(reply, request->data);
    reply_send_clients(reply, names, NO_MESSAGE);
}

int main(int argc, char **argv)
{
    return handler_sdk_main(argc, argv, handle, NULL);
}
