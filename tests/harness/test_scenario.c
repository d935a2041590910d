/* What the loader refuses: where, and with which sentence; and what it makes of
 * the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/scenario.h"

static char path[64];

static int make_file(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/bester-test-play-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static enum status load(struct scenario *scenario, const char *text, struct mistake *mistake)
{
    struct scenario_options options = {.deadline_s = 5};
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return scenario_load(scenario, path, &options, mistake);
}

/* A play around one part; the part stands on line 2. */
#define CAST                                                                                   \
    "\"servers\":{\"J\":{},\"K\":{}},\"peers\":{\"P\":{}},\"handlers\":{\"S\":{\"on\":\"J\"}," \
    "\"R\":{\"on\":\"J\",\"run\":\"x\"},\"B\":{\"on\":\"J\",\"run\":\"x\",\"startedBy\":"      \
    "\"server\"}},"                                                                            \
    "\"clients\":{\"T\":\"J\",\"G\":\"K\"}"
#define STEPS(steps) "{" CAST ",\"steps\":[\n" steps "]}"
#define WITH(member) "{\"servers\":{\"J\":{}},\"steps\":[],\n" member "}"

struct row {
    const char *text;
    unsigned line;
    unsigned column;
    const char *sentence; /* part of it */
};

static const struct row rows[] = {
    /* The file. */
    {"", 1, 1, "'[' or '{' expected near end of file"},
    {"{\n  \"play\": x}", 2, 11, "invalid token near 'x'"},
    {"{\"a\": 1,\n\"a\": 2}", 2, 3, "duplicate object key"},
    {"[]", 1, 1, "a play is an object"},
    {"{\"steps\": []}", 1, 1, "no cast"},
    {"{\"servers\": {\"J\": {}}}", 1, 1, "no \"steps\""},
    {WITH("\"play\": 5"), 2, 1, "\"play\" wants a text"},
    {WITH("\"stpes\": 5"), 2, 1, "no member \"stpes\" here; there are note, play, "},
    {WITH("\"deadlineMs\": 0"), 2, 1, "\"deadlineMs\" wants a whole number from 1 to "},
    /* The cast. */
    {WITH("\"clients\": []"), 2, 1, "\"clients\" wants an object"},
    {WITH("\"clients\": {\"T\": \"X\"}"), 2, 13, "wants the name of a server"},
    {WITH("\"clients\": {\"J\": \"J\"}"), 2, 13, "\"J\" is in the cast already"},
    {WITH("\"clients\": {\"a b\": \"J\"}"), 2, 13, "is no name"},
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"usr\": \"x\"}}"), 2, 30, "no member \"usr\""},
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"via\": \"tcp\"}}"), 2, 30, "tcp4, tcp6 or unix"},
    {WITH("\"clients\": {\"T\": {\"on\": \"J\", \"logsIn\": 1}}"), 2, 30, "true or false"},
    {WITH("\"handlers\": {\"S\": {}}"), 2, 19, "is \"on\" no server"},
    {WITH("\"handlers\": {\"S\": \"J\"}"), 2, 14, "\"S\" wants an object"},
    {WITH("\"handlers\": {\"S\": {\"on\": [\"J\", \"J\"]}}"), 2, 20, "is on \"J\" already"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"protocol\": \"x\"}}"), 2, 31, "\"oneshot\" or"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"run\": \" \"}}"), 2, 31, "wants a program"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"run\": [1]}}"), 2, 31, "wants a program"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"run\": \"${x}\"}}"), 2, 14, "${x} is neither"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"startedBy\": \"server\"}}"), 2, 31,
        "no \"run\" to start"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"run\": \"x\", \"rules\": []}}"), 2, 43,
        "answers by itself"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"config\": {\"template\": \"${x}\"}}}"), 2, 54,
        "${x} is neither"},
    {WITH("\"peers\": {\"P\": {\"refuse\": true}}"), 2, 17, "no member \"refuse\""},
    {"{\"servers\": {\"J\": {\"listen\": [\"udp\"]}}, \"steps\": []}", 1, 20, "tcp4, tcp6 or unix"},
    {"{\"servers\": {\"J\": {\"listen\": []}}, \"steps\": []}", 1, 20, "wants a list"},
    {"{\"servers\": {\"J\": {\"accounts\": {\"T\": 5}}}, \"steps\": []}", 1, 33, "must be a text"},
    /* Rules. */
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": {}}}"), 2, 40, "wants a list"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": [5]}}"), 2, 41, "a rule is an object"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": [{\"if\": 5}]}}"), 2, 42,
        "no member \"if\""},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": [{\"reply\": {\"data\": \"<x>\"}}]}}"),
        2, 60, "<x> is not bound here"},
    {WITH("\"handlers\": {\"S\": {\"on\": \"J\", \"rules\": [{\"when\": {\"close\": true}}]}}"), 2,
        42, "is a pattern of a message"},
    /* Steps. */
    {"{" CAST ",\"steps\":\n5}", 2, 1, "steps are a list"},
    {STEPS("5"), 2, 1, "a step is an object"},
    {STEPS("{}"), 2, 1, "no step"},
    {STEPS("{\"T > X\": {\"type\": \"x\"}}"), 2, 2, "there is no \"X\" in the cast"},
    {STEPS("{\"T >\": {\"type\": \"x\"}}"), 2, 2, "is not of the form \"A > B\""},
    {STEPS("{\"T > J > K\": {\"type\": \"x\"}}"), 2, 2, "is not of the form \"A > B\""},
    {STEPS("{\"T > K\": {\"type\": \"x\"}}"), 2, 2, "\"T\" is on \"J\""},
    {STEPS("{\"T > G\": {\"type\": \"x\"}}"), 2, 2, "never talk to each other"},
    {STEPS("{\"J > J\": {\"type\": \"x\"}}"), 2, 2, "never talk to each other"},
    {STEPS("{\"S > T\": {\"type\": \"x\"}}"), 2, 2, "never talk to each other"},
    {STEPS("{\"J > B\": 1}"), 2, 2, "nobody sees what"},
    {"{\"servers\":{\"J\":{\"pinned\":true},\"K\":{\"pinned\":true}},\"steps\":[\n{\"J > K\": "
     "{}}]}",
        2, 2, "nobody sees what two pinned servers say"},
    {STEPS("{\"T > J\": {\"type\": \"x\",\n\"dta\": 1}}"), 3, 1, "no word \"dta\""},
    {STEPS("{\"T > J\": {\"data\": 1}}"), 2, 2, "no known form"},
    {STEPS("{\"T > J\": {\"type\": \"x\", \"data\": \"<y>\"}}"), 2, 33, "<y> is not bound here"},
    {STEPS("{\"T > J\": {\"type\": \"x\", \"data\": \"<any>\"}}"), 2, 33, "can't be left open"},
    {STEPS("{\"T > J\": {\"type\": \"x\", \"data\": \"<y\"}}"), 2, 33, "is no capture"},
    {STEPS("{\"T > J\": {\"type\": \"x\", \"data\": \"${y}\"}}"), 2, 33, "${y} is neither bound"},
    {STEPS("{\"J > T\": {\"type\": \"<:/(/>\"}}"), 2, 20, "regular expression /(/ is wrong"},
    {STEPS("{\"J > T\": {\"type\": \"<:word>\"}}"), 2, 20, "word is no type"},
    {STEPS("{\"J > T\": {\"silent\": true}}"), 2, 12, "\"silent\" is for actors"},
    {STEPS("{\"T > J\": {\"type\": \"x\"}, \"K > G\": {\"type\": \"x\"}}"), 2, 26,
        "can't stand beside"},
    {STEPS("{\"T > J\": {\"type\": \"x\"}, \"signal\": \"KILL\"}"), 2, 26, "can't stand beside"},
    {STEPS("{\"T > J\": {\"type\": \"x\"}, \"deadlineMs\": \"1\"}"), 2, 26, "a whole number"},
    {STEPS("{\"any order\": [{\"T > J\": {\"type\": \"x\"}}]}"), 2, 16, "that are expected"},
    {STEPS("{\"any order\": [{\"quiet\": [\"T\"]}]}"), 2, 16, "that are expected"},
    {STEPS("{\"repeat\": 0, \"steps\": []}"), 2, 2, "a whole number from 1"},
    {STEPS("{\"repeat\": 2}"), 2, 2, "wants \"steps\""},
    {STEPS("{\"quiet\": []}"), 2, 2, "wants a list of clients"},
    {STEPS("{\"quiet\": [\"J\"]}"), 2, 2, "wants names of clients"},
    {STEPS("{\"kill\": \"T\"}"), 2, 2, "is played by the harness"},
    {STEPS("{\"kill\": \"J\", \"signal\": \"SIGKILL\"}"), 2, 15, "wants KILL, TERM"},
    {STEPS("{\"stop\": \"S\"}"), 2, 2, "is played by the harness"},
    {STEPS("{\"expect\": \"J\"}"), 2, 2, "either \"exit\" or \"log\""},
    {STEPS("{\"expect\": \"J\", \"log\": 5}"), 2, 17, "wants a text"},
    {STEPS("{\"expect\": \"B\", \"exit\": 0}"), 2, 2, "only the server knows"},
    /* What one round binds is unknown after the last. */
    {STEPS("{\"repeat\": 2, \"steps\": [{\"J > T\": {\"type\": \"<t>\"}}]},\n"
           "{\"T > J\": {\"type\": \"<t>\"}}"),
        3, 20, "<t> is not bound here"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct scenario scenario;
        struct mistake mistake = {.text = ""};

        if (load(&scenario, row->text, &mistake) != STATUS_INVALID)
            fail_msg("this should not be taken:\n%s", row->text);
        if (mistake.at.line != row->line || mistake.at.column != row->column ||
            !strstr(mistake.text, row->sentence))
            fail_msg("%s\nis told as %u:%u: %s\nnot as %u:%u: … %s …", row->text, mistake.at.line,
                mistake.at.column, mistake.text, row->line, row->column, row->sentence);
    }
}

