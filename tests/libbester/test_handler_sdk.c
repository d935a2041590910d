#include "tests/support/dialogue.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "libbester/handler_sdk.h"
#include "libbester/json.h"

enum { PATH_BYTES = 100, KEPT_MAX = 8 };

struct fixture {
    char directory[40];
    char path[PATH_BYTES];
    struct ev_loop *loop;
    struct handler_sdk *sdk;
    struct handler_reply *kept[KEPT_MAX];
    const struct handler_request *requests[KEPT_MAX];
    size_t kept_count;
    struct dialogue first;
    struct dialogue second;
};

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    assert_non_null(self);
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-sdk-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->path, sizeof self->path, "%s/h.sock", self->directory);
    self->loop = ev_loop_new(EVFLAG_AUTO);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    handler_sdk_free(self->sdk);
    ev_loop_destroy(self->loop);
    assert_int_equal(rmdir(self->directory), 0); /* the socket is gone */
    free(self);
    return 0;
}

static void start(
    struct fixture *self, enum handler_sdk_protocol protocol, handler_function *handle)
{
    struct fault fault = {.text = ""};
    const struct handler_sdk_options options = {
        .path = self->path, .protocol = protocol, .handle = handle, .user = self};
    if (handler_sdk_new(&self->sdk, self->loop, &options, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    dialogue_open(&self->first, self->loop, self->path);
}

/* ---- handlers ---- */

/* Tells back all that a request says. */
static void tell(const struct handler_request *request, struct handler_reply *reply, void *user)
{
    char text[2000];
    (void)user;
    snprintf(text, sizeof text, "[\"%s\",\"%s\",\"%s\",\"%s\",%s,\"%s\",%.*s,%u,%.*s]",
        request->user, request->server, request->via, request->scope,
        request->authenticated ? "true" : "false", request->type,
        request->id.at != NULL ? (int)request->id.len : 4,
        request->id.at != NULL ? request->id.at : "null", request->deadline_ms,
        (int)request->data.len, request->data.at);
    reply_data(reply, span_of(text));
}

/* Does what data, one word, says. */
static void obey(const struct handler_request *request, struct handler_reply *reply, void *user)
{
    static const char *const names[] = {"G", "T \"x\"", NULL};
    static const char *const servers[] = {"S2", NULL};
    static const char *const nobody[] = {NULL};
    char overlong[2000];
    (void)user;
    if (json_string_is(request->data, "clients")) {
        reply_data(reply, SPAN_LITERAL("{\"a\": 1}"));
        reply_send_clients(reply, names, NO_MESSAGE);
    } else if (json_string_is(request->data, "three")) {
        reply_data(reply, SPAN_LITERAL("1"));
        reply_data(reply, SPAN_LITERAL("2"));
        reply_send_clients(reply, nobody, NO_MESSAGE);
        reply_send_servers(reply, servers, SPAN_LITERAL("[true]"));
        reply_send_handler(reply, "other", SPAN_LITERAL("null"));
    } else if (json_string_is(request->data, "own message")) {
        reply_data(reply, SPAN_LITERAL("1"));
        reply_send_servers(reply, servers, SPAN_LITERAL("[true]"));
    } else if (json_string_is(request->data, "refuse")) {
        reply_send_clients(reply, names, NO_MESSAGE);
        reply_data(reply, SPAN_LITERAL("1"));
        reply_refuse(reply, "42", "no \"%s\" here\n", "cake");
    } else if (json_string_is(request->data, "refuse with 0")) {
        reply_refuse(reply, "00", "that is no refusal");
    } else if (json_string_is(request->data, "refuse with rubbish")) {
        reply_refuse(reply, "1\",\"x", "nor that");
    } else if (json_string_is(request->data, "refuse at length")) {
        memset(overlong, 'x', sizeof overlong - 1);
        overlong[sizeof overlong - 1] = '\0';
        reply_refuse(reply, "1", "%s", overlong);
    } else if (json_string_is(request->data, "bad data")) {
        reply_data(reply, SPAN_LITERAL("{\"a\": }"));
        reply_send_clients(reply, names, NO_MESSAGE);
    } else if (json_string_is(request->data, "bad message")) {
        reply_send_clients(reply, names, SPAN_LITERAL("{} {}"));
    }
}

/* Keeps every reply for the test to send. */
static void keep(const struct handler_request *request, struct handler_reply *reply, void *user)
{
    struct fixture *self = user;
    (void)request;
    assert_true(self->kept_count < KEPT_MAX);
    self->requests[self->kept_count] = reply_keep(reply);
    assert_non_null(self->requests[self->kept_count]);
    assert_ptr_equal(reply_keep(reply), self->requests[self->kept_count]);
    self->kept[self->kept_count++] = reply;
    ev_break(self->loop, EVBREAK_ONE);
}

/* ---- requests ---- */

static void test_what_a_request_says(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_STREAM, tell);
    dialogue_say(&self->first,
        "{\"header\": {\"exchange\": \"9\", \"origin\": {\"user\": \"T\", \"server\": \"S1\", "
        "\"scope\": \"server\", \"authenticated\": true, \"via\": \"S2\", \"more\": [1]}, \"id\": "
        "\"42\", \"deadlineMs\": 5000}, \"payload\": {\"type\": \"chat\", \"data\": {\"x\" : "
        "[1, 2]}}}");
    dialogue_expect(&self->first,
        "{\"header\":{\"exchange\":\"9\",\"status\":\"0\",\"commands\":[]},\"data\":[\"T\",\"S1\","
        "\"S2\",\"server\",true,\"chat\",\"42\",5000,{\"x\" : [1, 2]}]}");
    /* What is not told is empty. */
    dialogue_say(&self->first, "{\"header\": {\"exchange\": 7}, \"payload\": {}}");
    dialogue_expect(&self->first,
        "{\"header\":{\"exchange\":7,\"status\":\"0\",\"commands\":[]},\"data\":[\"\",\"\",\"\","
        "\"\",false,\"\",null,0,null]}");
    dialogue_close(&self->first);
}

static void test_oneshot_requests(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_ONESHOT, tell);
    dialogue_say(&self->first, " {\"header\": 1} ");
    shutdown(self->first.fd, SHUT_WR);
    dialogue_expect(&self->first,
        "{\"header\":{\"status\":\"0\"},\"data\":[\"\",\"\",\"\",\"\",false,\"\",null,0, "
        "{\"header\": 1} ]}");
    dialogue_expect_end(&self->first);
    dialogue_close(&self->first);
}

