#include "libbester/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "tests/libbester/support.h"

#define NAME_63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"
#define HOST_253                        \
    NAME_63 "." NAME_63 "." NAME_63 "." \
            "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy"
#define PATH_107                                         \
    "/2345678901234567890123456789012345678901234567890" \
    "123456789012345678901234567890123456789012345678901234567"

static const struct {
    const char *text;
    enum address_kind kind;
    const char *where; /* host, or path */
    unsigned port;
    const char *formatted;
    const char *short_form;
    bool local;
} good[] = {
    {"127.0.0.1:2223", ADDRESS_TCP, "127.0.0.1", 2223, "tcp://127.0.0.1:2223", "127.0.0.1:2223",
        true},
    {"tcp4://127.0.0.1:2223", ADDRESS_TCP4, "127.0.0.1", 2223, "tcp4://127.0.0.1:2223",
        "127.0.0.1:2223", true},
    {"tcp6://[::1]:2223", ADDRESS_TCP6, "::1", 2223, "tcp6://[::1]:2223", "[::1]:2223", true},
    {"[::1]:0", ADDRESS_TCP, "::1", 0, "tcp://[::1]:0", "[::1]:0", true},
    {"[fe80::1%1]:5", ADDRESS_TCP, "fe80::1%1", 5, "tcp://[fe80::1%1]:5", "[fe80::1%1]:5", false},
    {"tcp://example.org:65535", ADDRESS_TCP, "example.org", 65535, "tcp://example.org:65535",
        "example.org:65535", false},
    {"localhost:80", ADDRESS_TCP, "localhost", 80, "tcp://localhost:80", "localhost:80", false},
    {"tcp6://localhost:80", ADDRESS_TCP6, "localhost", 80, "tcp6://localhost:80", "localhost:80",
        false},
    {"tcp4://0.0.0.0:00080", ADDRESS_TCP4, "0.0.0.0", 80, "tcp4://0.0.0.0:80", "0.0.0.0:80", false},
    {"127.255.255.254:1", ADDRESS_TCP, "127.255.255.254", 1, "tcp://127.255.255.254:1",
        "127.255.255.254:1", true},
    {"128.0.0.1:1", ADDRESS_TCP, "128.0.0.1", 1, "tcp://128.0.0.1:1", "128.0.0.1:1", false},
    {"[::ffff:127.0.0.1]:1", ADDRESS_TCP, "::ffff:127.0.0.1", 1, "tcp://[::ffff:127.0.0.1]:1",
        "[::ffff:127.0.0.1]:1", true},
    {"[::ffff:10.0.0.1]:1", ADDRESS_TCP, "::ffff:10.0.0.1", 1, "tcp://[::ffff:10.0.0.1]:1",
        "[::ffff:10.0.0.1]:1", false},
    {"unix:///run/x.sock", ADDRESS_UNIX, "/run/x.sock", 0, "unix:///run/x.sock", "/run/x.sock",
        true},
    {"unix:/run/x.sock", ADDRESS_UNIX, "/run/x.sock", 0, "unix:///run/x.sock", "/run/x.sock", true},
    {"unix:relative/path", ADDRESS_UNIX, "relative/path", 0, "unix:relative/path", "relative/path",
        true},
    {"unix://relative", ADDRESS_UNIX, "relative", 0, "unix:relative", "relative", true},
    {"unix:////twice", ADDRESS_UNIX, "//twice", 0, "unix:////twice", "//twice", true},
    {"unix:a:b@c d", ADDRESS_UNIX, "a:b@c d", 0, "unix:a:b@c d", "a:b@c d", true},
    {"unix:" PATH_107, ADDRESS_UNIX, PATH_107, 0, "unix://" PATH_107, PATH_107, true},
    {HOST_253 ":1", ADDRESS_TCP, HOST_253, 1, "tcp://" HOST_253 ":1", HOST_253 ":1", false},
};

static void good_addresses_go_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct address address;
        struct address again;
        char out[ADDRESS_TEXT_MAX];
        struct span text = exact_copy_of(good[i].text);
        assert_int_equal(address_parse(&address, text, NULL), STATUS_OK);
        exact_free(text);
        assert_int_equal(address.kind, good[i].kind);
        assert_string_equal(
            address.kind == ADDRESS_UNIX ? address.path : address.host, good[i].where);
        assert_int_equal(address.port, good[i].port);
        assert_string_equal(address_format(&address, out, sizeof out), good[i].formatted);
        assert_int_equal(address_parse(&again, span_of(out), NULL), STATUS_OK);
        assert_memory_equal(&again, &address, sizeof address);
        assert_string_equal(address_format_short(&address, out, sizeof out), good[i].short_form);
        assert_int_equal(address_is_local(&address), good[i].local);
    }
}

