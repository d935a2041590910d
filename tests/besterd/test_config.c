#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "besterd/check_command.h"
#include "besterd/config.h"
#include "besterd/config_table.h"
#include "besterd/paths.h"

enum { TEXT_MAX = 1 << 16, PATH_BYTES = 512 };

/* ---- helpers ---- */

/* A directory of our own that the XDG variables point to. */
static int setup(void **state)
{
    char *directory = strdup("/tmp/bester-config-XXXXXX");
    assert_non_null(directory);
    assert_non_null(mkdtemp(directory));
    setenv("XDG_STATE_HOME", directory, 1);
    setenv("XDG_RUNTIME_DIR", directory, 1);
    *state = directory;
    return 0;
}

static int teardown(void **state)
{
    char path[PATH_BYTES];
    const char *const inside[] = {"bester/deep/er", "bester/deep", "bester", "file"};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", (char *)*state, inside[i]);
        remove(path);
    }
    rmdir(*state);
    free(*state);
    return 0;
}

/* All of a file, with a zero byte; the caller's. */
static char *slurp(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, TEXT_MAX);
    if (file == NULL || text == NULL)
        fail_msg("%s cannot be read", path);
    (void)!fread(text, 1, TEXT_MAX - 1, file);
    fclose(file);
    return text;
}

/* Runs `besterd check` with these arguments (NULL: not given) and returns what it
 * printed to out; the caller's. */
static char *run_check(const char *first, const char *second, int *code)
{
    char *text = NULL;
    size_t len = 0;
    char program[] = "check";
    char *argv[] = {program, first != NULL ? strdup(first) : NULL,
        second != NULL ? strdup(second) : NULL, NULL};
    FILE *out = open_memstream(&text, &len);
    FILE *err = fopen("/dev/null", "w");
    assert_non_null(out);
    assert_non_null(err);
    *code = check_command(1 + (first != NULL) + (second != NULL), argv, out, err);
    fclose(err);
    fclose(out);
    free(argv[1]);
    free(argv[2]);
    return text;
}

static struct config *load(const char *text)
{
    struct mistakes mistakes;
    struct config *config = NULL;
    mistakes_init(&mistakes);
    enum status status = config_parse(&config, span_of(text), &mistakes);
    if (status != STATUS_OK)
        mistakes_print(&mistakes, text, stderr);
    assert_int_equal(status, STATUS_OK);
    mistakes_release(&mistakes);
    return config;
}

/* What is wrong with text: "where: sentence\n" for each; the caller's. */
static char *mistakes_of(const char *text)
{
    struct mistakes mistakes;
    struct config *config = NULL;
    char *lines = NULL;
    size_t len = 0;
    mistakes_init(&mistakes);
    assert_int_equal(config_parse(&config, span_of(text), &mistakes), STATUS_INVALID);
    assert_null(config);
    FILE *out = open_memstream(&lines, &len);
    assert_non_null(out);
    mistakes_print(&mistakes, "", out);
    fclose(out);
    mistakes_release(&mistakes);
    return lines;
}

/* ---- files under fixtures/configs ---- */

static int is_json(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

/* Calls each with the path of every configuration in the directory. */
static void each_file(const char *directory, void (*each)(const char *path))
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_json, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
        free(entries[i]);
        each(path);
    }
    free(entries);
}

static void check_valid(const char *path)
{
    char expected[PATH_BYTES + 8];
    int code = -1;
    snprintf(expected, sizeof expected, "%s: ok\n", path);
    char *printed = run_check(path, NULL, &code);
    assert_string_equal(printed, expected);
    assert_int_equal(code, 0);
    free(printed);
}

static void test_valid_files(void **state)
{
    (void)state;
    each_file("fixtures/configs/valid", check_valid);
}

/* Every line is "PATH: " and a line of the .txt beside it. */
static void check_invalid(const char *path)
{
    char name[PATH_BYTES];
    int code = -1;
    snprintf(name, sizeof name, "%s", path);
    char *printed = run_check(name, NULL, &code);
    snprintf(name + strlen(name) - 4, 5, "txt");
    char *expected = slurp(name);
    char *with_path = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&with_path, &len);
    assert_non_null(out);
    for (char *line = expected; *line != '\0'; line += strcspn(line, "\n") + 1)
        fprintf(out, "%s: %.*s\n", path, (int)strcspn(line, "\n"), line);
    fclose(out);
    assert_string_equal(printed, with_path);
    assert_int_equal(code, 78);
    free(printed);
    free(expected);
    free(with_path);
}