static void test_requests_that_cannot_be_read(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_STREAM, tell);
    /* With an exchange it can be answered, and the next question comes. */
    dialogue_say(
        &self->first, "{\"header\": {\"exchange\": \"1\", \"origin\": 5}, \"payload\": {}}");
    dialogue_expect(&self->first,
        "{\"header\":{\"exchange\":\"1\",\"status\":\"1\",\"detail\":\"the question's origin is "
        "not an object\"},\"data\":null}");
    dialogue_say(&self->first,
        "{\"header\": {\"exchange\": \"2\", \"origin\": {\"user\": 5}}, \"payload\": {}}");
    dialogue_expect(&self->first,
        "{\"header\":{\"exchange\":\"2\",\"status\":\"1\",\"detail\":\"the question's user is not "
        "a text of at most 255 bytes\"},\"data\":null}");
    /* Without one nobody would know what the answer is to. */
    dialogue_say(&self->first, "{\"header\": {}, \"payload\": {}}");
    dialogue_expect_end(&self->first);
    dialogue_close(&self->first);
    dialogue_open(&self->first, self->loop, self->path);
    dialogue_say(&self->first, "rubbish");
    dialogue_expect_end(&self->first);
    dialogue_close(&self->first);
}

static void test_oneshot_requests_that_cannot_be_read(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_ONESHOT, tell);
    dialogue_say(&self->first, "rubbish");
    const char *answer = dialogue_hear(&self->first);
    assert_non_null(strstr(answer, "{\"header\":{\"status\":\"1\",\"detail\":\"the question "
                                   "cannot be read: "));
    dialogue_close(&self->first);
}

/* ---- replies ---- */

static void assert_reply(
    struct fixture *self, const char *word, const char *header, const char *data)
{
    char question[200];
    char expected[4000];
    snprintf(question, sizeof question,
        "{\"header\": {\"exchange\": \"5\"}, \"payload\": {\"data\": \"%s\"}}", word);
    snprintf(expected, sizeof expected, "{\"header\":{\"exchange\":\"5\",%s},\"data\":%s}", header,
        data);
    dialogue_say(&self->first, question);
    dialogue_expect(&self->first, expected);
}

static void test_commands(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_STREAM, obey);
    assert_reply(self, "nothing", "\"status\":\"0\",\"commands\":[]", "null");
    assert_reply(self, "clients",
        "\"status\":\"0\",\"commands\":[{\"type\":\"sendClients\",\"data\":[\"G\",\"T "
        "\\\"x\\\"\"]}]",
        "{\"a\": 1}");
    assert_reply(self, "three",
        "\"status\":\"0\",\"commands\":[{\"type\":\"sendClients\",\"data\":[]},{\"type\":"
        "\"sendServers\",\"data\":[\"S2\"],\"message\":[true]},{\"type\":\"sendHandler\","
        "\"data\":\"other\",\"message\":null}]",
        "2");
    dialogue_close(&self->first);
}