static void bad_addresses_are_refused_with_a_sentence(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ":", "host", "host:", ":80", "host:-1", "host:+1",
        "host:65536", "host:999999", "host:8x", "host: 80", "host:80 ", " host:80", "ho st:80",
        "ho\tst:80", "ho/st:80", "user@host:80", "::1:80", "[::1]", "[::1]80", "[::1", "[]:80",
        "[host]:80", "[127.0.0.1]:80", "[::1%]:80", "[::g]:1", "tcp4://", "tcp4://:80",
        "tcp4://[::1]:80", "tcp6://127.0.0.1:80", "tcp5://h:80", "http://h:80", "unix:", "unix://",
        ("unix:" PATH_107 "8"), (HOST_253 "x:1"), "tcp4:127.0.0.1:1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct address address;
        struct address before;
        struct fault fault = {.text = ""};
        memset(&address, 0x5A, sizeof address);
        before = address;
        struct span text = exact_copy_of(bad[i]);
        enum status status = address_parse(&address, text, &fault);
        exact_free(text);
        if (status != STATUS_INVALID)
            fail_msg("\"%s\" was not refused", bad[i]);
        assert_int_equal(fault.status, STATUS_INVALID);
        assert_true(strlen(fault.text) > 10);
        assert_memory_equal(&address, &before, sizeof address);
    }
}

static void a_zero_byte_is_refused(void **state)
{
    (void)state;
    struct address address;
    struct user_address user;
    assert_int_equal(address_parse(&address, SPAN_LITERAL("unix:a\0b"), NULL), STATUS_INVALID);
    assert_int_equal(address_parse(&address, SPAN_LITERAL("a\0b:80"), NULL), STATUS_INVALID);
    assert_int_equal(address_parse(&address, SPAN_LITERAL("[::1\0]:80"), NULL), STATUS_INVALID);
    assert_int_equal(address_parse(&address, (struct span){0}, NULL), STATUS_INVALID);
    assert_int_equal(user_address_parse(&user, SPAN_LITERAL("T\0@s")), STATUS_INVALID);
}

static void a_text_that_does_not_fit_is_cut(void **state)
{
    (void)state;
    struct address address;
    char out[8];
    assert_int_equal(address_parse(&address, span_of("host.example:80"), NULL), STATUS_OK);
    assert_string_equal(address_format(&address, out, sizeof out), "tcp://h");
    assert_string_equal(address_format_short(&address, out, sizeof out), "host.ex");
}

/* What the kernel is given comes back as the same address, the host of a TCP
 * address being a number. */
static void numbers_go_to_the_kernel_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int family;
        const char *back;
    } rows[] = {
        {"127.0.0.1:2223", AF_INET, "tcp4://127.0.0.1:2223"},
        {"tcp4://10.1.2.3:9", AF_INET, "tcp4://10.1.2.3:9"},
        {"[::1]:2223", AF_INET6, "tcp6://[::1]:2223"},
        {"tcp6://[2001:DB8::0:1]:1", AF_INET6, "tcp6://[2001:db8::1]:1"},
        {"[fe80::1%1]:5", AF_INET6, "tcp6://[fe80::1%1]:5"},
        {"[fe80::1%lo]:5", AF_INET6, "tcp6://[fe80::1%1]:5"},
        {"unix:///run/x", AF_UNIX, "unix:///run/x"},
        {"unix:" PATH_107, AF_UNIX, "unix://" PATH_107},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address address;
        struct sockaddr_storage storage;
        socklen_t len;
        char out[ADDRESS_TEXT_MAX];
        assert_int_equal(address_parse(&address, span_of(rows[i].text), NULL), STATUS_OK);
        assert_int_equal(address_to_sockaddr(&address, &storage, &len), STATUS_OK);
        assert_int_equal(storage.ss_family, rows[i].family);
        struct span exact = exact_copy(&storage, len);
        assert_int_equal(
            address_from_sockaddr(&address, (const struct sockaddr *)(const void *)exact.at, len),
            STATUS_OK);
        exact_free(exact);
        assert_string_equal(address_format(&address, out, sizeof out), rows[i].back);
    }
}

static void the_kernels_form_is_right_to_the_byte(void **state)
{
    (void)state;
    struct address address;
    struct sockaddr_storage storage;
    struct sockaddr_in v4;
    socklen_t len;
    assert_int_equal(address_parse(&address, span_of("127.0.0.5:258"), NULL), STATUS_OK);
    assert_int_equal(address_to_sockaddr(&address, &storage, &len), STATUS_OK);
    assert_int_equal(len, sizeof v4);
    memcpy(&v4, &storage, sizeof v4);
    assert_int_equal(ntohl(v4.sin_addr.s_addr), 0x7F000005);
    assert_memory_equal(&v4.sin_port, "\x01\x02", 2);
}

