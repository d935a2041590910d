/* command: every form of a handler's answer, the right ones and the wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "besterd/command.h"

static const struct config_handler anything = {.type = (char *)"chat", .may_command = MAY_ALL};

static enum status decode(const char *text, const struct config_handler *config,
    struct commands *commands, struct fault *fault)
{
    struct message answer;
    enum status status = message_parse(&answer, span_of(text), JSON_DEPTH_DEFAULT, fault);
    if (status != STATUS_OK)
        fail_msg("%s: not even a message: %s", text, fault->text);
    return commands_decode(commands, &answer, config, fault);
}

/* "kind targets message;…" as text, to compare with. */
static const char *describe(const struct commands *commands, char *out, size_t cap)
{
    static const char *const kinds[COMMAND_KINDS] = {"clients", "servers", "handler"};
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < commands->count; i++) {
        const struct command *command = &commands->at[i];
        struct json_cursor cursor = command_targets(command);
        struct span token;
        used += (size_t)snprintf(out + used, cap - used, "%s", kinds[command->kind]);
        while (command_next_target(&cursor, &token) == PULL_READY)
            used += (size_t)snprintf(out + used, cap - used, " %.*s", (int)token.len, token.at);
        assert_int_equal(command_next_target(&cursor, &token), PULL_MORE); /* and stays there */
        used += (size_t)snprintf(
            out + used, cap - used, " = %.*s;", (int)command->message.len, command->message.at);
    }
    return out;
}