static void test_refusals(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_STREAM, obey);
    assert_reply(
        self, "refuse", "\"status\":\"42\",\"detail\":\"no \\\"cake\\\" here\\n\"", "null");
    assert_reply(
        self, "refuse with 0", "\"status\":\"1\",\"detail\":\"that is no refusal\"", "null");
    assert_reply(self, "refuse with rubbish", "\"status\":\"1\",\"detail\":\"nor that\"", "null");
    char longest[512];
    char header[600];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    snprintf(header, sizeof header, "\"status\":\"1\",\"detail\":\"%s\"", longest);
    assert_reply(self, "refuse at length", header, "null");
    dialogue_close(&self->first);
}

static void test_mistakes_of_the_handler(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_STREAM, obey);
    dialogue_say(
        &self->first, "{\"header\": {\"exchange\": \"5\"}, \"payload\": {\"data\": \"bad data\"}}");
    const char *answer = dialogue_hear(&self->first);
    static const char expected[] = "{\"header\":{\"exchange\":\"5\",\"status\":\"1\",\"detail\":"
                                   "\"the handler's data is not JSON: ";
    assert_int_equal(strncmp(answer, expected, sizeof expected - 1), 0);
    dialogue_say(&self->first,
        "{\"header\": {\"exchange\": \"6\"}, \"payload\": {\"data\": \"bad message\"}}");
    answer = dialogue_hear(&self->first);
    assert_non_null(strstr(answer, "the handler's message is not JSON: "));
    dialogue_close(&self->first);
}

static void test_oneshot_replies(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_ONESHOT, obey);
    const struct {
        const char *question, *answer;
    } samples[] = {
        {"\"clients\"", "{\"header\":{\"status\":\"0\",\"command\":{\"type\":\"sendClients\","
                        "\"data\":[\"G\",\"T \\\"x\\\"\"]}},\"data\":{\"a\": 1}}"},
        {"\"own message\"", "{\"header\":{\"status\":\"0\",\"command\":{\"type\":\"sendServers\","
                            "\"data\":[\"S2\"]}},\"data\":[true]}"},
        {"\"refuse\"", "{\"header\":{\"status\":\"42\",\"detail\":\"no \\\"cake\\\" here\\n\"},"
                       "\"data\":null}"},
        {"\"three\"", "{\"header\":{\"status\":\"1\",\"detail\":\"the handler gave several "
                      "commands, oneshot can tell only one\"},\"data\":null}"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        dialogue_say(&self->first, samples[i].question);
        dialogue_expect(&self->first, samples[i].answer);
        dialogue_close(&self->first);
        dialogue_open(&self->first, self->loop, self->path);
    }
    dialogue_close(&self->first);
}

/* ---- answers given later ---- */

static void ask_kept(struct fixture *self, struct dialogue *dialogue, int exchange)
{
    char question[200];
    snprintf(question, sizeof question,
        "{\"header\": {\"exchange\": \"%d\", \"origin\": {\"user\": \"T%d\"}}, \"payload\": "
        "{\"data\": [%d], \"id\": \"i%d\"}}",
        exchange, exchange, exchange, exchange);
    dialogue_say(dialogue, question);
    size_t before = self->kept_count;
    ev_run(self->loop, 0);
    assert_int_equal(self->kept_count, before + 1);
}

static void test_kept_replies_in_any_order(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_STREAM, keep);
    dialogue_open(&self->second, self->loop, self->path);
    ask_kept(self, &self->first, 1);
    ask_kept(self, &self->second, 2);
    ask_kept(self, &self->first, 3);
    /* The requests are still what they were, whatever came after. */
    for (int i = 0; i < 3; i++) {
        char expected[20];
        snprintf(expected, sizeof expected, "T%d", i + 1);
        assert_string_equal(self->requests[i]->user, expected);
        snprintf(expected, sizeof expected, "[%d]", i + 1);
        assert_true(span_is(self->requests[i]->data, expected));
        snprintf(expected, sizeof expected, "\"i%d\"", i + 1);
        assert_true(span_is(self->requests[i]->id, expected));
    }
    for (int i = 2; i >= 0; i--) {
        reply_data(self->kept[i], self->requests[i]->data);
        reply_send(self->kept[i]);
    }
    dialogue_expect(&self->first,
        "{\"header\":{\"exchange\":\"3\",\"status\":\"0\",\"commands\":[]},\"data\":[3]}");
    dialogue_expect(&self->first,
        "{\"header\":{\"exchange\":\"1\",\"status\":\"0\",\"commands\":[]},\"data\":[1]}");
    dialogue_expect(&self->second,
        "{\"header\":{\"exchange\":\"2\",\"status\":\"0\",\"commands\":[]},\"data\":[2]}");
    dialogue_close(&self->first);
    dialogue_close(&self->second);
}

