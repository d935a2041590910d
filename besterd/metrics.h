/*
 * metrics: what besterd counts, in one table, and its text for Prometheus.
 *
 * A row gives the enumerator, the name (without the "_total" of a counter), the
 * kind, one or two axes (labels), and a sentence. Each metric is an array of
 * cells, first axis by second, so that counting is one addition. The axes `type`
 * and `peer` grow with what the configuration names and with nothing else, so
 * that no stranger can make new series; what the configuration does not name is
 * counted under label 0, "other". Users are never named.
 *
 * Owns its cells and labels. A label keeps its number for as long as the struct
 * lives: what was counted does not go back when a reload takes a type away.
 * One thread only.
 */
#ifndef BESTERD_METRICS_H
#define BESTERD_METRICS_H

#include <stdio.h>

#include "libbester/bytes.h"
#include "libbester/status.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* enumerator, name of the label. type: of a message; peer: another server, by its
 * name in the configuration. */
#define AXIS_TABLE(X)         \
    X(AXIS_NONE, "")          \
    X(AXIS_TYPE, "type")      \
    X(AXIS_PEER, "peer")      \
    X(AXIS_RESULT, "result")  \
    X(AXIS_STATE, "state")    \
    X(AXIS_QUESTION, "state") \
    X(AXIS_TARGET, "to")      \
    X(AXIS_RELOAD, "result")  \
    X(AXIS_LIMIT, "limit")    \
    X(AXIS_SANDBOX, "part")   \
    X(AXIS_VERSION, "version")

enum metric_axis {
#define X(name, text) name,
    AXIS_TABLE(X)
#undef X
        AXIS_COUNT
};

/* Labels 0 to 2 of AXIS_TYPE. */
enum { TYPE_OTHER, TYPE_DUMMY, TYPE_BUILTIN };
enum { PEER_OTHER };

/* Of AXIS_STATE. */
#define HANDLER_STATE_TABLE(X)      \
    X(HANDLER_UP, "up")             \
    X(HANDLER_STARTING, "starting") \
    X(HANDLER_DOWN, "down")

enum handler_state {
#define X(name, text) name,
    HANDLER_STATE_TABLE(X)
#undef X
        HANDLER_STATE_COUNT
};

/* Of AXIS_LIMIT: what it is called in the configuration. */
#define LIMIT_TABLE(X)                                       \
    X(LIMIT_CONNECTS, "connectsPerSecond")                   \
    X(LIMIT_SESSIONS_PER_ADDRESS, "sessionsPerAddress")      \
    X(LIMIT_SESSIONS_PER_USER, "sessionsPerUser")            \
    X(LIMIT_ADDRESS_MESSAGES, "addressMessagesPerSecond")    \
    X(LIMIT_USER_MESSAGES, "userMessagesPerSecond")          \
    X(LIMIT_STRANGERS, "strangersBytes")                     \
    X(LIMIT_STALL, "stallBytes")                             \
    X(LIMIT_QUEUED, "queuedBytesPerSession")                 \
    X(LIMIT_TOTAL, "totalBytes")                             \
    X(LIMIT_KEPT, "keptBytes")                               \
    X(LIMIT_HANDLER, "inFlightPerHandler")                   \
    X(LIMIT_GUESSES, "failedLoginsPerMinute")                \
    X(LIMIT_ADDRESS_GUESSES, "addressFailedLoginsPerMinute") \
    X(LIMIT_USER_GUESSES, "userFailedLoginsPerMinute")

enum limit {
#define X(name, text) name,
    LIMIT_TABLE(X)
#undef X
        LIMIT_COUNT
};

/* Labels of the small axes. */
enum { QUESTION_SENT, QUESTION_UNSENT, QUESTION_COUNT };
enum { TOLD_USER, TOLD_SERVER, TOLD_COUNT };
enum { SANDBOX_FILES, SANDBOX_CALLS, SANDBOX_COUNT };
enum { RELOAD_GOOD, RELOAD_BAD, RELOAD_COUNT };

