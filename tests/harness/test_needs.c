/* What plays need and servers have: the words, what a play uses held against what it
 * says, and how a play is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/needs.h"
#include "harness/scenario.h"

static char path[64];

static int make_file(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/bester-test-needs-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* ---- words ---- */

static void test_lists(void **state)
{
    struct fault fault = {.text = ""};
    unsigned set = 99;

    (void)state;
    assert_int_equal(needs_read("", &set, &fault), STATUS_OK);
    assert_int_equal(set, 0);
    assert_int_equal(needs_read("stream,reasons,", &set, &fault), STATUS_OK);
    assert_int_equal(set, need_bit(FEATURE_STREAM) | need_bit(FEATURE_REASONS));
    assert_int_equal(needs_read("stream,reason", &set, &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "no feature \"reason\"; there are "));
    assert_int_equal(needs_read("streams", &set, &fault), STATUS_INVALID);
    /* What failed has changed nothing. */
    assert_int_equal(set, need_bit(FEATURE_STREAM) | need_bit(FEATURE_REASONS));
}

static void test_missing(void **state)
{
    unsigned both = need_bit(FEATURE_STREAM) | need_bit(FEATURE_REASONS);

    (void)state;
    assert_null(needs_missing(0, 0));
    assert_null(needs_missing(both, ~0U));
    char *one = needs_missing(both, need_bit(FEATURE_REASONS));
    char *two = needs_missing(both, need_bit(FEATURE_ORDER));
    assert_string_equal(one, "needs stream");
    assert_string_equal(two, "needs reasons, stream");
    free(one);
    free(two);
}

static void test_every_word_once(void **state)
{
    (void)state;
    assert_true(FEATURE_COUNT <= 32); /* bits of a set */
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        const char *word = feature_word((enum feature)i);
        enum feature found = FEATURE_COUNT;

        assert_true(feature_find(word, strlen(word), &found));
        assert_int_equal(found, i);
    }
}

static void test_ask(void **state)
{
    struct fault fault = {.text = ""};
    unsigned set = 0;
    char besterd[4096];

    (void)state;
    snprintf(besterd, sizeof(besterd), "%s/besterd", getenv("BESTER_BUILD"));
    assert_int_equal(needs_ask(besterd, &set, &fault), STATUS_OK);
    assert_true(set & need_bit(FEATURE_STREAM));
    assert_true(set & need_bit(FEATURE_REASONS));
    assert_int_equal(needs_ask("/bin/false", &set, &fault), STATUS_IO);
    assert_string_equal(fault.text, "/bin/false --features tells nothing");
    assert_int_equal(needs_ask("/nowhere/besterd", &set, &fault), STATUS_IO);
}

/* ---- plays ---- */

#define PLAY(needs, cast, steps)                                                     \
    "{\"needs\":[" needs "],\n\"servers\":{\"S\":{},\"R\":{" cast                    \
    "}},\"peers\":{\"P\":{}},\"clients\":{\"T\":\"S\"},\"handlers\":{\"H\":{\"on\":" \
    "\"S\"}},\"steps\":[" steps "]}"
#define STEP(step) PLAY("", "", "\n" step)
#define CAST(member) PLAY("", "\n" member, "")