static void test_invalid_files(void **state)
{
    (void)state;
    each_file("fixtures/configs/invalid", check_invalid);
}

/* ---- values ---- */

static void assert_address(const struct address *address, const char *expected)
{
    char text[ADDRESS_TEXT_MAX];
    assert_string_equal(address_format(address, text, sizeof text), expected);
}

static void assert_handlers_of_everything(const struct config *config)
{
    assert_int_equal(config->handler_count, 3);
    const struct config_handler *chat = config_find_handler(config, SPAN_LITERAL("chat"));
    assert_ptr_equal(chat, &config->handlers[0]);
    assert_string_equal(chat->binary, "build/handlers/chat");
    assert_string_equal(chat->arguments[0], "-v");
    assert_string_equal(chat->arguments[1], "");
    assert_null(chat->arguments[2]);
    assert_string_equal(chat->path, "/run/bester/chat.sock");
    assert_int_equal(chat->protocol, CONFIG_STREAM);
    assert_int_equal(chat->connections, 3);
    assert_int_equal(chat->pipelined, 7);
    assert_int_equal(chat->timeout_ms, 250);
    assert_int_equal(chat->breaker_failures, 0);
    assert_int_equal(chat->breaker_pause_ms, 70);
    assert_int_equal(chat->may_command, MAY_SEND_CLIENTS | MAY_SEND_HANDLER);
    assert_true(strncmp(chat->template_text, "{\"type\":\"chat\",", 15) == 0);
    const struct config_handler *other = config_find_handler(config, SPAN_LITERAL("a type"));
    assert_ptr_equal(other, &config->handlers[1]);
    assert_null(other->binary);
    assert_null(other->arguments);
    assert_int_equal(other->protocol, CONFIG_ONESHOT);
    assert_int_equal(other->timeout_ms, 5000);
    assert_int_equal(other->breaker_failures, 10);
    assert_int_equal(other->breaker_pause_ms, 1000);
    assert_int_equal(other->may_command, 0);
    assert_null(other->template_text);
    assert_null(config_find_handler(config, SPAN_LITERAL("resting")));
}

