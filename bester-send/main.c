/*
 * bester-send: sends messages, and tells by its exit status what became of them.
 */
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include "bester-send/sender.h"
#include "bester-send/settings.h"
#include "libbester/last_resort.h"

#include "libbester/descriptors.h"

static void on_alarm(int number)
{
    (void)number;
    _exit(EXIT_REPORT_TIMEOUT);
}

/* --timeout holds whatever hangs: a full pipe behind stderr, a person who gives
 * no password. Where the loop runs, its own timer comes first and says more. */
static void guard(double timeout_s)
{
    struct sigaction action = {.sa_handler = on_alarm};
    double late_s = timeout_s + 0.5;
    time_t whole_s = (time_t)late_s;
    struct itimerval timer = {.it_value = {.tv_sec = whole_s,
                                  .tv_usec = (suseconds_t)((late_s - (double)whole_s) * 1e6)}};
    if (timeout_s <= 0)
        return;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static int complain(const char *text, int exit_status)
{
    fprintf(stderr, "bester-send: %s\n", text);
    return exit_status;
}

static void note(const char *text)
{
    (void)text; /* it goes on: nobody need know */
}

static void __attribute__((noreturn)) end(const char *text)
{
    _exit(complain(text, EXIT_INTERNAL));
}

static int login_exit(enum status status)
{
    return status == STATUS_IO ? EXIT_LOCAL_IO : EXIT_USAGE;
}

static int run(struct ev_loop *loop, const struct settings *settings)
{
    struct login login = {0};
    struct fault fault = {0};
    enum client_exit exit_status;
    struct sender *sender = sender_new(loop, settings,
        &(struct sender_files){.in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO, .err = stderr},
        &exit_status);
    if (sender == NULL)
        return exit_status;
    enum status status = STATUS_OK;
    if (settings->dry == DRY_NO)
        status = login_prepare(&login, &settings->login, NULL, &fault);
    if (status != STATUS_OK) {
        sender_free(sender);
        return complain(fault.text, login_exit(status));
    }
    if (settings->dry == DRY_NO && login_is_exposed(&login))
        (void)complain(LOGIN_EXPOSED_TEXT, EXIT_ALL_GOOD);
    status = sender_start(sender, &login);
    if (status == STATUS_OK) {
        ev_run(loop, 0);
        exit_status = sender_exit(sender);
    } else {
        exit_status = complain(status_help(status), EXIT_INTERNAL);
    }
    int number = sender_signal(sender);
    sender_free(sender);
    if (number != 0)
        raise(number); /* as it would have ended us without --failed */
    return exit_status;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct operands operands;
    struct fault fault = {0};
    int exit_status = EXIT_INTERNAL;
    descriptors_fill();
    settings_init(&settings);
    if (!options_begin(
            &settings_table, argc, argv, &settings, &operands, stdout, stderr, &exit_status))
        return exit_status;
    if (settings_finish(&settings, &operands, &fault) != STATUS_OK) {
        settings_release(&settings);
        return complain(fault.text, EXIT_USAGE);
    }
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    guard(settings.timeout_s);
    last_resort_open(note, end);
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    if (loop != NULL) {
        last_resort_watch(loop);
        exit_status = run(loop, &settings);
        last_resort_unwatch(loop);
        ev_loop_destroy(loop);
    } else {
        exit_status = complain("no event loop", EXIT_INTERNAL);
    }
    last_resort_close();
    settings_release(&settings);
    return exit_status;
}
