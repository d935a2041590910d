#include "tests/besterd/redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 40, WORDS_MAX = 16 };

int redis_server_init(struct redis_server *self)
{
    memset(self, 0, sizeof *self);
    self->output = -1;
    snprintf(self->directory, sizeof self->directory, "/tmp/bester-redis-XXXXXX");
    if (mkdtemp(self->directory) == NULL)
        return 0;
    snprintf(self->socket, sizeof self->socket, "%s/s", self->directory);
    return 1;
}

static void add(char **argv, size_t *count, const char *word)
{
    assert_true(*count < ARGUMENTS_MAX - 1);
    argv[(*count)++] = (char *)word;
    argv[*count] = NULL;
}

static void run_server(struct redis_server *self, const char *const *options, int output)
{
    const char *const own[] = {"redis-server", "--port", "0", "--unixsocket", self->socket, "--dir",
        self->directory, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
        "--daemonize", "no"};
    char *argv[ARGUMENTS_MAX] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        add(argv, &count, own[i]);
    for (size_t i = 0; options != NULL && options[i] != NULL; i++)
        add(argv, &count, options[i]);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execvp(argv[0], argv);
    _exit(127);
}

/* Reads what it says until it is ready. */
static void await_ready(struct redis_server *self)
{
    char text[8192] = "";
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < sizeof text - 1 && strstr(text, "eady to accept connections") == NULL) {
        got = read(self->output, text + len, sizeof text - 1 - len);
        len += got > 0 ? (size_t)got : 0;
        text[len] = '\0';
    }
    if (strstr(text, "eady to accept connections") == NULL)
        fail_msg("redis-server does not start:\n%s", text);
}

void redis_server_start(struct redis_server *self, const char *const *options)
{
    int ends[2];
    pid_t parent = getpid();
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    self->pid = fork();
    assert_true(self->pid >= 0);
    if (self->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            run_server(self, options, ends[1]);
        _exit(126);
    }
    close(ends[1]);
    self->output = ends[0];
    await_ready(self);
    /* It would wait for somebody to read. */
    assert_int_equal(fcntl(self->output, F_SETPIPE_SZ, 1 << 20), 1 << 20);
}

void redis_server_kill(struct redis_server *self)
{
    if (self->pid == 0)
        return;
    kill(self->pid, SIGKILL);
    assert_int_equal(waitpid(self->pid, NULL, 0), self->pid);
    self->pid = 0;
    close(self->output);
    self->output = -1;
}

void redis_server_stop(struct redis_server *self)
{
    int status = 0;
    kill(self->pid, SIGSTOP);
    assert_int_equal(waitpid(self->pid, &status, WUNTRACED), self->pid);
    assert_true(WIFSTOPPED(status));
}

void redis_server_continue(struct redis_server *self)
{
    kill(self->pid, SIGCONT);
}

void redis_server_release(struct redis_server *self)
{
    char command[80];
    redis_server_kill(self);
    snprintf(command, sizeof command, "%s", self->directory);
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", command, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_not_equal(access(self->directory, F_OK), 0);
}

/* ---- talking to it ---- */

static redisContext *dial_up(struct redis_server *self)
{
    redisContext *context = redisConnectUnix(self->socket);
    assert_non_null(context);
    if (context->err != 0)
        fail_msg("%s: %s", self->socket, context->errstr);
    return context;
}

static void show(struct redis_server *self, const redisReply *reply)
{
    size_t len = strlen(self->said);
    char *end = self->said + len;
    size_t room = sizeof self->said - len;
    if (reply->type == REDIS_REPLY_INTEGER)
        snprintf(end, room, "%lld", reply->integer);
    else if (reply->type == REDIS_REPLY_ARRAY)
        for (size_t i = 0; i < reply->elements; i++) {
            if (i > 0)
                snprintf(self->said + strlen(self->said), 2, " ");
            show(self, reply->element[i]);
        }
    else
        snprintf(end, room, "%s", reply->str != NULL ? reply->str : "(nil)");
}

const char *redis_server_say(struct redis_server *self, ...)
{
    const char *words[WORDS_MAX];
    int count = 0;
    va_list list;
    va_start(list, self);
    while ((words[count] = va_arg(list, const char *)) != NULL)
        assert_true(++count < WORDS_MAX);
    va_end(list);
    redisContext *context = dial_up(self);
    redisReply *reply = redisCommandArgv(context, count, words, NULL);
    self->said[0] = '\0';
    if (reply != NULL)
        show(self, reply);
    else
        fail_msg("%s: %s", words[0], context->errstr);
    freeReplyObject(reply);
    redisFree(context);
    return self->said;
}

void *redis_server_run_script(struct redis_server *self, const char *script)
{
    redisContext *context = dial_up(self);
    int done = 0;
    assert_int_equal(redisAppendCommand(context, "EVAL %s 0", script), REDIS_OK);
    while (done == 0)
        assert_int_equal(redisBufferWrite(context, &done), REDIS_OK);
    return context;
}

void redis_server_hang_up(void *connection)
{
    redisFree(connection);
}