/* enumerator, name, kind, first axis, second axis, sentence */
#define METRIC_TABLE(X)                                                                           \
    X(METRIC_BUILD_INFO, "bester_build_info", METRIC_GAUGE, AXIS_VERSION, AXIS_NONE,              \
        "1, with the version as a label.")                                                        \
    X(METRIC_CONNECTIONS, "bester_connections", METRIC_COUNTER, AXIS_NONE, AXIS_NONE,             \
        "Connections accepted from clients and other servers.")                                   \
    X(METRIC_CONNECTIONS_OPEN, "bester_connections_open", METRIC_GAUGE, AXIS_NONE, AXIS_NONE,     \
        "Connections open now, logged in or not.")                                                \
    X(METRIC_SESSIONS, "bester_sessions", METRIC_GAUGE, AXIS_NONE, AXIS_NONE,                     \
        "Sessions of clients that are logged in now.")                                            \
    X(METRIC_LOGINS, "bester_logins", METRIC_COUNTER, AXIS_RESULT, AXIS_NONE,                     \
        "Logins, by result.")                                                                     \
    X(METRIC_MESSAGES, "bester_messages", METRIC_COUNTER, AXIS_TYPE, AXIS_RESULT,                 \
        "Messages of clients and other servers whose fate is known, by type and result.")         \
    X(METRIC_REPORTS, "bester_reports", METRIC_COUNTER, AXIS_RESULT, AXIS_NONE,                   \
        "Status reports sent, by reason; \"good\" where there is none.")                          \
    X(METRIC_DELIVERIES, "bester_deliveries", METRIC_COUNTER, AXIS_TARGET, AXIS_RESULT,           \
        "Deliveries to users and servers that are over, by result.")                              \
    X(METRIC_IN_FLIGHT, "bester_messages_in_flight", METRIC_GAUGE, AXIS_NONE, AXIS_NONE,          \
        "Messages accepted whose fate is not known yet.")                                         \
    X(METRIC_QUEUED_BYTES, "bester_queued_bytes", METRIC_GAUGE, AXIS_NONE, AXIS_NONE,             \
        "Bytes that wait to be written to clients.")                                              \
    X(METRIC_HELD_BYTES, "bester_held_bytes", METRIC_GAUGE, AXIS_NONE, AXIS_NONE,                 \
        "Bytes of all queues and unfinished messages together.")                                  \
    X(METRIC_EXCHANGE, "bester_exchange_seconds", METRIC_HISTOGRAM, AXIS_TYPE, AXIS_NONE,         \
        "From the question to a handler to its answer.")                                          \
    X(METRIC_HANDLER_STATE, "bester_handler_state", METRIC_GAUGE, AXIS_TYPE, AXIS_STATE,          \
        "1 for the state that the handler is in.")                                                \
    X(METRIC_HANDLER_RESTARTS, "bester_handler_restarts", METRIC_COUNTER, AXIS_TYPE, AXIS_NONE,   \
        "Starts of the handler's program after the first.")                                       \
    X(METRIC_BREAKER, "bester_handler_breaker_open", METRIC_GAUGE, AXIS_TYPE, AXIS_NONE,          \
        "1 while the handler is not asked because it has failed too often in a row.")             \
    X(METRIC_BREAKER_OPENS, "bester_handler_breaker_opens", METRIC_COUNTER, AXIS_TYPE, AXIS_NONE, \
        "Times that it was asked no more for this reason.")                                       \
    X(METRIC_HANDLER_QUESTIONS, "bester_handler_questions", METRIC_GAUGE, AXIS_TYPE,              \
        AXIS_QUESTION, "Questions to the handler that have no answer yet.")                       \
    X(METRIC_HANDLER_BYTES, "bester_handler_unsent_bytes", METRIC_GAUGE, AXIS_TYPE, AXIS_NONE,    \
        "Bytes of the questions that wait to be sent.")                                           \
    X(METRIC_WORDS, "bester_handler_words", METRIC_COUNTER, AXIS_TYPE, AXIS_NONE,                 \
        "Commands that the handler gave without being asked.")                                    \
    X(METRIC_WORD_PAUSES, "bester_handler_word_pauses", METRIC_COUNTER, AXIS_TYPE, AXIS_NONE,     \
        "Times that nothing was read from it because they were too many.")                        \
    X(METRIC_PEERS, "bester_peers", METRIC_GAUGE, AXIS_NONE, AXIS_NONE,                           \
        "Other servers that the configuration names.")                                            \
    X(METRIC_PEER_MESSAGES, "bester_peer_messages", METRIC_COUNTER, AXIS_PEER, AXIS_RESULT,       \
        "Messages to other servers, by result.")                                                  \
    X(METRIC_PEER_WAITING, "bester_peer_messages_in_flight", METRIC_GAUGE, AXIS_PEER, AXIS_NONE,  \
        "Messages to another server whose report is not in yet.")                                 \
    X(METRIC_LIMIT_HITS, "bester_limit_hits", METRIC_COUNTER, AXIS_LIMIT, AXIS_NONE,              \
        "Times that somebody came to a limit and was refused, paused or disconnected.")           \
    X(METRIC_PEER_UP, "bester_peer_up", METRIC_GAUGE, AXIS_PEER, AXIS_NONE,                       \
        "1 while there is a connection to a pinned server.")                                      \
    X(METRIC_PEER_CONNECTS, "bester_peer_connects", METRIC_COUNTER, AXIS_PEER, AXIS_NONE,         \
        "Connections to a pinned server that came up.")                                           \
    X(METRIC_PEER_WORKING, "bester_peer_messages_working", METRIC_GAUGE, AXIS_PEER, AXIS_NONE,    \
        "Messages of a pinned server that are under way here.")                                   \
    X(METRIC_PEER_DUPLICATES, "bester_peer_duplicates", METRIC_COUNTER, AXIS_PEER, AXIS_NONE,     \
        "Messages of a pinned server that came again and were not carried out again.")            \
    X(METRIC_PEER_STRANGERS, "bester_peer_strangers", METRIC_COUNTER, AXIS_NONE, AXIS_NONE,       \
        "Connections of servers with a key that the configuration does not name.")                \
    X(METRIC_ACCEPT_PAUSES, "bester_accept_pauses", METRIC_COUNTER, AXIS_NONE, AXIS_NONE,         \
        "Times that accepting paused because descriptors or memory ran out.")                     \
    X(METRIC_LOG_LOST, "bester_log_lines_lost", METRIC_COUNTER, AXIS_NONE, AXIS_NONE,             \
        "Lines of the log that nobody took in time.")                                             \
    X(METRIC_SANDBOX, "bester_sandbox", METRIC_GAUGE, AXIS_SANDBOX, AXIS_NONE,                    \
        "1 where besterd has confined itself.")                                                   \
    X(METRIC_REFUSED_CALLS, "bester_refused_system_calls", METRIC_COUNTER, AXIS_NONE, AXIS_NONE,  \
        "System calls that the sandbox refused: a fault of besterd, or an attack.")               \
    X(METRIC_RELOADS, "bester_reloads", METRIC_COUNTER, AXIS_RELOAD, AXIS_NONE,                   \
        "Reloads of the configuration.")                                                          \
    X(METRIC_LOOP_TURN, "bester_loop_turn_seconds", METRIC_HISTOGRAM, AXIS_NONE, AXIS_NONE,       \
        "How long a turn of the event loop took: what happens meanwhile waits for so long.")      \
    X(METRIC_CPU, "process_cpu_seconds", METRIC_COUNTER, AXIS_NONE, AXIS_NONE,                    \
        "Processor time used, in user and system mode.")                                          \
    X(METRIC_RESIDENT, "process_resident_memory_bytes", METRIC_GAUGE, AXIS_NONE, AXIS_NONE,       \
        "Resident memory.")                                                                       \
    X(METRIC_VIRTUAL, "process_virtual_memory_bytes", METRIC_GAUGE, AXIS_NONE, AXIS_NONE,         \
        "Virtual memory.")                                                                        \
    X(METRIC_OPEN_FDS, "process_open_fds", METRIC_GAUGE, AXIS_NONE, AXIS_NONE,                    \
        "Descriptors in use.")                                                                    \
    X(METRIC_MAX_FDS, "process_max_fds", METRIC_GAUGE, AXIS_NONE, AXIS_NONE,                      \
        "Descriptors that may be in use.")                                                        \
    X(METRIC_START_TIME, "process_start_time_seconds", METRIC_GAUGE, AXIS_NONE, AXIS_NONE,        \
        "When the process started, in seconds since 1970.")

