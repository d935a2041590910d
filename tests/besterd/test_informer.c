#include "tests/support/dialogue.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "besterd/informer.h"

enum { PATH_BYTES = 100, ASKERS = 40 };

/* ---- a server to tell about ---- */

struct fixture {
    char directory[40];
    char path[PATH_BYTES];
    struct ev_loop *loop;
    struct streams *streams;
    struct informer *informer;
    json_t *info;
    const char **clients; /* ended by NULL */
    struct dialogue first;
    struct dialogue second;
};

static void list_clients(void *server, struct informer_list *list)
{
    struct fixture *self = server;
    for (size_t i = 0; self->clients[i] != NULL; i++)
        informer_list_add(list, self->clients[i]);
}

static bool is_client(void *server, const char *username)
{
    struct fixture *self = server;
    for (size_t i = 0; self->clients[i] != NULL; i++) {
        if (strcmp(self->clients[i], username) == 0)
            return true;
    }
    return false;
}

static size_t client_count(void *server)
{
    struct fixture *self = server;
    size_t count = 0;
    while (self->clients[count] != NULL)
        count++;
    return count;
}

static size_t listener_count(void *server)
{
    (void)server;
    return 3;
}

static void listener_address(void *server, size_t index, struct address *out)
{
    static const char *const texts[] = {
        "tcp4://127.0.0.1:2223", "tcp6://[::1]:2223", "unix:///run/x.sock"};
    (void)server;
    assert_int_equal(address_parse(out, span_of(texts[index]), NULL), STATUS_OK);
}

static json_t *admin_info(void *server)
{
    return ((struct fixture *)server)->info;
}

static json_t *handlers(void *server)
{
    (void)server;
    return json_pack("{s:{s:s}}", "chat", "state", "down");
}

static json_t *peers(void *server)
{
    (void)server;
    return json_pack("{s:{s:s}}", "S2", "state", "up");
}

static json_t *strangers(void *server)
{
    (void)server;
    return json_array();
}

static json_t *identity(void *server)
{
    (void)server;
    return json_string("sha256:1");
}

static json_t *sandbox(void *server)
{
    (void)server;
    return json_pack("{s:i}", "landlock", 0);
}

static const struct informer_facts facts = {.list_clients = list_clients,
    .is_client = is_client,
    .client_count = client_count,
    .listener_count = listener_count,
    .listener_address = listener_address,
    .admin_info = admin_info,
    .handlers = handlers,
    .peers = peers,
    .strangers = strangers,
    .identity = identity,
    .sandbox = sandbox};

static const char *some_clients[] = {"G", "T", "\"odd\"", NULL};

static int setup(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);
    struct fault fault = {.text = ""};
    assert_non_null(self);
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-informer-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->path, sizeof self->path, "%s/bInformer", self->directory);
    self->loop = ev_loop_new(EVFLAG_AUTO);
    self->streams = streams_new(self->loop);
    self->info = json_pack("{s:s}", "name", "T");
    self->clients = some_clients;
    *state = self;
    return informer_new(&self->informer, self->streams, self->path, &facts, self, &fault) ==
                   STATUS_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct fixture *self = *state;
    informer_free(self->informer);
    assert_int_equal(access(self->path, F_OK), -1);
    streams_free(self->streams);
    ev_loop_destroy(self->loop);
    json_decref(self->info);
    assert_int_equal(rmdir(self->directory), 0);
    free(self);
    return 0;
}

static void ask(struct dialogue *dialogue, const char *question, const char *answer)
{
    dialogue_say(dialogue, question);
    dialogue_expect(dialogue, answer);
}

/* ---- Part I ---- */

static void test_list_clients(void **state)
{
    struct fixture *self = *state;
    static const char *nobody[] = {NULL};
    dialogue_open(&self->first, self->loop, self->path);
    ask(&self->first, "{\"command\": {\"type\": \"listClients\"}}",
        "{\"status\": \"0\", \"data\": [\"G\", \"T\", \"\\\"odd\\\"\"]}");
    self->clients = nobody;
    ask(&self->first, "{\"command\": {\"type\": \"listClients\"}}",
        "{\"status\": \"0\", \"data\": []}");
    dialogue_close(&self->first);
}

static void test_is_client(void **state)
{
    struct fixture *self = *state;
    dialogue_open(&self->first, self->loop, self->path);
    ask(&self->first, "{\"command\": {\"type\": \"isClient\", \"data\": \"G\"}}",
        "{\"status\": \"0\", \"data\": true}");
    ask(&self->first, "{\"command\": {\"type\": \"isClient\", \"data\": \"H\"}}",
        "{\"status\": \"0\", \"data\": false}");
    ask(&self->first, "{\"command\": {\"type\": \"isClient\", \"data\": 5}}",
        "{\"status\": \"1\", \"data\": null, \"detail\": \"isClient: data must be a username\"}");
    dialogue_close(&self->first);
}