static void test_a_kept_reply_outlives_its_connection(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_STREAM, keep);
    dialogue_open(&self->second, self->loop, self->path);
    ask_kept(self, &self->first, 1);
    dialogue_close(&self->first);
    ask_kept(self, &self->second, 2); /* by now the end of the first was seen */
    reply_send(self->kept[0]);
    reply_send(self->kept[1]);
    dialogue_expect(&self->second,
        "{\"header\":{\"exchange\":\"2\",\"status\":\"0\",\"commands\":[]},\"data\":null}");
    dialogue_close(&self->second);
}

static void test_a_kept_reply_outlives_the_handler(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_STREAM, keep);
    ask_kept(self, &self->first, 1);
    ask_kept(self, &self->first, 2);
    reply_send(self->kept[0]);
    handler_sdk_free(self->sdk); /* sends what is ready */
    self->sdk = NULL;
    dialogue_expect(&self->first,
        "{\"header\":{\"exchange\":\"1\",\"status\":\"0\",\"commands\":[]},\"data\":null}");
    dialogue_expect_end(&self->first);
    assert_true(span_is(self->requests[1]->data, "[2]"));
    reply_send(self->kept[1]);
    dialogue_close(&self->first);
}

static void test_half_closed_with_a_kept_reply(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_ONESHOT, keep);
    dialogue_say(&self->first, "[1]");
    shutdown(self->first.fd, SHUT_WR);
    ev_run(self->loop, 0);
    ev_run(self->loop, EVRUN_NOWAIT); /* the end of input is seen */
    reply_data(self->kept[0], self->requests[0]->data);
    reply_send(self->kept[0]);
    dialogue_expect(&self->first, "{\"header\":{\"status\":\"0\"},\"data\":[1]}");
    dialogue_expect_end(&self->first);
    dialogue_close(&self->first);
}

static void keep_and_send(
    const struct handler_request *request, struct handler_reply *reply, void *user)
{
    (void)user;
    assert_non_null(reply_keep(reply));
    reply_data(reply, request->data);
    reply_send(reply); /* before handle returns */
}

static void test_kept_and_sent_at_once(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_STREAM, keep_and_send);
    for (int i = 0; i < 3; i++) {
        dialogue_say(&self->first, "{\"header\": {\"exchange\": 1}, \"payload\": {\"data\": 2}}");
        dialogue_expect(&self->first,
            "{\"header\":{\"exchange\":1,\"status\":\"0\",\"commands\":[]},\"data\":2}");
    }
    dialogue_close(&self->first);
}

/* ---- sockets ---- */

static void test_one_byte_at_a_time(void **state)
{
    struct fixture *self = *state;
    start(self, HANDLER_SDK_STREAM, keep_and_send);
    dialogue_open(&self->second, self->loop, self->path);
    struct blob *frame =
        frame_of(SPAN_LITERAL("{\"header\": {\"exchange\": 1}, \"payload\": {\"data\": 2}}"));
    for (size_t i = 0; i < frame->len; i++) {
        dialogue_write(&self->first, frame->data + i, 1);
        dialogue_write(&self->second, frame->data, frame->len);
        dialogue_expect(&self->second,
            "{\"header\":{\"exchange\":1,\"status\":\"0\",\"commands\":[]},\"data\":2}");
    }
    dialogue_expect(
        &self->first, "{\"header\":{\"exchange\":1,\"status\":\"0\",\"commands\":[]},\"data\":2}");
    blob_unref(frame);
    dialogue_close(&self->first);
    dialogue_close(&self->second);
}

static void test_a_frame_too_large(void **state)
{
    struct fixture *self = *state;
    static const unsigned char header[] = {0, 0, 0, 0x7f};
    start(self, HANDLER_SDK_STREAM, keep_and_send);
    dialogue_write(&self->first, header, sizeof header);
    dialogue_expect_end(&self->first);
    dialogue_close(&self->first);
}