enum metric {
#define X(id, name, kind, first, second, help) id,
    METRIC_TABLE(X)
#undef X
        METRIC_COUNT
};

struct metrics;

/* NULL when out of memory. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *self); /* NULL is legal */

/* The number of a label of AXIS_TYPE or AXIS_PEER, made if there is none yet; 0
 * ("other") when out of memory. */
size_t metrics_label(struct metrics *self, enum metric_axis axis, const char *text);

/* Counting. a and b are labels, 0 for AXIS_NONE. A NULL self counts nothing, for
 * tests of parts. */
void metrics_count(struct metrics *self, enum metric metric, size_t a, size_t b);
void metrics_add(struct metrics *self, enum metric metric, size_t a, size_t b, double value);
/* A gauge; or a counter that somebody else keeps. */
void metrics_set(struct metrics *self, enum metric metric, size_t a, size_t b, double value);
void metrics_observe(struct metrics *self, enum metric metric, size_t a, double seconds);
/* A label of AXIS_STATE. */
const char *metrics_state_text(enum handler_state state);
/* A label of AXIS_LIMIT. */
const char *metrics_limit_text(enum limit limit);
/* What a status is on AXIS_RESULT. */
size_t metrics_result(enum status status);

/* No gauge has a value any more; one without a value is not shown. To be called
 * before the gauges are set anew. */
void metrics_forget_gauges(struct metrics *self);
/* Sets those about the process itself. */
void metrics_measure_process(struct metrics *self);

/* For tests: the value of one cell, of a histogram the number of observations. */
double metrics_value(const struct metrics *self, enum metric metric, size_t a, size_t b);

/* A paragraph about each, for the documentation. */
void metrics_print_help(FILE *out);

/* The text exposition format 0.0.4 of Prometheus, or OpenMetrics 1.0. */
enum metrics_form { METRICS_PROMETHEUS, METRICS_OPENMETRICS };
const char *metrics_content_type(enum metrics_form form);
/* Appends to out. STATUS_TOO_LARGE, STATUS_NO_MEMORY. */
MUST_CHECK enum status metrics_render(
    const struct metrics *self, enum metrics_form form, struct bytes *out);

#endif
