#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "libbester/login.h"

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *user;
        const char *address;
    } cases[] = {
        {"example.org:7", "", "example.org:7"},
        {"example.org", "", "example.org:2223"},
        {"127.0.0.1", "", "127.0.0.1:2223"},
        {"[::1]", "", "[::1]:2223"},
        {"[::1]:7", "", "[::1]:7"},
        {"T@example.org", "T", "example.org:2223"},
        {"bester://example.org", "", "example.org:2223"},
        {"bester://T@example.org:7/", "T", "example.org:7"},
        {"bester://a%40b%3A@[::1]:7", "a@b:", "[::1]:7"},
        {"bester://a@b@example.org:7", "a@b", "example.org:7"},
        {"tcp4://127.0.0.1:7", "", "127.0.0.1:7"},
        {"besters://T@example.org", "T", "example.org:2224"},
        {"besters://[::1]:7/", "", "[::1]:7"},
        {"unix:/run/x@y.sock", "", "/run/x@y.sock"},
        {"unix:///run/x.sock", "", "/run/x.sock"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct login login;
        struct fault fault = {0};
        char address[ADDRESS_TEXT_MAX];
        if (login_target(&login, cases[i].text, &fault) != STATUS_OK)
            fail_msg("%s: %s", cases[i].text, fault.text);
        assert_string_equal(login.user, cases[i].user);
        assert_int_equal(login.secure, strncmp(cases[i].text, "besters:", 8) == 0);
        assert_string_equal(
            address_format_short(&login.address, address, sizeof address), cases[i].address);
    }
}

/* Whose password could be read on its way. */
static void test_exposed(void **state)
{
    static const struct {
        const char *text;
        bool exposed;
    } cases[] = {
        {"example.org", true},
        {"192.0.2.7:2223", true},
        {"0.0.0.0:2223", true},
        {"[2001:db8::1]", true},
        {"localhost.example.org", true},
        {"besters://example.org", false},
        {"localhost", false},
        {"LocalHost:7", false},
        {"127.9.9.9", false},
        {"[::1]", false},
        {"unix:/run/x.sock", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct login login = {0};
        struct fault fault;
        assert_int_equal(login_target(&login, cases[i].text, &fault), STATUS_OK);
        login.password[0] = 'p';
        assert_int_equal(login_is_exposed(&login), cases[i].exposed);
        login_wipe(&login);
        assert_false(login_is_exposed(&login));
    }
}

static void test_targets_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *fault; /* or NULL: what address_parse says */
    } cases[] = {
        {"", NULL},
        {"example.org:x", NULL},
        {"example.org:99999", NULL},
        {"http://example.org", NULL},
        {"bester://", NULL},
        {"bester://T:secret@example.org",
            "a password does not belong into SERVER; use --password-file"},
        {"@example.org", "the user's name is empty"},
        {"T%4@example.org", "'%' needs two digits behind it"},
        {"T%00@example.org", "'%' needs two digits behind it"},
        {"T%@example.org", "'%' needs two digits behind it"},
        {"besters://", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct login login = {.user = "untouched"};
        struct fault fault = {0};
        assert_int_equal(login_target(&login, cases[i].text, &fault), STATUS_INVALID);
        assert_string_equal(login.user, "untouched");
        if (cases[i].fault != NULL)
            assert_string_equal(fault.text, cases[i].fault);
        assert_true(fault.text[0] != '\0');
    }
}

/* ---- with files, descriptors and the environment ----------------------------------------------
 */

struct place {
    char directory[64];
    char file[128];
};

static int setup(void **state)
{
    struct place *self = calloc(1, sizeof *self);
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-test-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->file, sizeof self->file, "%s/password", self->directory);
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    setenv("LOGNAME", "somebody", 1);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct place *self = *state;
    unlink(self->file);
    rmdir(self->directory);
    free(self);
    return 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_password_file(void **state)
{
    struct place *self = *state;
    static const struct {
        const char *text;
        const char *password; /* NULL: refused */
    } cases[] = {
        {"secret\n", "secret"},
        {"secret", "secret"},
        {"secret\r\nmore\n", "secret"},
        {" two words \n", " two words "},
        {"", NULL},
        {"\n", NULL},
    };
    struct login_settings settings = LOGIN_SETTINGS;
    settings.password_file = self->file;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct login login;
        struct fault fault = {0};
        write_file(self->file, cases[i].text);
        enum status status = login_prepare(&login, &settings, "bester://T@127.0.0.1", &fault);
        assert_int_equal(status, cases[i].password == NULL ? STATUS_INVALID : STATUS_OK);
        if (status != STATUS_OK)
            continue;
        assert_string_equal(login.password, cases[i].password);
        assert_string_equal(login.user, "T");
        login_wipe(&login);
        assert_string_equal(login.password, "");
    }
    unlink(self->file);
    struct login login;
    struct fault fault = {0};
    assert_int_equal(login_prepare(&login, &settings, "127.0.0.1", &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "No such file"));
}