static void test_no_file(void **state)
{
    struct scenario_options options = {.deadline_s = 5};
    struct scenario scenario;
    struct mistake mistake = {.text = ""};

    (void)state;
    assert_int_equal(scenario_load(&scenario, "/nowhere/at.all", &options, &mistake), STATUS_IO);
    assert_string_equal(mistake.text, "No such file or directory");
}

static void test_cast(void **state)
{
    struct scenario scenario;
    struct mistake mistake = {.text = ""};
    const char *text =
        "{\"play\": \"p\", \"deadlineMs\": 250,"
        "\"servers\": {\"S1\": {\"accounts\": {\"T\": \"secret\"}}, \"S2\": {}},"
        "\"handlers\": {\"chat\": {\"on\": [\"S1\", \"S2\"], \"protocol\": \"stream\"}},"
        "\"clients\": {\"T\": \"S1\", \"L\": \"S1\", \"M\": {\"on\": \"S2\", \"via\": \"unix\"}},"
        "\"steps\": [{\"L > S1\": {\"login\": {}}}, {\"S1 > chat\": 1}, {\"S2>chat\": 2},"
        "{\"chat > S2\": {\"data\": 3}}, {\"M > S2\": {\"raw\": \"x\"}}]}";

    (void)state;
    if (load(&scenario, text, &mistake) != STATUS_OK)
        fail_msg("%u:%u: %s", mistake.at.line, mistake.at.column, mistake.text);
    int s1 = scenario_find(&scenario, "S1", -1);
    int s2 = scenario_find(&scenario, "S2", -1);
    int chat1 = scenario_find(&scenario, "chat", s1);
    int chat2 = scenario_find(&scenario, "chat", s2);
    const struct member *t = &scenario.members[scenario_find(&scenario, "T", -1)];

    assert_true(chat1 >= 0 && chat2 >= 0 && chat1 != chat2);
    assert_string_equal(scenario.members[chat2].handler.type, "chat");
    assert_string_equal(t->client.user, "T");
    assert_string_equal(t->client.password, "secret");
    assert_true(t->client.logs_in);
    assert_false(scenario.members[scenario_find(&scenario, "L", -1)].client.logs_in);
    assert_true(scenario.members[scenario_find(&scenario, "M", -1)].client.logs_in);
    assert_int_equal(
        scenario.members[s2].server.listeners, 1U << TRANSPORT_TCP4 | 1U << TRANSPORT_UNIX);
    /* A handler on several servers is told by the other side of the line. */
    assert_int_equal(scenario.steps.items[1].line.to, chat1);
    assert_int_equal(scenario.steps.items[2].line.to, chat2);
    assert_int_equal(scenario.steps.items[3].line.from, chat2);
    assert_true(scenario.steps.items[3].line.doing);
    assert_false(scenario.steps.items[2].line.doing);
    assert_int_equal(scenario.steps.items[2].line.edge, EDGE_SERVER_STREAM);
    assert_true(scenario.steps.items[2].deadline_s == 0.25);
    scenario_release(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_cast),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
