/* The person's own files: config and credentials, and what of them counts at a login. */
#include <fcntl.h>
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
#include "libbester/profile.h"

struct place {
    char directory[64];
    char below[80];
    char config[128];
    char credentials[128];
};

static int setup(void **state)
{
    struct place *self = calloc(1, sizeof *self);
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-test-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    snprintf(self->below, sizeof self->below, "%s/bester", self->directory);
    assert_int_equal(mkdir(self->below, 0700), 0);
    snprintf(self->config, sizeof self->config, "%s/config", self->below);
    snprintf(self->credentials, sizeof self->credentials, "%s/credentials", self->below);
    setenv("XDG_CONFIG_HOME", self->directory, 1);
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    unsetenv("BESTER_SERVER");
    unsetenv("BESTER_USER");
    setenv("LOGNAME", "somebody", 1);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    struct place *self = *state;
    unlink(self->config);
    unlink(self->credentials);
    rmdir(self->below);
    rmdir(self->directory);
    free(self);
    return 0;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static const char two_profiles[] = "# mine\n"
                                   "server = bester://T@127.0.0.9:9\n"
                                   "  connect_timeout=250ms  \r\n"
                                   "\n"
                                   "[work]\n"
                                   "server = unix:/run/work.sock\n"
                                   "user = W at work\n"
                                   "[default]\n"
                                   "ca = /etc/ca.pem\n";

static void test_profiles(void **state)
{
    struct place *self = *state;
    struct profile profile;
    struct fault fault = {0};
    memset(&profile, 'x', sizeof profile);
    assert_int_equal(profile_load(&profile, NULL, &fault), STATUS_OK); /* no file */
    assert_string_equal(profile.server, "");
    assert_int_equal(profile_load(&profile, "work", &fault), STATUS_NOT_FOUND);

    write_file(self->config, two_profiles, 0644);
    assert_int_equal(profile_load(&profile, NULL, &fault), STATUS_OK);
    assert_string_equal(profile.server, "bester://T@127.0.0.9:9");
    assert_string_equal(profile.connect_timeout, "250ms");
    assert_string_equal(profile.ca, "/etc/ca.pem");
    assert_string_equal(profile.user, "");
    assert_int_equal(profile_load(&profile, "work", &fault), STATUS_OK);
    assert_string_equal(profile.server, "unix:/run/work.sock");
    assert_string_equal(profile.user, "W at work");
    assert_string_equal(profile.connect_timeout, "");
    assert_int_equal(profile_load(&profile, "home", &fault), STATUS_NOT_FOUND);
    assert_non_null(strstr(fault.text, "there is no profile \"home\""));
    assert_string_equal(profile.user, "W at work");
}

static void test_mistakes(void **state)
{
    struct place *self = *state;
    static const struct {
        const char *text;
        mode_t mode;
        const char *fault;
    } cases[] = {
        {"\nserver\n", 0600, ":2: this is neither [PROFILE] nor NAME = VALUE"},
        {"[work\n", 0600, ":1: ']' is missing"},
        {"servr = x\n", 0600, ":1: \"servr\" is unknown"},
        {"[work]\nservr = x\n", 0600, ":2: \"servr\" is unknown"},
        {"password = x\n", 0600, "passwords stand in the file credentials"},
        {"user = T\nuser = G\n", 0600, ":2: this is said twice"},
        {"user = T\n", 0662, "others may write into your configuration"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct profile profile = {.user = "untouched"};
        struct fault fault = {0};
        write_file(self->config, cases[i].text, cases[i].mode);
        assert_int_equal(profile_load(&profile, NULL, &fault), STATUS_INVALID);
        if (strstr(fault.text, cases[i].fault) == NULL)
            fail_msg("\"%s\" is not in \"%s\"", cases[i].fault, fault.text);
        assert_string_equal(profile.user, "untouched");
    }
}

/* ---- at a login --------------------------------------------------------------------------------
 */

static void expect_login(const struct login_settings *settings, const char *operand,
    const char *user, const char *where, const char *password)
{
    struct login login;
    struct fault fault = {0};
    char text[ADDRESS_TEXT_MAX];
    if (login_prepare(&login, settings, operand, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    assert_string_equal(login.user, user);
    assert_string_equal(address_format_short(&login.address, text, sizeof text), where);
    assert_string_equal(login.password, password);
    login_release(&login);
}

static void expect_no_login(
    const struct login_settings *settings, const char *operand, const char *why)
{
    struct login login;
    struct fault fault = {0};
    assert_int_not_equal(login_prepare(&login, settings, operand, &fault), STATUS_OK);
    if (strstr(fault.text, why) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", why, fault.text);
    assert_string_equal(login.password, "");
}

static void test_commands(void **state)
{
    struct place *self = *state;
    struct login_settings settings = LOGIN_SETTINGS;
    write_file(self->config,
        "server = bester://T@127.0.0.9:9\n"
        "password_command = echo 'of a command'; cat; echo more\n"
        "[fails]\npassword_command = echo pw; false\n"
        "[killed]\npassword_command = kill -TERM $$\n"
        "[mute]\npassword_command = true\n",
        0600);
    expect_login(&settings, NULL, "T", "127.0.0.9:9", "of a command");
    settings.profile = "fails";
    expect_no_login(&settings, NULL, "password_command ended with status 1");
    settings.profile = "killed";
    expect_no_login(&settings, NULL, "password_command died of signal 15");
    settings.profile = "mute";
    expect_no_login(&settings, NULL, "password_command: no password in it");
}

/* The password of a profile is for its server. */
static void test_profile_of_another_server(void **state)
{
    struct place *self = *state;
    struct login_settings settings = LOGIN_SETTINGS;
    write_file(self->config,
        "server = 127.0.0.9\nuser = T\npassword_command = echo secret\n"
        "[work]\nserver = 127.0.0.8\npassword_command = echo work\n",
        0600);
    write_file(self->credentials, "T@127.0.0.7 other\n", 0600);
    expect_login(&settings, "127.0.0.9", "T", "127.0.0.9:2223", "secret");
    expect_login(&settings, "127.0.0.7", "T", "127.0.0.7:2223", "other");
    settings.profile = "work"; /* asked for: then it counts */
    expect_login(&settings, "127.0.0.7", "somebody", "127.0.0.7:2223", "work");
}

static void test_credentials(void **state)
{
    struct place *self = *state;
    struct login_settings settings = LOGIN_SETTINGS;
    static const char text[] = "# mine\n"
                               "bester://G@127.0.0.9:9 not this one\n"
                               "besters://T@127.0.0.9:9 for TLS only\n"
                               "T@127.0.0.9:9   two words \n"
                               "T@127.0.0.9:9 too late\n"
                               "unix:/run/x.sock of a socket\n";
    write_file(self->credentials, text, 0600);
    expect_login(&settings, "bester://T@127.0.0.9:9", "T", "127.0.0.9:9", "two words");
    expect_login(&settings, "bester://G@127.0.0.9:9", "G", "127.0.0.9:9", "not this one");
    expect_login(&settings, "besters://T@127.0.0.9:9", "T", "127.0.0.9:9", "for TLS only");
    expect_login(&settings, "unix:/run/x.sock", "somebody", "/run/x.sock", "of a socket");
    write_file(self->credentials, text, 0640);
    expect_no_login(
        &settings, "bester://T@127.0.0.9:9", "others can read your passwords; say chmod 600");
    write_file(self->credentials, "T@127.0.0.9:9\n", 0600);
    expect_no_login(&settings, "bester://T@127.0.0.9:9", ":1: this is no SERVER and PASSWORD");
}

/* Option, environment, profile, default. */
static void test_precedence(void **state)
{
    struct place *self = *state;
    struct login_settings settings = LOGIN_SETTINGS;
    write_file(self->config,
        "server = bester://P@127.0.0.3\nuser = U\nconnect_timeout = 3s\npassword_command = echo "
        "p\n",
        0600);
    expect_login(&settings, NULL, "P", "127.0.0.3:2223", "p");
    setenv("BESTER_USER", "E", 1);
    settings.user = getenv("BESTER_USER");
    expect_login(&settings, NULL, "E", "127.0.0.3:2223", "p");
    write_file(self->credentials, "O@127.0.0.2 o\nE@127.0.0.2 e\n", 0600);
    expect_login(&settings, "O@127.0.0.2", "O", "127.0.0.2:2223", "o");
    setenv("BESTER_SERVER", "O@127.0.0.2", 1);
    settings.server = getenv("BESTER_SERVER");
    expect_login(&settings, NULL, "E", "127.0.0.2:2223", "e");
    settings.user = "O";
    expect_login(&settings, NULL, "O", "127.0.0.2:2223", "o");

    struct login login;
    settings = (struct login_settings)LOGIN_SETTINGS;
    assert_int_equal(login_find(&login, &settings, NULL, NULL), STATUS_OK);
    assert_true(login.connect_s == 3);
    settings.connect_s = 7;
    assert_int_equal(login_find(&login, &settings, NULL, NULL), STATUS_OK);
    assert_true(login.connect_s == 7);
    assert_string_equal(login.password, "");
}

static void test_trust(void **state)
{
    struct place *self = *state;
    static const char pin[] =
        "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    struct login_settings settings = LOGIN_SETTINGS;
    struct login login;
    struct fault fault = {0};
    char text[512];
    snprintf(text, sizeof text, "server = besters://T@127.0.0.3\npin = %s\n", pin);
    write_file(self->config, text, 0600);
    assert_int_equal(login_find(&login, &settings, NULL, &fault), STATUS_OK);
    assert_true(login.secure && login.tls != NULL && login.has_pin);
    assert_int_equal(login.pin.sha256[31], 0x1f);
    login_release(&login);
    settings.ca = "/nonexistent"; /* instead of the profile's pin */
    assert_int_equal(login_find(&login, &settings, NULL, &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "/nonexistent"));
    settings.ca = NULL;
    settings.pin = "sha256:00";
    assert_int_equal(login_find(&login, &settings, NULL, &fault), STATUS_INVALID);
    settings.pin = pin;
    assert_int_equal(login_find(&login, &settings, "bester://T@127.0.0.3", &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "not besters://"));
    login_release(&login);
}

int main(void)
{
#define PLAY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {PLAY(test_profiles), PLAY(test_mistakes),
        PLAY(test_commands), PLAY(test_profile_of_another_server), PLAY(test_credentials),
        PLAY(test_precedence), PLAY(test_trust)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
