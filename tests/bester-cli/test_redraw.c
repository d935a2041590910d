/* What is printed in one turn of the loop costs one redraw, however much it is; counted here,
 * where the turns are ours, by running the prompt on a terminal in a child of the test. */
#include "tests/support/program.h"

#include <pty.h>

#include "bester-cli/prompt.h"
#include "libbester/bytes.h"

#define PROMPT "prompt> "

enum { TURNS = 50, LINES_EACH = 400, LINES = TURNS * LINES_EACH };

static void on_line(const char *line, void *user)
{
    (void)line, (void)user;
}

static bool remember(const char *line, void *user)
{
    (void)line, (void)user;
    return false;
}

static void on_nothing(void *user)
{
    (void)user;
}

static const struct prompt_callbacks callbacks = {
    .on_line = on_line, .remember = remember, .on_interrupt = on_nothing, .on_end = on_nothing};

/* What the child does: `turns` turns of the loop in each of which `each` lines are printed. */
static void print_much(unsigned turns, unsigned each)
{
    struct ev_loop *loop = ev_default_loop(0);
    struct prompt *prompt = prompt_new(loop, PROMPT, false, &callbacks, NULL);
    unsigned number = 0;
    for (unsigned i = 0; i < turns; i++) {
        for (unsigned k = 0; k < each; k++) {
            char text[20];
            snprintf(text, sizeof text, "m%05u\n", number++);
            prompt_print(prompt, span_of(text));
        }
        ev_run(loop, EVRUN_NOWAIT);
    }
    prompt_free(prompt);
    ev_loop_destroy(loop);
}

/* All that the child wrote to its terminal. */
static char *output_of(unsigned turns, unsigned each)
{
    int fd;
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    struct bytes text;
    char part[4096];
    ssize_t n;
    setenv("TERM", "xterm", 1);
    setenv("INPUTRC", "/dev/null", 1);
    bytes_init(&text, 64 << 20);
    pid_t parent = getpid();
    pid_t child = forkpty(&fd, NULL, NULL, &size);
    assert_true(child >= 0);
    if (child == 0) {
        program_die_with_test(parent);
        print_much(turns, each);
        _exit(0);
    }
    while ((n = read(fd, part, sizeof part)) > 0)
        assert_int_equal(bytes_append(&text, part, (size_t)n), 0);
    close(fd);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    char *copy = strdup(bytes_text(&text));
    assert_non_null(copy);
    bytes_release(&text);
    return copy;
}

static unsigned count_of(const char *text, const char *what)
{
    unsigned count = 0;
    while ((text = strstr(text, what)) != NULL) {
        count++;
        text++;
    }
    return count;
}

static void test_one_redraw_for_each_turn(void **state)
{
    (void)state;
    char *still = output_of(TURNS, 0);
    char *text = output_of(TURNS, LINES_EACH);
    /* how often it is drawn when nothing is printed: at its beginning */
    assert_in_range(count_of(still, PROMPT), 1, 2);
    assert_int_equal(count_of(text, PROMPT), count_of(still, PROMPT) + TURNS);
    const char *at = text;
    for (unsigned i = 0; i < LINES; i++) { /* each one, in order, once */
        char line[20];
        snprintf(line, sizeof line, "m%05u\r\n", i);
        at = strstr(at, line);
        assert_non_null(at);
    }
    assert_int_equal(count_of(text, "m0") + count_of(text, "m1"), LINES);
    free(still);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_redraw_for_each_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