static void test_right_answers(void **state)
{
    static const struct {
        const char *answer, *meaning;
    } rows[] = {
        /* The reference's form. */
        {"{\"header\":{\"status\":\"0\",\"command\":{\"type\":\"sendClients\","
         "\"data\":[\"G\",\"T\"]}},\"data\":7}",
            "clients \"G\" \"T\" = 7;"},
        {"{\"header\":{\"status\":\"0\",\"command\":{\"type\":\"sendServers\","
         "\"data\":[\"h:1\"]}},\"data\":{\"a\":1}}",
            "servers \"h:1\" = {\"a\":1};"},
        {"{\"header\":{\"status\":\"0\",\"command\":{\"type\":\"sendHandler\","
         "\"data\":\"next\"}},\"data\":null}",
            "handler \"next\" = null;"},
        /* Nobody is to get it: that is done at once. */
        {"{\"header\":{\"status\":\"0\",\"command\":{\"type\":\"sendClients\",\"data\":[]}},"
         "\"data\":1}",
            "clients = 1;"},
        {"{\"header\":{\"status\":\"0\",\"command\":{\"type\":\"sendClients\",\"data\":\"G\"}},"
         "\"data\":1}",
            "clients \"G\" = 1;"},
        /* White space, members in any order, names written with escapes. */
        {" { \"data\" : [ 1 ] , \"header\" : { \"command\" : { \"data\" : [ \"G\" , \"\\u0047\" ] "
         ", \"\\u0074ype\" : \"send\\u0043lients\" } , \"status\" : \"0\" } } ",
            "clients \"G\" \"\\u0047\" = [ 1 ];"},
        /* Any number of zeros is zero; members that nobody knows are passed over. */
        {"{\"header\":{\"status\":\"000\",\"x\":{},\"command\":{\"type\":\"sendClients\","
         "\"data\":[\"G\"],\"y\":[]}},\"data\":1,\"z\":0}",
            "clients \"G\" = 1;"},
        /* The published specification's form, with the data in either place. */
        {"{\"header\":{\"status\":\"0\",\"command\":\"sendClients\",\"commandData\":[\"G\"]},"
         "\"payload\":{\"data\":3}}",
            "clients \"G\" = 3;"},
        {"{\"header\":{\"status\":\"0\",\"command\":\"sendHandler\",\"commandData\":\"n\"},"
         "\"data\":3}",
            "handler \"n\" = 3;"},
        {"{\"header\":{\"status\":\"0\",\"command\":\"sendServers\",\"commandData\":[\"S2\"]},"
         "\"payload\":{\"data\":3},\"data\":4}",
            "servers \"S2\" = 4;"}, /* the reference's place comes first */
        /* Part II: several, each with a message of its own if it wants. */
        {"{\"header\":{\"status\":\"0\",\"commands\":["
         "{\"type\":\"sendClients\",\"data\":[\"G\"],\"message\":\"own\"},"
         "{\"type\":\"sendServers\",\"data\":[\"S2\",\"S3\"]},"
         "{\"type\":\"sendHandler\",\"data\":\"n\"}]},\"data\":5}",
            "clients \"G\" = \"own\";servers \"S2\" \"S3\" = 5;handler \"n\" = 5;"},
        {"{\"header\":{\"status\":\"0\",\"commands\":["
         "{\"type\":\"sendClients\",\"data\":[\"G\"],\"message\":{}}]}}",
            "clients \"G\" = {};"}, /* each has its own: no other is needed */
        {"{\"header\":{\"status\":\"0\",\"commands\":[]},\"data\":5}", ""},
        {"{\"header\":{\"status\":\"0\",\"commands\":[]}}", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct commands commands;
        struct fault fault = {0};
        char meaning[500];
        enum status status = decode(rows[i].answer, &anything, &commands, &fault);
        if (status != STATUS_OK)
            fail_msg("%s: %s", rows[i].answer, fault.text);
        assert_string_equal(describe(&commands, meaning, sizeof meaning), rows[i].meaning);
    }
}

#define ANSWER(header) "{\"header\":{" header "},\"data\":1}"
#define COMMAND(inside) ANSWER("\"status\":\"0\",\"command\":" inside)
#define COMMANDS(inside) ANSWER("\"status\":\"0\",\"commands\":" inside)
#define G_ONLY "{\"type\":\"sendClients\",\"data\":[\"G\"]}"

static void test_wrong_answers(void **state)
{
    static const char *const answers[] = {
        "{}",
        "{\"data\":1}",
        "{\"header\":{}}",
        /* No status, or none that is one. */
        ANSWER("\"command\":" G_ONLY),
        ANSWER("\"status\":0,\"command\":" G_ONLY),
        ANSWER("\"status\":\"\",\"command\":" G_ONLY),
        ANSWER("\"status\":\"ok\",\"command\":" G_ONLY),
        ANSWER("\"status\":\"-1\",\"command\":" G_ONLY),
        ANSWER("\"status\":\"0 \",\"command\":" G_ONLY),
        ANSWER("\"status\":null,\"command\":" G_ONLY),
        ANSWER("\"status\":\"0\\u0000\",\"command\":" G_ONLY),
        ANSWER("\"status\":\"000000000000000000000000000000000\",\"command\":" G_ONLY),
        /* No command, or none that is one. */
        ANSWER("\"status\":\"0\""),
        COMMAND("null"),
        COMMAND("7"),
        COMMAND("[]"),
        COMMAND("{}"),
        COMMAND("\"\""),
        COMMAND("\"sendClients\""),
        COMMAND("{\"type\":\"sendClients\"}"),
        COMMAND("{\"data\":[\"G\"]}"),
        COMMAND("{\"type\":\"SendClients\",\"data\":[\"G\"]}"),
        COMMAND("{\"type\":\"quit\",\"data\":[\"G\"]}"),
        COMMAND("{\"type\":[\"sendClients\"],\"data\":[\"G\"]}"),
        /* Which of the two? */
        COMMAND("{\"type\":\"sendClients\",\"type\":\"sendServers\",\"data\":[\"G\"]}"),
        COMMAND("{\"type\":\"sendClients\",\"data\":[\"G\"],\"d\\u0061ta\":[\"T\"]}"),
        COMMANDS("[{\"type\":\"sendClients\",\"data\":[],\"message\":1,\"message\":2}]"),
        /* Targets that are none. */
        COMMAND("{\"type\":\"sendClients\",\"data\":null}"),
        COMMAND("{\"type\":\"sendClients\",\"data\":{\"G\":1}}"),
        COMMAND("{\"type\":\"sendClients\",\"data\":[\"G\",7]}"),
        COMMAND("{\"type\":\"sendClients\",\"data\":[[\"G\"]]}"),
        COMMAND("{\"type\":\"sendServers\",\"data\":[null]}"),
        COMMAND("{\"type\":\"sendHandler\",\"data\":[\"n\"]}"),
        COMMAND("{\"type\":\"sendHandler\",\"data\":7}"),
        /* No data to send. */
        "{\"header\":{\"status\":\"0\",\"command\":" G_ONLY "}}",
        "{\"header\":{\"status\":\"0\",\"command\":" G_ONLY "},\"payload\":{}}",
        "{\"header\":{\"status\":\"0\",\"commands\":[" G_ONLY "]}}",
        /* Lists that are none. */
        COMMANDS("null"),
        COMMANDS("{}"),
        COMMANDS("\"sendClients\""),
        COMMANDS("[7]"),
        COMMANDS("[\"sendClients\"]"),
        COMMANDS("[" G_ONLY ",null]"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct commands commands;
        struct fault fault = {0};
        enum status status = decode(answers[i], &anything, &commands, &fault);
        if (status != STATUS_BAD_REPLY)
            fail_msg("%s: %s", answers[i], status_text(status));
        assert_int_not_equal(strlen(fault.text), 0);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *answer, *sentence;
    } rows[] = {
        {"{\"header\":{\"status\":\"1\"}}", "status 1"},
        {"{\"header\":{\"status\":\"0012\",\"command\":" G_ONLY "},\"data\":1}", "status 0012"},
        {"{\"header\":{\"status\":\"2\",\"detail\":\"no such word\"}}", "no such word"},
        {"{\"header\":{\"status\":\"2\"},\"payload\":{\"detail\":\"elsewhere\"}}", "elsewhere"},
        {"{\"header\":{\"status\":\"2\",\"detail\":7}}", "status 2"},
        {"{\"header\":{\"status\":\"3\",\"detail\":null,\"command\":7}}", "status 3"},
    };
    struct commands commands;
    struct fault fault;
    char answer[600], detail[400];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(
            decode(rows[i].answer, &anything, &commands, &fault), STATUS_HANDLER_ERROR);
        assert_string_equal(fault.text, rows[i].sentence);
        assert_int_equal(commands.count, 0);
    }
    memset(detail, 'd', sizeof detail);
    snprintf(answer, sizeof answer, "{\"header\":{\"status\":\"4\",\"detail\":\"%.*s\"}}",
        (int)sizeof detail, detail);
    assert_int_equal(decode(answer, &anything, &commands, &fault), STATUS_HANDLER_ERROR);
    assert_int_equal(strncmp(fault.text, "status 4", 8), 0);
}

static void test_what_a_handler_may(void **state)
{
    static const struct {
        const char *name;
        const char *targets;
        unsigned may;
    } rows[] = {
        {"sendClients", "[\"G\"]", MAY_SEND_CLIENTS},
        {"sendServers", "[\"S2\"]", MAY_SEND_SERVERS},
        {"sendHandler", "\"n\"", MAY_SEND_HANDLER},
    };
    (void)state;
    for (unsigned may = 0; may <= MAY_ALL; may++)
        for (size_t i = 0; i < 3; i++) {
            struct config_handler config = {.type = (char *)"chat", .may_command = may};
            struct commands commands;
            struct fault fault = {0};
            char answer[300];
            snprintf(answer, sizeof answer,
                "{\"header\":{\"status\":\"0\",\"commands\":[{\"type\":\"%s\",\"data\":%s}]},"
                "\"data\":1}",
                rows[i].name, rows[i].targets);
            enum status status = decode(answer, &config, &commands, &fault);
            assert_int_equal(status, may & rows[i].may ? STATUS_OK : STATUS_NOT_ALLOWED);
            if (status != STATUS_OK) {
                assert_non_null(strstr(fault.text, rows[i].name));
                assert_non_null(strstr(fault.text, "chat"));
            }
        }
}

static void test_how_many_commands(void **state)
{
    struct commands commands;
    struct fault fault;
    char answer[4000];
    (void)state;
    for (size_t count = COMMANDS_MAX; count <= COMMANDS_MAX + 1; count++) {
        size_t used = (size_t)snprintf(
            answer, sizeof answer, "{\"data\":1,\"header\":{\"status\":\"0\",\"commands\":[");
        for (size_t i = 0; i < count; i++)
            used +=
                (size_t)snprintf(answer + used, sizeof answer - used, "%s" G_ONLY, i ? "," : "");
        snprintf(answer + used, sizeof answer - used, "]}}");
        assert_int_equal(decode(answer, &anything, &commands, &fault),
            count <= COMMANDS_MAX ? STATUS_OK : STATUS_BAD_REPLY);
    }
}

static void test_what_is_a_hop(void **state)
{
    static const struct {
        const char *answer;
        bool hops;
    } rows[] = {
        {COMMAND("{\"type\":\"sendHandler\",\"data\":\"n\"}"), true},
        {COMMAND(G_ONLY), false},
        {COMMANDS("[{\"type\":\"sendHandler\",\"data\":\"n\"},"
                  "{\"type\":\"sendHandler\",\"data\":\"m\"}]"),
            true},
        {COMMANDS("[{\"type\":\"sendHandler\",\"data\":\"n\"}," G_ONLY "]"), false},
        {COMMANDS("[]"), false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct commands commands;
        struct fault fault;
        assert_int_equal(decode(rows[i].answer, &anything, &commands, &fault), STATUS_OK);
        assert_int_equal(commands_are_hops(&commands), rows[i].hops);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_answers),
        cmocka_unit_test(test_wrong_answers),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_a_handler_may),
        cmocka_unit_test(test_how_many_commands),
        cmocka_unit_test(test_what_is_a_hop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