static void test_password_descriptor(void **state)
{
    (void)state;
    int ends[2];
    char rest[8] = "";
    struct login login;
    struct login_settings settings = LOGIN_SETTINGS;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "pw\nrest", 7), 7);
    settings.password_fd = (unsigned)ends[0];
    settings.password_file = "/nonexistent"; /* the descriptor goes first */
    assert_int_equal(login_prepare(&login, &settings, "127.0.0.1", NULL), STATUS_OK);
    assert_string_equal(login.password, "pw");
    assert_int_equal(read(ends[0], rest, sizeof rest - 1), 4);
    assert_string_equal(rest, "rest");
    close(ends[0]);
    close(ends[1]);
    struct fault fault = {0};
    assert_int_equal(login_prepare(&login, &settings, "127.0.0.1", &fault), STATUS_IO);
}

static void test_who_and_where(void **state)
{
    struct place *self = *state;
    struct login login;
    char text[ADDRESS_TEXT_MAX];
    struct login_settings settings = LOGIN_SETTINGS;
    settings.password_file = self->file;
    write_file(self->file, "pw\n");

    assert_int_equal(login_prepare(&login, &settings, NULL, NULL), STATUS_OK);
    assert_string_equal(login.user, "somebody");
    assert_string_equal(address_format_short(&login.address, text, sizeof text), "127.0.0.1:2223");

    settings.server = "bester://U@example.org:7";
    assert_int_equal(login_prepare(&login, &settings, NULL, NULL), STATUS_OK);
    assert_string_equal(login.user, "U");
    assert_string_equal(address_format_short(&login.address, text, sizeof text), "example.org:7");

    settings.user = "V"; /* an option goes before the URL, an operand before --server */
    assert_int_equal(login_prepare(&login, &settings, "[::1]:8", NULL), STATUS_OK);
    assert_string_equal(login.user, "V");
    assert_string_equal(address_format_short(&login.address, text, sizeof text), "[::1]:8");

    unsetenv("LOGNAME");
    unsetenv("USER");
    settings.user = NULL;
    struct fault fault = {0};
    assert_int_equal(login_prepare(&login, &settings, "[::1]:8", &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "no user; say who with --user");
}

static void test_default_socket(void **state)
{
    struct place *self = *state;
    char directory[128];
    char socket_path[160];
    char text[ADDRESS_TEXT_MAX];
    struct login login;
    struct login_settings settings = LOGIN_SETTINGS;
    settings.password_file = self->file;
    write_file(self->file, "pw\n");
    snprintf(directory, sizeof directory, "%s/bester", self->directory);
    snprintf(socket_path, sizeof socket_path, "%s/bester.sock", directory);
    assert_int_equal(mkdir(directory, 0700), 0);
    setenv("XDG_RUNTIME_DIR", self->directory, 1);
    assert_int_equal(login_prepare(&login, &settings, NULL, NULL), STATUS_OK);
    assert_int_equal(login.address.kind, ADDRESS_TCP);
    write_file(socket_path, "");
    assert_int_equal(login_prepare(&login, &settings, NULL, NULL), STATUS_OK);
    assert_string_equal(address_format_short(&login.address, text, sizeof text), socket_path);
    unlink(socket_path);
    rmdir(directory);
}

static void test_exit_table(void **state)
{
    (void)state;
    assert_int_equal(login_exits[0].value, EXIT_ALL_GOOD);
    size_t count = 0;
    while (login_exits[count].help != NULL)
        count++;
    assert_int_equal(count, 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_exposed),
        cmocka_unit_test(test_targets_that_are_none),
        cmocka_unit_test_setup_teardown(test_password_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_password_descriptor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_and_where, setup, teardown),
        cmocka_unit_test_setup_teardown(test_default_socket, setup, teardown),
        cmocka_unit_test(test_exit_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