static void test_server_info(void **state)
{
    struct fixture *self = *state;
    dialogue_open(&self->first, self->loop, self->path);
    ask(&self->first, "{\"command\": {\"type\": \"serverInfo\"}}",
        "{\"status\": \"0\", \"data\": {\"clientCount\": \"3\", \"adminInfo\": {\"name\": \"T\"}, "
        "\"listeners\": {\"listener0\": {\"address\": \"tcp4://127.0.0.1:2223\"}, "
        "\"listener1\": {\"address\": \"tcp6://[::1]:2223\"}, "
        "\"listener2\": {\"address\": \"unix:///run/x.sock\"}}, "
        "\"handlers\": {\"chat\": {\"state\": \"down\"}}, "
        "\"identity\": \"sha256:1\", \"peers\": {\"S2\": {\"state\": \"up\"}}, "
        "\"unknownPeers\": [], \"sandbox\": {\"landlock\": 0}}}");
    dialogue_close(&self->first);
}

static void test_quit(void **state)
{
    struct fixture *self = *state;
    dialogue_open(&self->first, self->loop, self->path);
    ask(&self->first, "{\"command\": {\"type\": \"quit\"}}", "{\"status\": \"0\", \"data\": null}");
    dialogue_expect_end(&self->first);
    dialogue_close(&self->first);
}

/* ---- what is wrong ---- */

static void test_wrong_questions(void **state)
{
    struct fixture *self = *state;
    static const char *const questions[] = {"", "nonsense", "{", "[]", "null", "{}",
        "{\"command\": \"quit\"}", "{\"command\": {}}", "{\"command\": {\"type\": 1}}",
        "{\"command\": {\"type\": \"shutdown\"}}", "{\"command\": {\"type\": \"\"}}",
        "{\"command\": {\"type\": \"quit\", \"type\": \"listClients\"}}", "{\"a\xff\": 1}"};
    static const char start[] = "{\"status\": \"1\", \"data\": null, \"detail\": \"";
    dialogue_open(&self->first, self->loop, self->path);
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        dialogue_say(&self->first, questions[i]);
        const char *answer = dialogue_hear(&self->first);
        assert_non_null(answer);
        if (strncmp(answer, start, sizeof start - 1) != 0)
            fail_msg("%s: %s", questions[i], answer);
    }
    /* And it is still there for a right one. */
    ask(&self->first, "{\"command\": {\"type\": \"isClient\", \"data\": \"G\"}}",
        "{\"status\": \"0\", \"data\": true}");
    dialogue_close(&self->first);
}

static void test_a_frame_too_large(void **state)
{
    struct fixture *self = *state;
    static const unsigned char header[] = {0xff, 0xff, 0xff, 0x7f};
    dialogue_open(&self->first, self->loop, self->path);
    dialogue_write(&self->first, header, sizeof header);
    dialogue_expect(&self->first,
        "{\"status\": \"1\", \"data\": null, \"detail\": \"the frame is too large\"}");
    dialogue_expect_end(&self->first);
    dialogue_close(&self->first);
}

static void test_one_byte_at_a_time(void **state)
{
    struct fixture *self = *state;
    struct blob *frame = frame_of(SPAN_LITERAL("{\"command\": {\"type\": \"listClients\"}}"));
    dialogue_open(&self->first, self->loop, self->path);
    dialogue_open(&self->second, self->loop, self->path);
    for (size_t i = 0; i < frame->len; i++) {
        dialogue_write(&self->first, frame->data + i, 1);
        /* Another asker does not wait for this slow one. */
        ask(&self->second, "{\"command\": {\"type\": \"isClient\", \"data\": \"G\"}}",
            "{\"status\": \"0\", \"data\": true}");
    }
    dialogue_expect(&self->first, "{\"status\": \"0\", \"data\": [\"G\", \"T\", \"\\\"odd\\\"\"]}");
    blob_unref(frame);
    dialogue_close(&self->first);
    dialogue_close(&self->second);
}

static void test_questions_in_one_write(void **state)
{
    struct fixture *self = *state;
    dialogue_open(&self->first, self->loop, self->path);
    for (int i = 0; i < 100; i++)
        dialogue_say(&self->first, "{\"command\": {\"type\": \"isClient\", \"data\": \"G\"}}");
    /* Who says that he asks no more still gets every answer. */
    shutdown(self->first.fd, SHUT_WR);
    for (int i = 0; i < 100; i++)
        dialogue_expect(&self->first, "{\"status\": \"0\", \"data\": true}");
    dialogue_expect_end(&self->first);
    dialogue_close(&self->first);
}

/* Asks for a long list again and again and does not read: no more is kept for him than
 * one of them, and the other asker notices nothing. */
