/* The part of the table about one type of "handlers.typeMap". */
#include "besterd/config_table.h"

#define IN_HANDLER(member) .offset = offsetof(struct raw_handler, member)

/* An hour: no deadline needs more. */
enum { HOUR_MS = 3600000 };

static const char *const protocol_choices[] = {
    [CONFIG_ONESHOT] = "oneshot", [CONFIG_STREAM] = "stream", [CONFIG_STREAM + 1] = NULL};
static const char *const may_choices[] = {"sendClients", "sendServers", "sendHandler", NULL};

#define MAY_MEMBER(command, index, whom)                                            \
    {                                                                               \
        .name = (command), .kind = CONFIG_TEXTS, IN_HANDLER(may_command.to[index]), \
        .fallback = "it may not command this at all", .help = (whom)                \
    }

/* In the order of enum config_may. */
static const struct config_member may_members[] = {
    MAY_MEMBER("sendClients", 0,
        "Users whom the handler may send to. A '*' stands for any characters: \"guest-*\"."),
    MAY_MEMBER("sendServers", 1,
        "Servers that it may send to, each as the handler names it: a name of peers, or "
        "\"host:port\". Patterns as above."),
    MAY_MEMBER("sendHandler", 2, "Types that it may pass a message on to. Patterns as above."),
    {.name = NULL},
};

const struct config_member config_handler_members[] = {
    {.name = "handlerBinary",
        .kind = CONFIG_TEXT,
        .part1 = true,
        IN_HANDLER(binary),
        .fallback = "none: somebody else starts the handler",
        .help = "Program to start when nobody listens on the socket. Its first argument is the "
                "path of the socket, which it must create."},
    {.name = "handlerArguments",
        .kind = CONFIG_TEXTS,
        IN_HANDLER(arguments),
        .fallback = "none",
        .help = "Further arguments of handlerBinary."},
    {.name = "unixDomainSocketPath",
        .kind = CONFIG_TEXT,
        .part1 = true,
        IN_HANDLER(path),
        .fallback = "must be given",
        .help = "Where the handler listens."},
    {.name = "protocol",
        .kind = CONFIG_CHOICE,
        .choices = protocol_choices,
        .preset = CONFIG_ONESHOT,
        IN_HANDLER(protocol),
        .help = "oneshot: a connection for each message. stream: a connection that stays, with "
                "many messages in flight."},
    {.name = "connections",
        .kind = CONFIG_COUNT,
        .least = 1,
        .most = CONFIG_CONNECTIONS_MAX,
        IN_HANDLER(connections),
        .fallback = "1",
        .help = "stream: how many connections are kept. The handler must serve all of them at "
                "once. What a session sends goes over one for as long as any of it is under "
                "way."},
    {.name = "pipelined",
        .kind = CONFIG_COUNT,
        .least = 1,
        .most = 1000000,
        IN_HANDLER(pipelined),
        .fallback = "64",
        .help = "stream: how many questions may be with the handler on one connection. Others "
                "wait, and their senders take turns; the fewer, the less a busy sender delays "
                "the rest."},
    {.name = "timeoutMs",
        .kind = CONFIG_COUNT,
        .preset = 5000,
        .least = 1,
        .most = HOUR_MS,
        IN_HANDLER(timeout_ms),
        .help = "How long the handler may take over one message."},
    {.name = "breakerFailures",
        .kind = CONFIG_COUNT,
        .preset = CONFIG_BREAKER_FAILURES,
        .most = 1000000,
        IN_HANDLER(breaker_failures),
        .help = "After so many failures in a row (no answer in time, one that makes no sense, a "
                "connection lost or not to be had) the handler is not asked for a while, and who "
                "wants to is told handlerDown at once. If all were at what one user sent, this "
                "holds for that user alone. 0: never."},
    {.name = "breakerPauseMs",
        .kind = CONFIG_COUNT,
        .preset = CONFIG_BREAKER_PAUSE_MS,
        .least = 1,
        .most = HOUR_MS,
        IN_HANDLER(breaker_pause_ms),
        .help = "How long that is at first; then one message is let through, to see. Each time "
                "that fails the pause is twice as long, up to 30 s. An answer or a new connection "
                "of the protocol stream ends it."},
    {.name = "mayCommand",
        .kind = CONFIG_RIGHTS,
        .choices = may_choices,
        .inside = may_members,
        IN_HANDLER(may_command),
        .fallback = "all of them",
        .help = "What the handler may command, in answers and of its own accord: a list; or an "
                "object that also says to whom, where what it does not name is forbidden. In "
                "the report, whom it may not send to is notAllowed; the others get the message."},
    {.name = "wordsPerSecond",
        .kind = CONFIG_COUNT,
        .least = 1,
        .most = 1000000,
        IN_HANDLER(words_per_s),
        .fallback = "1000",
        .help = "stream: how many commands the handler may give of its own accord, on average. "
                "Over it nothing is read from that connection for a while; nothing is lost."},
    {.name = "wordBurst",
        .kind = CONFIG_COUNT,
        .least = 1,
        .most = 1000000,
        IN_HANDLER(word_burst),
        .fallback = "1000",
        .help = "stream: how many of them may come at once after a rest."},
    {.name = "wordsInFlight",
        .kind = CONFIG_COUNT,
        .least = 1,
        .most = 1000000,
        IN_HANDLER(words_in_flight),
        .fallback = "256",
        .help = "stream: how many of them may be under way at once; reading then pauses, too."},
    {.name = "socketOwner",
        .kind = CONFIG_TEXT,
        IN_HANDLER(socket_owner),
        .fallback = "nobody else",
        .help = "A user of this machine who may listen on the socket, besides root and the one as "
                "whom besterd runs. Nobody else is told a message."},
    {.name = "passEnvironment",
        .kind = CONFIG_TEXTS,
        IN_HANDLER(environment),
        .fallback = "none",
        .help =
            "Names of environment variables that handlerBinary gets, besides PATH, HOME, USER, "
            "LOGNAME, SHELL, LANG, LANGUAGE, TZ, TMPDIR and those that begin with LC_ or XDG_. A "
            "name may end with *."},
    {.name = "memoryBytes",
        .kind = CONFIG_SIZE,
        .most = (uint64_t)1 << 50,
        IN_HANDLER(memory_bytes),
        .help = "How much address space handlerBinary may have; 0: any."},
    {.name = "cpuSeconds",
        .kind = CONFIG_COUNT,
        .most = UINT32_MAX,
        IN_HANDLER(cpu_s),
        .help =
            "After so much processor time handlerBinary is killed, and started again; 0: never."},
    {.name = "openFiles",
        .kind = CONFIG_COUNT,
        .most = 1 << 20,
        IN_HANDLER(files),
        .help = "How many descriptors handlerBinary may have; 0: as many as besterd."},
    {.name = "processes",
        .kind = CONFIG_COUNT,
        .most = 1 << 22,
        IN_HANDLER(processes),
        .help = "How many processes and threads its user may have for handlerBinary to start one "
                "more; 0: any."},
    {.name = "template",
        .kind = CONFIG_TEXT,
        IN_HANDLER(template_path),
        .fallback = "none",
        .help = "File with the template of the type, a JSON object that clients are given."},
    {.name = NULL},
};