static void test_paths_that_cannot_be_used(void **state)
{
    struct fixture *self = *state;
    struct handler_sdk *sdk = NULL;
    struct fault fault = {.text = ""};
    struct handler_sdk_options options = {.path = "", .handle = tell};
    assert_int_equal(handler_sdk_new(&sdk, self->loop, &options, &fault), STATUS_INVALID);
    options.path = "/nonexistent/h.sock";
    assert_int_equal(handler_sdk_new(&sdk, self->loop, &options, &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "No such file"));
    assert_null(sdk);
}

/* ---- a whole program ---- */

static pid_t run_program(const char *const arguments[], const char *protocol)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0)
        return child;
    char *argv[8] = {NULL};
    int argc = 0;
    for (; arguments[argc] != NULL; argc++)
        argv[argc] = strdup(arguments[argc]);
    if (protocol != NULL)
        setenv("BESTER_PROTOCOL", protocol, 1);
    fclose(stderr); /* what it says about wrong use is not ours to show */
    _exit(handler_sdk_main(argc, argv, tell, NULL));
}

static int end_of(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Until the program listens; it may end instead, and then this fails. */
static void connect_to(struct fixture *self, pid_t child)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", self->path);
    self->first.loop = self->loop;
    self->first.len = 0;
    self->first.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    while (connect(self->first.fd, (struct sockaddr *)&address, sizeof address) != 0) {
        assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
        sched_yield();
    }
}

static void test_a_program(void **state)
{
    struct fixture *self = *state;
    static const int signals[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        pid_t child =
            run_program((const char *const[]){"handler", self->path, "--verbose", NULL}, NULL);
        connect_to(self, child);
        dialogue_say(
            &self->first, "{\"header\": {\"exchange\": 1}, \"payload\": {\"data\": true}}");
        assert_non_null(strstr(dialogue_hear(&self->first), "null,0,true]"));
        kill(child, signals[i]);
        assert_int_equal(end_of(child), 0);
        assert_int_equal(access(self->path, F_OK), -1);
        dialogue_close(&self->first);
    }
}

static void test_a_program_with_oneshot(void **state)
{
    struct fixture *self = *state;
    const char *const by_option[] = {"handler", self->path, "--protocol", "oneshot", NULL};
    const char *const by_joined_option[] = {"handler", self->path, "--protocol=oneshot", NULL};
    const char *const by_environment[] = {"handler", self->path, NULL};
    const struct {
        const char *const *arguments;
        const char *protocol;
    } samples[] = {{by_option, "stream"}, {by_joined_option, NULL}, {by_environment, "oneshot"}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        pid_t child = run_program(samples[i].arguments, samples[i].protocol);
        connect_to(self, child);
        dialogue_say(&self->first, "5");
        assert_non_null(strstr(dialogue_hear(&self->first), "null,0,5]"));
        kill(child, SIGTERM);
        assert_int_equal(end_of(child), 0);
        dialogue_close(&self->first);
    }
}

static void test_programs_called_wrongly(void **state)
{
    struct fixture *self = *state;
    unsetenv("BESTER_SOCKET");
    unsetenv("BESTER_PROTOCOL");
    assert_int_equal(end_of(run_program((const char *const[]){"handler", NULL}, NULL)), 2);
    assert_int_equal(
        end_of(run_program(
            (const char *const[]){"handler", self->path, "--protocol", "smoke", NULL}, NULL)),
        2);
    assert_int_equal(
        end_of(run_program((const char *const[]){"handler", self->path, NULL}, "smoke")), 2);
    assert_int_equal(
        end_of(run_program((const char *const[]){"handler", "/nonexistent/x", NULL}, NULL)), 74);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_a_request_says),
        TEST(test_oneshot_requests),
        TEST(test_requests_that_cannot_be_read),
        TEST(test_oneshot_requests_that_cannot_be_read),
        TEST(test_commands),
        TEST(test_refusals),
        TEST(test_mistakes_of_the_handler),
        TEST(test_oneshot_replies),
        TEST(test_kept_replies_in_any_order),
        TEST(test_a_kept_reply_outlives_its_connection),
        TEST(test_a_kept_reply_outlives_the_handler),
        TEST(test_half_closed_with_a_kept_reply),
        TEST(test_kept_and_sent_at_once),
        TEST(test_one_byte_at_a_time),
        TEST(test_a_frame_too_large),
        TEST(test_paths_that_cannot_be_used),
        TEST(test_a_program),
        TEST(test_a_program_with_oneshot),
        TEST(test_programs_called_wrongly),
    };
    return cmocka_run_group_tests_name("handler_sdk", tests, NULL, NULL);
}