static void assert_pinned(const struct config *config)
{
    const struct config_peer *s5 = config_find_peer(config, SPAN_LITERAL("S5"));
    const struct config_peer *s6 = config_find_peer(config, SPAN_LITERAL("S6"));
    struct address address;
    char text[TLS_PIN_TEXT];
    assert_true(config->legacy_any && config_takes_legacy(config) && config_has_pinned(config));
    assert_true(s5->has_address && !s5->legacy && s5->pin_count == 1 && !s5->relays_for);
    assert_string_equal(tls_pin_format(&s5->pins[0], text),
        "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_true(!s6->has_address && s6->pin_count == 2);
    assert_true(config_peer_speaks_for(s5, "S5", "S1"));
    assert_false(config_peer_speaks_for(s5, "S7", "S1"));
    assert_true(config_peer_speaks_for(s6, "S8", "S1"));
    assert_false(config_peer_speaks_for(s6, "S1", "S1"));
    assert_int_equal(address_parse(&address, SPAN_LITERAL("S5.example.org:2225"), NULL), STATUS_OK);
    assert_ptr_equal(config_find_peer_at(config, &address), s5);
    address.port++;
    assert_null(config_find_peer_at(config, &address));
    assert_non_null(config->identity_path);
}

/* Who may talk to it in Part I's way, without being known. */
static void test_legacy_by_default(void **state)
{
    static const struct {
        const char *text;
        bool any, takes;
    } rows[] = {
        {"{}", true, true}, /* the reference knows no peers */
        {"{\"peers\": {}}", false, false},
        {"{\"peers\": {\"*\": {\"legacy\": true}}}", true, true},
        {"{\"peers\": {\"S2\": {\"legacy\": true, \"address\": \"a:1\"}}}", false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mistakes mistakes;
        struct config *config = NULL;
        mistakes_init(&mistakes);
        assert_int_equal(config_parse(&config, span_of(rows[i].text), &mistakes), STATUS_OK);
        assert_true(config->legacy_any == rows[i].any);
        assert_true(config_takes_legacy(config) == rows[i].takes);
        assert_false(config_has_pinned(config));
        config_unref(config);
        mistakes_release(&mistakes);
    }
    struct mistakes mistakes;
    struct config *config = NULL;
    mistakes_init(&mistakes);
    assert_int_equal(config_load(&config, NULL, &mistakes), STATUS_OK); /* the embedded one */
    assert_false(config->legacy_any || config_takes_legacy(config));
    config_unref(config);
    mistakes_release(&mistakes);
}

static void test_everything(void **state)
{
    (void)state;
    char *text = slurp("fixtures/configs/valid/everything.json");
    struct config *config = load(text);
    free(text);
    assert_string_equal(config->server_name, "S1");
    assert_int_equal(config->listener_count, 2);
    assert_address(&config->listeners[0].address, "unix:///run/bester/bester.sock");
    assert_address(&config->listeners[1].address, "tcp4://0.0.0.0:2323");
    assert_handlers_of_everything(config);
    assert_int_equal(config->database, DATABASE_SQLITE);
    assert_string_equal(config->database_path, "/var/lib/bester/accounts.db");
    assert_string_equal(config->informer_path, "/run/bester/informer");
    assert_int_equal(config->peer_count, 5);
    assert_pinned(config);
    assert_address(&config_find_peer(config, SPAN_LITERAL("S3"))->address, "tcp://[::1]:2225");
    assert_true(config->peers[0].legacy);
    assert_null(config_find_peer(config, SPAN_LITERAL("S")));
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(config->log_format, LOG_FORMAT_JSON);
    assert_true(config->has_metrics);
    assert_address(&config->metrics_address, "tcp6://[::1]:9464");
    assert_string_equal(json_string_value(json_object_get(config->admin_info, "name")), "T");
    const struct config_limits *limits = &config->limits;
    assert_int_equal(limits->max_frame_bytes, 65536);
    assert_int_equal(limits->json_depth, 64);
    assert_int_equal(limits->login_ms, 1000);
    assert_int_equal(limits->drain_ms, 0);
    assert_int_equal(limits->hops, 3);
    assert_int_equal(limits->stall_ms, 2000);
    assert_int_equal(limits->queued_bytes_per_session, 131072);
    assert_int_equal(limits->in_flight_per_session, 2);
    assert_int_equal(limits->in_flight_per_handler, 3);
    assert_int_equal(limits->recipients, 4);
    assert_int_equal(limits->oneshot_connections, 5);
    assert_int_equal(limits->peer_connections, 6);
    assert_int_equal(limits->peer_ms, 7000);
    assert_int_equal(limits->sessions_per_user, 7);
    assert_int_equal(limits->sessions_per_address, 8);
    assert_int_equal(limits->connects_per_s, 9);
    assert_int_equal(limits->connect_burst, 10);
    assert_int_equal(limits->address_messages_per_s, 11);
    assert_int_equal(limits->address_message_burst, 12);
    assert_int_equal(limits->user_messages_per_s, 13);
    assert_int_equal(limits->user_message_burst, 14);
    assert_int_equal(limits->failed_logins_per_min, 20);
    assert_int_equal(limits->failed_login_burst, 21);
    assert_int_equal(limits->address_failed_logins_per_min, 22);
    assert_int_equal(limits->address_failed_login_burst, 23);
    assert_int_equal(limits->user_failed_logins_per_min, 24);
    assert_int_equal(limits->user_failed_login_burst, 25);
    assert_true(limits->also_local);
    assert_int_equal(limits->peer_in_flight, 8);
    assert_int_equal(limits->peer_heartbeat_ms, 900);
    assert_int_equal(limits->login_frame_bytes, 1025);
    assert_int_equal(limits->json_values, 65);
    assert_int_equal(limits->strangers_bytes, 65537);
    assert_int_equal(limits->stall_bytes, 15);
    assert_int_equal(limits->kept_bytes, 16);
    assert_int_equal(limits->total_bytes, 1048577);
    assert_null(config->state_directory);
    assert_null(config->runtime_directory);
    config_unref(config);
}

static void test_reference(void **state)
{
    (void)state;
    char *text = slurp("fixtures/configs/valid/reference.json");
    struct config *config = load(text);
    free(text);
    assert_int_equal(config->database, DATABASE_REDIS);
    assert_int_equal(config->listener_count, 3);
    assert_address(&config->listeners[0].address, "tcp4://127.0.0.1:2223");
    assert_address(&config->listeners[1].address, "tcp6://[::1]:2224");
    assert_int_equal(config->listeners[2].address.kind, ADDRESS_UNIX);
    assert_string_equal(config->listeners[2].address.path, "bSock");
    assert_string_equal(config->informer_path, "bInformer");
    assert_int_equal(config->handlers[0].protocol, CONFIG_ONESHOT);
    assert_int_equal(config->handlers[0].may_command, MAY_ALL);
    assert_int_equal(json_object_size(config->admin_info), 0);
    config_unref(config);
}

/* ---- the embedded default ---- */

static struct config *load_default(void)
{
    struct mistakes mistakes;
    struct config *config = NULL;
    mistakes_init(&mistakes);
    assert_int_equal(config_load(&config, NULL, &mistakes), STATUS_OK);
    mistakes_release(&mistakes);
    return config;
}

static void assert_under(const char *path, const char *directory, const char *rest)
{
    char expected[PATH_BYTES];
    snprintf(expected, sizeof expected, "%s/%s", directory, rest);
    assert_string_equal(path, expected);
}

static void test_default(void **state)
{
    const char *directory = *state;
    struct config *config = load_default();
    assert_int_equal(config->listener_count, 2);
    assert_address(&config->listeners[0].address, "tcp4://127.0.0.1:2223");
    assert_under(config->listeners[1].address.path, directory, "bester/bester.sock");
    assert_under(config->database_path, directory, "bester/accounts.db");
    assert_under(config->informer_path, directory, "bester/informer");
    assert_int_equal(config->database, DATABASE_SQLITE);
    assert_int_equal(config->limits.max_frame_bytes, 1048576);
    assert_int_equal(config->handler_count, 1);
    assert_string_equal(config->handlers[0].type, "chat");
    assert_int_equal(config->handlers[0].protocol, CONFIG_STREAM);
    assert_under(config->handlers[0].path, directory, "bester/chat.sock");
    assert_true(config->server_name[0] != '\0');
    config_unref(config);
}

static void test_xdg_variables(void **state)
{
    const char *directory = *state;
    /* Without a runtime directory all is in the state directory. */
    unsetenv("XDG_RUNTIME_DIR");
    struct config *config = load_default();
    assert_under(config->informer_path, directory, "bester/informer");
    config_unref(config);
    /* A relative one is to be ignored. */
    setenv("XDG_STATE_HOME", "relative", 1);
    setenv("HOME", directory, 1);
    config = load_default();
    assert_under(config->database_path, directory, ".local/state/bester/accounts.db");
    config_unref(config);
    unsetenv("HOME");
    struct mistakes mistakes;
    mistakes_init(&mistakes);
    assert_int_equal(config_load(&config, NULL, &mistakes), STATUS_INVALID);
    assert_true(mistakes.count >= 3);
    assert_string_equal(mistakes.at[0].where, "network.unix.address");
    mistakes_release(&mistakes);
    setenv("HOME", directory, 1);
}

static void test_directories(void **state)
{
    struct config *config = load_default();
    struct fault fault;
    struct stat stat_now;
    assert_int_equal(config_make_directories(config, &fault), STATUS_OK);
    assert_int_equal(config_make_directories(config, &fault), STATUS_OK); /* again */
    assert_int_equal(stat(config->state_directory, &stat_now), 0);
    assert_int_equal(stat_now.st_mode & 0777, 0700);
    config_unref(config);
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/bester/deep/er", (char *)*state);
    assert_int_equal(paths_make_directory(path, &fault), STATUS_OK);
    snprintf(path, sizeof path, "%s/file", (char *)*state);
    fclose(fopen(path, "w"));
    assert_int_equal(paths_make_directory(path, &fault), STATUS_IO);
    snprintf(path, sizeof path, "%s/file/below", (char *)*state);
    assert_int_equal(paths_make_directory(path, &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "Not a directory"));
}

/* ---- numbers at their edges, from the table ---- */

static bool is_taken(const char *name, uint64_t number)
{
    char text[300];
    struct mistakes mistakes;
    struct config *config = NULL;
    /* The queue must be larger than a frame; that is another test's. */
    bool is_queue = strcmp(name, "queuedBytesPerSession") == 0 || strcmp(name, "totalBytes") == 0;
    const char *other = is_queue ? "\"maxFrame\": 1024" : "\"queuedBytesPerSession\": 1073741824";
    snprintf(text, sizeof text, "{\"limits\": {%s, \"%s\": %llu}}", other, name,
        (unsigned long long)number);
    mistakes_init(&mistakes);
    enum status status = config_parse(&config, span_of(text), &mistakes);
    bool is_range = mistakes.count == 1 && strstr(mistakes.at[0].sentence, "whole number") != NULL;
    assert_true(status == STATUS_OK || is_range || strcmp(name, "queuedBytesPerSession") == 0);
    mistakes_release(&mistakes);
    config_unref(config);
    return !is_range;
}

static void test_edges_of_limits(void **state)
{
    (void)state;
    const struct config_member *limits = config_members;
    while (strcmp(limits->name, "limits") != 0)
        limits++;
    size_t count = 0;
    for (const struct config_member *limit = limits->inside; limit->name != NULL; limit++) {
        if (limit->kind == CONFIG_FLAG)
            continue;
        assert_true(is_taken(limit->name, limit->least));
        assert_true(is_taken(limit->name, limit->most));
        assert_true(is_taken(limit->name, limit->preset));
        assert_false(is_taken(limit->name, limit->most + 1));
        if (limit->least > 0)
            assert_false(is_taken(limit->name, limit->least - 1));
        count++;
    }
    assert_int_equal(count, 35);
}

/* ---- mistakes ---- */

static void test_nearest(void **state)
{
    (void)state;
    static const char *const known[] = {"tcp4", "tcp6", "unix", "types", NULL};
    assert_string_equal(mistakes_nearest("tpc4", known), "tcp4");
    assert_string_equal(mistakes_nearest("unixx", known), "unix");
    assert_string_equal(mistakes_nearest("type", known), "types");
    assert_null(mistakes_nearest("address", known));
    assert_null(mistakes_nearest("", known));
    char overlong[300];
    memset(overlong, 't', sizeof overlong);
    overlong[sizeof overlong - 1] = '\0';
    assert_null(mistakes_nearest(overlong, known));
}

static void test_many_mistakes(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    for (int i = 0; i < MISTAKES_MAX + 7; i++)
        fprintf(out, "%s\"unknown %d\": 1", i == 0 ? "{" : ",", i);
    fprintf(out, "}");
    fclose(out);
    char *lines = mistakes_of(text);
    assert_non_null(strstr(lines, ": and 7 more mistakes\n"));
    free(lines);
    free(text);
}

static void test_a_path_too_long_to_write(void **state)
{
    (void)state;
    char text[3000];
    char name[1200];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    snprintf(text, sizeof text, "{\"peers\": {\"%s\": {\"addres\": 1}}}", name);
    char *lines = mistakes_of(text);
    assert_non_null(strstr(lines, "peers.nnnn"));
    assert_non_null(strstr(lines, "is too long for a server's name"));
    free(lines);
}

/* ---- the command ---- */

static void test_check_command(void **state)
{
    (void)state;
    int code = -1;
    char *text = run_check(NULL, NULL, &code);
    assert_string_equal(text, "the embedded default: ok\n");
    assert_int_equal(code, 0);
    free(text);
    text = run_check("fixtures/configs/nowhere.json", NULL, &code);
    assert_string_equal(
        text, "fixtures/configs/nowhere.json: cannot be read: No such file or directory\n");
    assert_int_equal(code, 74);
    free(text);
    text = run_check("/dev/zero", NULL, &code);
    assert_string_equal(text, "/dev/zero: cannot be read: File too large\n");
    assert_int_equal(code, 74);
    free(text);
    text = run_check("a", "b", &code);
    assert_int_equal(code, 2);
    free(text);
    text = run_check("--what", NULL, &code);
    assert_int_equal(code, 2);
    free(text);
}

/* As a shell gives it: besterd check <(generate). */
static void test_a_pipe(void **state)
{
    (void)state;
    int ends[2];
    char path[40];
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool good = write(ends[1], "{\"log\"", 6) == 6 && sched_yield() == 0 &&
                    write(ends[1], ": {}}", 5) == 5;
        _exit(good ? 0 : 1);
    }
    close(ends[1]);
    int code = -1;
    char *text = run_check(path, NULL, &code);
    assert_int_equal(code, 0);
    free(text);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
}

static void test_help_names_every_member(void **state)
{
    (void)state;
    int code = -1;
    char *text = run_check("--help", NULL, &code);
    assert_int_equal(code, 0);
    static const char *const expected[] = {"\nserver.name: text\n",
        "\nnetwork.types: list of tcp4, tcp6, tls4, tls6, peer4, peer6, unix\n",
        "\nhandlers.typeMap.TYPE.protocol: one of oneshot, stream\n",
        "\npeers.NAME.address: text\n", "\nlimits.hops: number, 1 to 64\n",
        "\nadmin.info: any value\n", "        Default: 1048576.\n", "        Default: oneshot.\n"};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_non_null(strstr(text, expected[i]));
    free(text);
}

/* The manual page holds the table as the program prints it. */
static void test_manual_page_is_up_to_date(void **state)
{
    (void)state;
    int code = -1;
    char *page = slurp("docs/besterd.8");
    char *table = run_check("--man", NULL, &code);
    assert_true(strlen(table) > 1000);
    if (strstr(page, table) == NULL)
        fail_msg("docs/besterd.8 does not hold what `besterd check --man` prints");
    free(page);
    free(table);
}

/* ---- accounts in Redis ---- */

static void test_redis(void **state)
{
    (void)state;
    static const char of_the_reference[] =
        "{\"database\": {\"type\": \"redis\", \"redis\": {\"address\": \"10.0.0.7\", "
        "\"port\": \"6380\"}}}";
    struct config *config = load(of_the_reference);
    const struct config_redis *redis = &config->redis;
    assert_int_equal(config->database, DATABASE_REDIS);
    assert_int_equal(redis->address.kind, ADDRESS_TCP);
    assert_string_equal(redis->address.host, "10.0.0.7");
    assert_int_equal(redis->address.port, 6380);
    assert_string_equal(redis->prefix, "");
    assert_null(redis->user);
    assert_null(redis->password_file);
    assert_int_equal(redis->index, 0);
    assert_int_equal(redis->timeout_ms, 2000);
    config_unref(config);
    config = load("{\"database\": {\"type\": \"redis\", \"redis\": {\"user\": \"u\", "
                  "\"passwordFile\": \"f\", \"index\": 3, \"prefix\": \"p:\", "
                  "\"timeoutMs\": 500}}}");
    struct config_redis copy;
    assert_int_equal(config_redis_copy(&copy, &config->redis), STATUS_OK);
    config_unref(config);
    assert_string_equal(copy.address.host, "127.0.0.1");
    assert_int_equal(copy.address.port, 6379);
    assert_string_equal(copy.user, "u");
    assert_string_equal(copy.password_file, "f");
    assert_string_equal(copy.prefix, "p:");
    assert_int_equal(copy.index, 3);
    assert_int_equal(copy.timeout_ms, 500);
    config_redis_release(&copy);
}

static void test_where_redis_is(void **state)
{
    (void)state;
    static const struct {
        const char *given, *address; /* NULL: refused */
    } samples[] = {{"127.0.0.1", "127.0.0.1:6379"}, {"redis.example.org", "redis.example.org:6379"},
        {"::1", "[::1]:6379"}, {"[::1]", "[::1]:6379"}, {"/run/redis.sock", "/run/redis.sock"},
        {"run/redis.sock", "run/redis.sock"}, {"./redis.sock", "./redis.sock"},
        {"unix:redis.sock", "redis.sock"}, {"unix:///run/redis.sock", "/run/redis.sock"},
        {"tcp4://127.0.0.1", NULL}, {"127.0.0.1:6379", NULL}, {"two words", NULL}, {"unix:", NULL},
        {"[::1", NULL}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char text[PATH_BYTES];
        char address[ADDRESS_TEXT_MAX];
        snprintf(text, sizeof text,
            "{\"database\": {\"type\": \"redis\", \"redis\": {\"address\": \"%s\"}}}",
            samples[i].given);
        if (samples[i].address == NULL) {
            char *lines = mistakes_of(text);
            assert_non_null(strstr(lines, "database.redis.address: "));
            free(lines);
            continue;
        }
        struct config *config = load(text);
        address_format_short(&config->redis.address, address, sizeof address);
        assert_string_equal(address, samples[i].address);
        config_unref(config);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_valid_files),
        TEST(test_invalid_files),
        TEST(test_everything),
        TEST(test_reference),
        TEST(test_default),
        TEST(test_xdg_variables),
        TEST(test_directories),
        TEST(test_legacy_by_default),
        TEST(test_edges_of_limits),
        TEST(test_nearest),
        TEST(test_many_mistakes),
        TEST(test_a_path_too_long_to_write),
        TEST(test_check_command),
        TEST(test_a_pipe),
        TEST(test_redis),
        TEST(test_where_redis_is),
        TEST(test_help_names_every_member),
        TEST(test_manual_page_is_up_to_date),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
