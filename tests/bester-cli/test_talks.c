/* Several conversations at once: to whom one writes, as what, and what is unread. */
#include "tests/bester-cli/cli_fixture.h"

#include "bester-cli/talks.h"

static void message_from(struct fixture *self, const char *from, const char *text)
{
    peer_send(&self->peer,
        "{\"header\":{\"messageType\":\"receivedMessage\",\"from\":\"%s\",\"time\":"
        "\"2020-02-03T04:05:06Z\"},\"payload\":{\"type\":\"chat\",\"data\":{\"text\":\"%s\"}}}",
        from, text);
}
#define FROM(name, text) "2020-02-03 04:05 " name ": " text

static void test_switching(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
    message_from(self, "G@S1", "the same G");
    EXPECT_ROWS(&self->terminal, FROM("G@S1", "the same G"), "#1 chat to G>");
    message_from(self, "H@S2", "one");
    EXPECT_ROWS(&self->terminal, FROM("H@S2", "one"), "#1 chat to G (1 unread)>");
    terminal_type(&self->terminal, "half");
    message_from(self, "G@S2", "another G");
    message_from(self, "H@S2", "two");
    EXPECT_ROWS(&self->terminal, FROM("G@S2", "another G"), FROM("H@S2", "two"),
        "#1 chat to G (3 unread)> half");
    terminal_type(&self->terminal, "\025/to\r");
    EXPECT_ROWS(&self->terminal, "#1 chat to G (3 unread)> /to", "* G as chat",
        "  H@S2 as chat, 2 unread", "  G@S2 as chat, 1 unread", "#1 chat to G (3 unread)>");
    terminal_type(&self->terminal, "/unread\r");
    EXPECT_ROWS(&self->terminal, "#1 chat to G (3 unread)> /unread", "#1 chat to H@S2 (1 unread)>");
    terminal_type(&self->terminal, "Hello, H\r");
    report_next(self, "chat", "{\"to\": \"H@S2\", \"text\": \"Hello, H\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 chat to H@S2 (1 unread)>");
    terminal_type(&self->terminal, "/to G@S2\r");
    EXPECT_ROWS(&self->terminal, "#2 chat to G@S2>");
    terminal_type(&self->terminal, "/unread\r");
    EXPECT_ROWS(&self->terminal, "nothing is unread", "#2 chat to G@S2>");
}

/* Each conversation keeps the type one writes as. */
static void test_types(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G>");
    terminal_type(&self->terminal, "/to H\r/type weather\r");
    EXPECT_ROWS(&self->terminal, "#1 weather>");
    terminal_type(&self->terminal, "/to G\r");
    EXPECT_ROWS(&self->terminal, "#1 weather> /to G", "#1 chat to G>");
    terminal_type(&self->terminal, "/to H\r");
    EXPECT_ROWS(&self->terminal, "#1 chat to G> /to H", "#1 weather>");
}

static void test_a_group(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G, H@S2"));
    EXPECT_ROWS(&self->terminal, "#1 chat to G, H@S2>");
    message_from(self, "H@S2", "one of them");
    EXPECT_ROWS(&self->terminal, FROM("H@S2", "one of them"), "#1 chat to G, H@S2>");
    message_from(self, "I@S2", "another");
    EXPECT_ROWS(&self->terminal, FROM("I@S2", "another"), "#1 chat to G, H@S2 (1 unread)>");
    terminal_type(&self->terminal, "/reply\r");
    EXPECT_ROWS(&self->terminal, "#1 chat to I@S2>");
}

static void test_nobody(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("-t", "chat"));
    terminal_type(&self->terminal, "/to\r");
    EXPECT_ROWS(&self->terminal, "nobody; say /to NAME", "#1 chat to nobody>");
}

/* The quietest goes, never the current one. */
static void test_many(void **state)
{
    (void)state;
    static struct talks talks;
    char name[20];
    talks_init(&talks);
    talks_go(&talks, "current", "chat");
    for (int i = 0; i < 2 * TALKS_MAX; i++) {
        snprintf(name, sizeof name, "u%d", i);
        talks_received(&talks, name, "chat");
    }
    assert_int_equal(talks.count, TALKS_MAX);
    assert_int_equal(talks_unread(&talks), TALKS_MAX - 1);
    assert_string_equal(talks.at[talks.current].to, "current");
    assert_string_equal(talks_next(&talks)->to, "u65");
    talks_received(&talks, "", "chat");
    assert_int_equal(talks_unread(&talks), TALKS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_switching),
        PLAY(test_types),
        PLAY(test_a_group),
        PLAY(test_nobody),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
