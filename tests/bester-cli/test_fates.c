/* Every line has a number and a fate that can be asked for, and can be sent again. */
#include "tests/bester-cli/cli_fixture.h"

#include "libbester/status.h"

#define FOUR ANY ANY ANY ANY
#define ANY_ID "    its id is " FOUR FOUR FOUR
#define SENT_3 "#4 chat to G (#3 sent)>"
#define HM ANY ANY ":" ANY ANY

/* Line 1 delivered, line 2 failed, line 3 sent. Its id is the caller's. */
static void three_lines(struct fixture *self, char id[128])
{
    start(self, ARGS("--to", "G"));
    terminal_type(&self->terminal, "one\r");
    report_next(self, "chat", NULL, "good", ",\"outcome\":\"delivered\"");
    EXPECT_ROWS(&self->terminal, "#1 delivered", "#2 chat to G>");
    terminal_type(&self->terminal, "two\r");
    report_next(self, "chat", NULL, "bad", ",\"reason\":\"offline\"");
    EXPECT_ROWS(&self->terminal, "#2 failed: offline", "#3 chat to G>");
    terminal_type(&self->terminal, "three\r");
    peer_expect(&self->peer, "chat", NULL, id);
    EXPECT_ROWS(&self->terminal, SENT_3);
}

static void test_status(void **state)
{
    struct fixture *self = *state;
    char id[128];
    char shown[160];
    three_lines(self, id);
    terminal_type(&self->terminal, "/status\r");
    EXPECT_ROWS(&self->terminal, "connected to S1",
        "lines: 0 queued, 1 sent, 1 good, 1 failed, 0 without a report, 0 of unknown fate", SENT_3);
    terminal_type(&self->terminal, "/status #3\r");
    snprintf(shown, sizeof shown, "    its id is %s", id);
    EXPECT_ROWS(&self->terminal, "  #3 " HM " chat: three (sent)", shown, SENT_3);
    terminal_type(&self->terminal, "/status 2\r");
    EXPECT_ROWS(&self->terminal, "  #2 " HM " chat: two (failed: offline)", ANY_ID "-2", SENT_3);
    terminal_type(&self->terminal, "/status 9\r");
    EXPECT_ROWS(&self->terminal, "there is no #9", SENT_3);
    terminal_type(&self->terminal, "/status x\r");
    EXPECT_ROWS(&self->terminal, "x is not the number of a line", SENT_3);
}

static void test_pending(void **state)
{
    struct fixture *self = *state;
    char id[128];
    three_lines(self, id);
    terminal_type(&self->terminal, "/pending\r");
    EXPECT_ROWS(&self->terminal, SENT_3 " /pending", "  #3 " HM " chat: three (sent)", SENT_3);
    peer_report(&self->peer, id, "good", ",\"outcome\":\"stored\"");
    EXPECT_ROWS(&self->terminal, "#3 stored", "#4 chat to G>");
    terminal_type(&self->terminal, "/pending\r");
    EXPECT_ROWS(&self->terminal, "every line has its fate", "#4 chat to G>");
}

static void test_again(void **state)
{
    struct fixture *self = *state;
    char ids[3][128];
    three_lines(self, ids[0]);
    terminal_type(&self->terminal, "/again\r");
    peer_expect(&self->peer, "chat", "{\"to\": \"G\", \"text\": \"three\"}", ids[1]);
    assert_string_not_equal(ids[0], ids[1]);
    terminal_type(&self->terminal, "/again 1\r");
    peer_expect(&self->peer, "chat", "{\"to\": \"G\", \"text\": \"one\"}", ids[2]);
    assert_non_null(strstr(ids[2], "-5"));
    EXPECT_ROWS(&self->terminal, "#5 chat to G (2 sent)> /again 1", "#6 chat to G (3 sent)>");
}

static void test_resend(void **state)
{
    struct fixture *self = *state;
    char id[128];
    char again[128];
    three_lines(self, id);
    terminal_type(&self->terminal, "/resend 3\r");
    EXPECT_ROWS(&self->terminal, "#3 is sent; wait for its fate", SENT_3);
    terminal_type(&self->terminal, "/resend 1\r");
    EXPECT_ROWS(&self->terminal, "#1 was delivered; /again 1 sends the same as a new line", SENT_3);
    terminal_type(&self->terminal, "/resend\r");
    EXPECT_ROWS(&self->terminal, "which line? /pending lists those without a good fate", SENT_3);
    peer_report(&self->peer, id, "bad", ",\"reason\":\"mailboxFull\"");
    EXPECT_ROWS(&self->terminal, "#3 failed: mailboxFull", "#4 chat to G>");
    terminal_type(&self->terminal, "/resend #3\r");
    peer_expect(&self->peer, "chat", "{\"to\": \"G\", \"text\": \"three\"}", again);
    assert_string_equal(again, id);
    peer_report(&self->peer, id, "good", ",\"outcome\":\"delivered\"");
    EXPECT_ROWS(
        &self->terminal, "#4 chat to G> /resend #3", "#3 sent", "#3 delivered", "#4 chat to G>");
}

static void test_nothing_yet(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("--to", "G"));
    terminal_type(&self->terminal, "/again\r");
    EXPECT_ROWS(&self->terminal, "nothing was sent yet", "#1 chat to G>");
    terminal_type(&self->terminal, "/reply x\r");
    EXPECT_ROWS(&self->terminal, "nobody has written yet", "#1 chat to G>");
}

static void test_reply(void **state)
{
    struct fixture *self = *state;
    start(self, ARGS("-t", "weather"));
    EXPECT_ROWS(&self->terminal, "#1 weather>");
    message(self, "m");
    EXPECT_ROWS(&self->terminal, SHOWN "m", "#1 weather (1 unread)>");
    terminal_type(&self->terminal, "/reply here I am\r");
    report_next(self, "chat", "{\"to\": \"" SENDER "\", \"text\": \"here I am\"}", "good", "");
    EXPECT_ROWS(&self->terminal, "#1 reported good", "#2 weather (1 unread)>");
    terminal_type(&self->terminal, "/reply\r");
    EXPECT_ROWS(&self->terminal, "#2 chat to " SENDER ">");
}

/* A report that comes after all changes the fate. */
static void test_late(void **state)
{
    struct fixture *self = *state;
    char id[128];
    own_chat(self);
    terminal_start(&self->terminal, "bester-cli", ARGS("--report-timeout", "50ms"));
    log_in_at_part_one(self);
    terminal_type(&self->terminal, "one\r");
    peer_expect(&self->peer, "chat", NULL, id);
    EXPECT_ROWS(&self->terminal, "#1 no report in time", "#2 chat>");
    terminal_type(&self->terminal, "/pending\r");
    EXPECT_ROWS(&self->terminal, "  #1 " HM " chat: one (no report in time)", "#2 chat>");
    peer_report(&self->peer, id, "good", ",\"outcome\":\"delivered\"");
    EXPECT_ROWS(&self->terminal, "#1 delivered", "#2 chat>");
    terminal_type(&self->terminal, "/pending\r");
    EXPECT_ROWS(&self->terminal, "every line has its fate", "#2 chat>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAY(test_status),
        PLAY(test_pending),
        PLAY(test_again),
        PLAY(test_resend),
        PLAY(test_nothing_yet),
        PLAY(test_reply),
        PLAY(test_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