/* Each is a mistake on line 3 without the word, and none with it. */
static const struct use_row {
    const char *text;
    const char *word;
    unsigned line;
} uses[] = {
    {STEP("{\"S > T\":{\"status\":\"bad\",\"reason\":\"loop\"}}"), "reasons", 3},
    {STEP("{\"S > T\":{\"status\":\"bad\",\"detail\":\"x\"}}"), "reasons", 3},
    {STEP("{\"S > T\":{\"header\":{},\"payload\":{\"reason\":\"x\"}}}"), "reasons", 3},
    {STEP("{\"never\":{\"S > T\":{\"status\":\"bad\",\"reason\":\"x\"}}}"), "reasons", 3},
    {STEP("{\"any order\":[{\"S > T\":{\"status\":\"bad\",\"reason\":\"x\"}}]}"), "reasons", 3},
    {STEP("{\"S > P\":{\"status\":\"bad\",\"reason\":\"x\"}}"), "reasons", 3},
    {STEP("{\"S > T\":{\"status\":\"good\",\"outcome\":\"x\"}}"), "outcomes", 3},
    {STEP("{\"S > T\":{\"status\":\"good\",\"recipients\":{}}}"), "outcomes", 3},
    {STEP("{\"S > T\":{\"status\":\"good\",\"servers\":{}}}"), "outcomes", 3},
    {STEP("{\"S > T\":{\"status\":\"good\",\"server\":{}}}"), "loginAnswer", 3},
    {STEP("{\"S > T\":{\"type\":\"x\",\"from\":\"a\"}}"), "stamps", 3},
    {STEP("{\"S > T\":{\"type\":\"x\",\"id\":\"a\"}}"), "stamps", 3},
    {STEP("{\"S > T\":{\"type\":\"x\",\"time\":\"a\"}}"), "stamps", 3},
    {STEP("{\"S > T\":{\"type\":\"x\",\"authenticated\":false}}"), "stamps", 3},
    {STEP("{\"S > T\":{\"type\":\"x\",\"seq\":1}}"), "acks", 3},
    {STEP("{\"T > S\":{\"ack\":1}}"), "acks", 3},
    {STEP("{\"T > S\":{\"login\":{\"features\":[\"acks\"]}}}"), "acks", 3},
    {STEP("{\"T > S\":{\"login\":{\"features\":[\"receipts\"]}}}"), "receipts", 3},
    {STEP("{\"T > S\":{\"type\":\"x\",\"data\":1}}"), "missingId", 3},
    {STEP("{\"P > S\":{\"type\":\"x\",\"data\":1}}"), "missingId", 3},
    {STEP("{\"T > S\":{\"type\":\"builtin\",\"data\":{\"command\":{\"type\":\"ping\"}},"
          "\"id\":\"1\"}}"),
        "builtins", 3},
    {STEP("{\"T > S\":{\"type\":\"builtin\",\"data\":{\"command\":{\"type\":\"kick\"}},"
          "\"id\":\"1\"}}"),
        "administration", 3},
    {CAST("\"config\":{\"admin\":{\"users\":[]}}"), "configuration", 2},
    {STEP("{\"S > P\":{\"type\":\"x\",\"id\":\"<i>\"}}"), "peerId", 3},
    {STEP("{\"S > R\":{\"type\":\"x\",\"origin\":{}}}"), "origin", 3},
    {STEP("{\"S > R\":{\"type\":\"x\",\"hops\":1}}"), "origin", 3},
    {STEP("{\"expect\":\"S\",\"log\":\"x\"}"), "log", 3},
    {STEP("{\"expect\":\"S\",\"exit\":0}"), "exit", 3},
    {STEP("{\"expect\":\"S\",\"metrics\":{\"bester_sessions\":0}}"), "metrics", 3},
    {STEP("{\"kill\":\"S\",\"signal\":\"HUP\"}"), "reload", 3},
    {CAST("\"config\":{\"limits\":{\"hops\":1}}"), "configuration", 2},
    {CAST("\"config\":{\"network\":{\"tls4\":{}}}"), "configuration", 2},
    {CAST("\"config\":{\"handlers\":{\"typeMap\":{\"h\":{\"timeoutMs\":1}}}}"), "configuration", 2},
    {"{\"needs\":[],\"servers\":{\"S\":{}},\"handlers\":{\n\"H\":{\"on\":\"S\",\"protocol\":"
     "\"stream\"}},\"steps\":[]}",
        "stream", 2},
    {"{\"needs\":[],\"servers\":{\"S\":{}},\"handlers\":{\n\"H\":{\"on\":\"S\",\"run\":\"x\","
     "\"startedBy\":\"server\"}},\"steps\":[]}",
        "handlerStart", 2},
    {"{\"needs\":[],\"servers\":{\n\"S\":{\"pinned\":true},\"R\":{\"pinned\":true}},"
     "\"steps\":[]}",
        "pinned", 2},
    {"{\"needs\":[],\"servers\":{\"S\":{}},\"handlers\":{\n\"H\":{\"on\":\"S\",\"config\":"
     "{\"mayCommand\":[]}}},\"steps\":[]}",
        "configuration", 2},
    {"{\"needs\":[],\"servers\":{\"S\":{}},\"clients\":{\"T\":{\"on\":\"S\",\"rules\":["
     "\n{\"reply\":{\"type\":\"x\",\"data\":1}}]}},\"steps\":[]}",
        "missingId", 2},
};

