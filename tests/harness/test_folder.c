/* Folders that are watched: more of them than the inotify instances that a user may
 * have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/folder.h"

enum { FOLDERS = 300 };

struct folder {
    struct folder_watch watch;
    char path[64];
    char file[80];
    unsigned told;
    struct folder *stops; /* whom it stops watching when it is told */
};

static struct folder folders[FOLDERS];
static unsigned told;

static void on_created(void *user)
{
    struct folder *self = user;

    told += self->told++ == 0;
    if (self->stops)
        folder_watch_stop(&self->stops->watch);
}

static void create(struct folder *self)
{
    int fd = open(self->file, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    close(fd);
}

static void start(struct ev_loop *loop, struct folder *self)
{
    struct fault fault;

    *self = (struct folder){.path = "/tmp/bester-test-folder-XXXXXX"};
    assert_non_null(mkdtemp(self->path));
    snprintf(self->file, sizeof(self->file), "%s/x", self->path);
    assert_int_equal(
        folder_watch_start(&self->watch, loop, self->path, on_created, self, &fault), STATUS_OK);
}

static void end(struct folder *self)
{
    folder_watch_stop(&self->watch);
    unlink(self->file);
    assert_int_equal(rmdir(self->path), 0);
}

static void test_each_is_told_of_its_own(void **state)
{
    struct ev_loop *loop = ev_loop_new(0);

    (void)state;
    told = 0;
    for (size_t i = 0; i < FOLDERS; i++)
        start(loop, &folders[i]);
    for (size_t i = 0; i < FOLDERS; i += 2)
        create(&folders[i]);
    while (told < FOLDERS / 2)
        ev_run(loop, EVRUN_ONCE);
    for (size_t i = 0; i < FOLDERS; i++) {
        assert_int_equal(folders[i].told, i % 2 == 0);
        end(&folders[i]);
    }
    ev_loop_destroy(loop);
}

/* One may stop any while it is told: the next, itself, the last; and after the last
 * they may begin anew. */
static void test_stopped_while_told(void **state)
{
    struct ev_loop *loop = ev_loop_new(0);

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        told = 0;
        for (size_t i = 0; i < 3; i++)
            start(loop, &folders[i]);
        folders[0].stops = &folders[1];
        folders[2].stops = &folders[2];
        for (size_t i = 0; i < 3; i++)
            create(&folders[i]);
        while (folders[2].told == 0)
            ev_run(loop, EVRUN_ONCE);
        assert_int_equal(folders[0].told, 1);
        assert_int_equal(folders[1].told, 0);
        for (size_t i = 0; i < 3; i++)
            end(&folders[i]);
    }
    ev_loop_destroy(loop);
}

static void test_no_such_folder(void **state)
{
    struct ev_loop *loop = ev_loop_new(0);
    struct folder_watch watch = {0};
    struct fault fault;

    (void)state;
    assert_int_equal(
        folder_watch_start(&watch, loop, "/nowhere", on_created, NULL, &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "/nowhere can't be watched: No such file"));
    folder_watch_stop(&watch);
    start(loop, &folders[0]);
    assert_int_equal(
        folder_watch_start(&watch, loop, "/nowhere", on_created, NULL, &fault), STATUS_IO);
    end(&folders[0]);
    ev_loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_told_of_its_own),
        cmocka_unit_test(test_stopped_while_told),
        cmocka_unit_test(test_no_such_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