static void test_an_asker_who_never_reads(void **state)
{
    struct fixture *self = *state;
    enum { NAMES = 20000 };
    const char **names = calloc(NAMES + 1, sizeof *names);
    for (size_t i = 0; i < NAMES; i++)
        names[i] = "a name of forty-eight bytes, so that it adds up";
    self->clients = names;
    struct blob *frame = frame_of(SPAN_LITERAL("{\"command\": {\"type\": \"listClients\"}}"));
    dialogue_open(&self->first, self->loop, self->path);
    dialogue_open(&self->second, self->loop, self->path);
    for (int i = 0; i < 100; i++) {
        dialogue_write(&self->first, frame->data, frame->len);
        ask(&self->second, "{\"command\": {\"type\": \"isClient\", \"data\": \"G\"}}",
            "{\"status\": \"0\", \"data\": false}");
        assert_in_range(*streams_held(self->streams), 0, NAMES * 60);
    }
    assert_in_range(*streams_held(self->streams), NAMES * 40, NAMES * 60);
    blob_unref(frame);
    dialogue_close(&self->first);
    dialogue_close(&self->second);
    self->clients = some_clients;
    free(names);
}

/* ---- coming and going ---- */

static void test_many_at_once(void **state)
{
    struct fixture *self = *state;
    struct dialogue *askers = calloc(ASKERS, sizeof *askers);
    for (int i = 0; i < ASKERS; i++)
        dialogue_open(&askers[i], self->loop, self->path);
    for (int i = 0; i < ASKERS; i++)
        dialogue_say(&askers[i], "{\"command\": {\"type\": \"isClient\", \"data\": \"G\"}}");
    for (int i = ASKERS - 1; i >= 0; i--)
        dialogue_expect(&askers[i], "{\"status\": \"0\", \"data\": true}");
    for (int i = 0; i < ASKERS; i += 2)
        dialogue_close(&askers[i]);
    for (int i = 1; i < ASKERS; i += 2) {
        ask(&askers[i], "{\"command\": {\"type\": \"isClient\", \"data\": \"H\"}}",
            "{\"status\": \"0\", \"data\": false}");
        dialogue_close(&askers[i]);
    }
    free(askers);
}

/* Of more than are served at once the one that has been silent for longest makes room. */
static void test_forgotten_connections(void **state)
{
    static const char question[] = "{\"command\": {\"type\": \"isClient\", \"data\": \"G\"}}";
    static const char reply[] = "{\"status\": \"0\", \"data\": true}";
    enum { SERVED = 256 };
    struct fixture *self = *state;
    int fds[SERVED];
    char byte;
    dialogue_open(&self->first, self->loop, self->path);
    for (int i = 0; i < SERVED; i++) {
        ask(&self->first, question, reply);
        dialogue_open(&self->second, self->loop, self->path);
        fds[i] = self->second.fd;
    }
    ask(&self->second, question, reply);
    ask(&self->first, question, reply);
    assert_int_equal(recv(fds[0], &byte, 1, 0), 0);
    assert_int_equal(recv(fds[1], &byte, 1, MSG_DONTWAIT), -1);
    for (int i = 0; i < SERVED; i++)
        close(fds[i]);
    dialogue_close(&self->first);
}

static void test_the_socket(void **state)
{
    struct fixture *self = *state;
    struct stat stat_now;
    struct informer *second = NULL;
    struct fault fault = {.text = ""};
    assert_int_equal(stat(self->path, &stat_now), 0);
    assert_int_equal(stat_now.st_mode & 0777, 0600);
    /* Somebody listens: it is not taken from him. */
    assert_int_equal(
        informer_new(&second, self->streams, self->path, &facts, self, &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "in use"));
    dialogue_open(&self->first, self->loop, self->path);
    ask(&self->first, "{\"command\": {\"type\": \"isClient\", \"data\": \"G\"}}",
        "{\"status\": \"0\", \"data\": true}");
    dialogue_close(&self->first);
    char overlong[300];
    memset(overlong, 'x', sizeof overlong - 1);
    overlong[sizeof overlong - 1] = '\0';
    assert_int_equal(
        informer_new(&second, self->streams, overlong, &facts, self, &fault), STATUS_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_list_clients),
        TEST(test_is_client),
        TEST(test_server_info),
        TEST(test_quit),
        TEST(test_wrong_questions),
        TEST(test_a_frame_too_large),
        TEST(test_one_byte_at_a_time),
        TEST(test_questions_in_one_write),
        TEST(test_an_asker_who_never_reads),
        TEST(test_many_at_once),
        TEST(test_forgotten_connections),
        TEST(test_the_socket),
    };
    return cmocka_run_group_tests_name("informer", tests, NULL, NULL);
}