/* Uses nothing that Part I does not have. */
static const char *const first[] = {
    STEP("{\"T > S\":{\"type\":\"x\",\"data\":1,\"id\":\"1\"}}"),
    STEP("{\"T > "
         "S\":{\"type\":\"builtin\",\"data\":{\"command\":{\"type\":\"close\"}},\"id\":\"1\"}}"),
    STEP("{\"S > T\":{\"status\":\"good\",\"id\":\"1\"}},{\"S > T\":{\"type\":\"x\",\"data\":1}}"),
    STEP("{\"S > T\":{\"type\":\"dummy\",\"id\":\"1\"}}"),
    STEP("{\"S > P\":{\"type\":\"x\",\"data\":1}}"),
    STEP("{\"P > S\":{\"type\":\"x\",\"data\":1,\"id\":\"1\",\"hops\":1}}"),
    STEP("{\"kill\":\"S\"},{\"restart\":\"R\"}"),
    CAST("\"config\":{\"peers\":null,\"admin\":{\"info\":{\"deep\":{\"er\":1}}},\"network\":"
         "{\"tcp4\":{\"port\":1}},\"database\":{\"type\":\"redis\"}}"),
};

static enum status load(struct scenario *scenario, const char *text, struct mistake *mistake)
{
    struct scenario_options options = {.deadline_s = 5};
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return scenario_load(scenario, path, &options, mistake);
}

/* The play with that word in its "needs". */
static char *with_word(const char *text, const char *word)
{
    const char *at = strchr(text, '[') + 1;
    char *out = NULL;

    assert_true(asprintf(&out, "%.*s\"%s\"%s", (int)(at - text), text, word, at) > 0);
    return out;
}

static void test_uses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        struct scenario scenario;
        struct mistake mistake = {.text = ""};
        char sentence[120];

        snprintf(sentence, sizeof(sentence), "\"%s\" is missing in \"needs\"", uses[i].word);
        if (load(&scenario, uses[i].text, &mistake) != STATUS_INVALID)
            fail_msg("nobody misses %s in\n%s", uses[i].word, uses[i].text);
        if (!strstr(mistake.text, sentence) || mistake.at.line != uses[i].line)
            fail_msg("%s\n%u: %s", uses[i].text, mistake.at.line, mistake.text);
        char *better = with_word(uses[i].text, uses[i].word);
        if (load(&scenario, better, &mistake) != STATUS_OK)
            fail_msg("%s\n%u: %s", better, mistake.at.line, mistake.text);
        scenario_release(&scenario);
        free(better);
    }
}

static void test_uses_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        struct scenario scenario;
        struct mistake mistake = {.text = ""};

        if (load(&scenario, first[i], &mistake) != STATUS_OK)
            fail_msg("%s\n%u: %s", first[i], mistake.at.line, mistake.text);
        assert_true(scenario.tells_needs);
        assert_int_equal(scenario.needs, 0);
        scenario_release(&scenario);
    }
}

static void test_play_words(void **state)
{
    static const char cast[] = "\"servers\":{\"S\":{}},\"steps\":[]}";
    static const struct {
        const char *text;
        unsigned column;
        const char *sentence;
    } rows[] = {
        {"{\"needs\":[\"order\",\"dance\"],", 19, "no feature \"dance\"; there are loginAnswer, "},
        {"{\"needs\":\"order\",", 2, "wants a list of features"},
        {"{\"needs\":[1],", 2, "wants a list of features"},
        {"{\"proves\":\"I.Frame.1\",", 2, "wants a list of names"},
        {"{\"proves\":[{}],", 2, "wants a list of names"},
    };
    char text[300];
    struct scenario scenario;
    struct mistake mistake = {.text = ""};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "%s%s", rows[i].text, cast);
        assert_int_equal(load(&scenario, text, &mistake), STATUS_INVALID);
        if (!strstr(mistake.text, rows[i].sentence) || mistake.at.column != rows[i].column)
            fail_msg("%s\n%u: %s", text, mistake.at.column, mistake.text);
    }
    /* Who says nothing may use everything. */
    snprintf(text, sizeof(text), "{\"proves\":[\"I.Frame.1\"],%s", cast);
    assert_int_equal(load(&scenario, text, &mistake), STATUS_OK);
    assert_false(scenario.tells_needs);
    assert_int_equal(json_array_size(scenario.proves), 1);
    scenario_release(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_every_word_once),
        cmocka_unit_test(test_ask),
        cmocka_unit_test(test_uses),
        cmocka_unit_test(test_uses_nothing),
        cmocka_unit_test(test_play_words),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