static void names_have_no_kernel_form(void **state)
{
    (void)state;
    static const char *const names[] = {"localhost:1", "tcp4://localhost:1", "tcp6://h:1",
        "127.1:80", "0x7f000001:80", "[fe80::1%no-such-interface]:1"};
    struct sockaddr_storage storage;
    socklen_t len;
    struct address address;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(address_parse(&address, span_of(names[i]), NULL), STATUS_OK);
        assert_int_equal(address_to_sockaddr(&address, &storage, &len), STATUS_INVALID);
        assert_false(address_is_local(&address));
    }
    address = (struct address){.kind = ADDRESS_UNIX};
    assert_int_equal(address_to_sockaddr(&address, &storage, &len), STATUS_INVALID);
    address = (struct address){.kind = ADDRESS_TCP4, .host = "::1"};
    assert_int_equal(address_to_sockaddr(&address, &storage, &len), STATUS_INVALID);
    assert_false(address_is_local(&address));
    address = (struct address){.kind = ADDRESS_TCP6, .host = "127.0.0.1"};
    assert_int_equal(address_to_sockaddr(&address, &storage, &len), STATUS_INVALID);
    assert_false(address_is_local(&address));
}

static void odd_kernel_addresses(void **state)
{
    (void)state;
    struct address address = {.port = 9};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr *from = (struct sockaddr *)&local;
    socklen_t unnamed = offsetof(struct sockaddr_un, sun_path);
    assert_int_equal(address_from_sockaddr(&address, from, unnamed), STATUS_OK);
    assert_int_equal(address.kind, ADDRESS_UNIX);
    assert_string_equal(address.path, "");
    /* An abstract name begins with a zero byte. */
    assert_int_equal(address_from_sockaddr(&address, from, unnamed + 5), STATUS_INVALID);
    /* A path may fill sun_path without a zero byte: one byte too many for us. */
    memset(local.sun_path, 'p', sizeof local.sun_path);
    assert_int_equal(address_from_sockaddr(&address, from, sizeof local), STATUS_INVALID);
    assert_int_equal(address_from_sockaddr(&address, from, sizeof local - 1), STATUS_OK);
    assert_int_equal(strlen(address.path), sizeof local.sun_path - 1);
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    from = (struct sockaddr *)&v4;
    assert_int_equal(address_from_sockaddr(&address, from, sizeof v4 - 1), STATUS_INVALID);
    assert_int_equal(address_from_sockaddr(&address, from, 0), STATUS_INVALID);
    v4.sin_family = AF_APPLETALK;
    assert_int_equal(address_from_sockaddr(&address, from, sizeof v4), STATUS_INVALID);
}

static void users_and_servers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *user, *server;
    } rows[] = {
        {"T", "T", ""},
        {"T@s1", "T", "s1"},
        {"a@b@s1", "a@b", "s1"},
        {"J\xC3\xBCrgen M@s 2", "J\xC3\xBCrgen M", "s 2"},
        {"T@127.0.0.1:2223", "T", "127.0.0.1:2223"},
        {"@", NULL, NULL},
        {"", NULL, NULL},
        {"T@", NULL, NULL},
        {"@s1", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct user_address user = {.user = "unchanged"};
        struct span text = exact_copy_of(rows[i].text);
        enum status status = user_address_parse(&user, text);
        exact_free(text);
        assert_int_equal(status, rows[i].user == NULL ? STATUS_INVALID : STATUS_OK);
        assert_string_equal(user.user, rows[i].user == NULL ? "unchanged" : rows[i].user);
        assert_string_equal(user.server, rows[i].user == NULL ? "" : rows[i].server);
    }
}

static void users_and_servers_have_a_length(void **state)
{
    (void)state;
    struct user_address user;
    char text[USER_NAME_MAX + SERVER_NAME_MAX + 2];
    for (int extra = 0; extra < 2; extra++) {
        enum status expected = extra == 0 ? STATUS_OK : STATUS_INVALID;
        snprintf(text, sizeof text, "%0*d@s", USER_NAME_MAX - 1 + extra, 0);
        assert_int_equal(user_address_parse(&user, span_of(text)), expected);
        snprintf(text, sizeof text, "u@%0*d", SERVER_NAME_MAX - 1 + extra, 0);
        assert_int_equal(user_address_parse(&user, span_of(text)), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses_go_both_ways),
        cmocka_unit_test(bad_addresses_are_refused_with_a_sentence),
        cmocka_unit_test(a_zero_byte_is_refused),
        cmocka_unit_test(a_text_that_does_not_fit_is_cut),
        cmocka_unit_test(numbers_go_to_the_kernel_and_back),
        cmocka_unit_test(the_kernels_form_is_right_to_the_byte),
        cmocka_unit_test(names_have_no_kernel_form),
        cmocka_unit_test(odd_kernel_addresses),
        cmocka_unit_test(users_and_servers),
        cmocka_unit_test(users_and_servers_have_a_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
