#include "libbester/last_resort.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The largest tables of a loop with a hundred thousand descriptors fit twice. */
enum { RESERVE_BYTES = 8 << 20 };

static struct {
    void (*note)(const char *text);
    last_resort_ender *end;
    void *reserve;
    ev_async no_wait; /* has the loop look around once more before it waits */
    bool has_waited;  /* for events, once at least */
} self;

static void set_aside(void)
{
    if (!self.reserve)
        self.reserve = malloc(RESERVE_BYTES); /* never touched: it costs addresses, no memory */
}

void last_resort_end(const char *format, ...)
{
    char text[512];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    self.end(text);
    __builtin_unreachable(); /* that is the contract */
}

/* realloc, as libev wants it: with size 0 it frees. It never fails. */
static void *loop_memory(void *at, long size) EV_NOEXCEPT
{
    void *found;

    if (size <= 0) {
        free(at);
        return NULL;
    }
    found = realloc(at, (size_t)size);
    if (found) {
        set_aside();
        return found;
    }
    free(self.reserve);
    self.reserve = NULL;
    found = realloc(at, (size_t)size);
    if (!found)
        last_resort_end("out of memory: the event loop cannot go on without %ld bytes", size);
    self.note("out of memory: the event loop lives on its reserve");
    return found;
}

static void on_system_error(const char *what) EV_NOEXCEPT
{
    last_resort_end("the event loop cannot go on: %s: %s", what, strerror(errno));
}

void last_resort_open(void (*note)(const char *text), last_resort_ender *end)
{
    self.note = note;
    self.end = end;
    set_aside();
    ev_set_allocator(loop_memory);
    ev_set_syserr_cb(on_system_error);
}

void last_resort_close(void)
{
    free(self.reserve);
    self.reserve = NULL;
}

/* ---- what is not watched ---- */

static void on_no_wait(struct ev_loop *loop, ev_async *watcher, int events)
{
    (void)loop, (void)watcher, (void)events;
}

static void on_woken(struct ev_loop *loop) EV_NOEXCEPT
{
    (void)loop;
}

/* libev is about to wait for events. What still waits to be told now is about a descriptor that
 * the kernel has just refused; there must be something to wake the loop. Before the first wait it
 * may be the very descriptor that wakes it. */
void last_resort_look(struct ev_loop *loop) EV_NOEXCEPT
{
    if (ev_pending_count(loop) > 0 && !self.has_waited)
        last_resort_end("the kernel refuses to watch descriptors");
    if (ev_pending_count(loop) > 0)
        ev_async_send(loop, &self.no_wait);
    self.has_waited = true;
}

void last_resort_watch(struct ev_loop *loop)
{
    ev_async_init(&self.no_wait, on_no_wait);
    ev_async_start(loop, &self.no_wait);
    ev_unref(loop);
    self.has_waited = false;
    ev_set_loop_release_cb(loop, last_resort_look, on_woken);
}

void last_resort_unwatch(struct ev_loop *loop)
{
    ev_set_loop_release_cb(loop, NULL, NULL);
    ev_ref(loop);
    ev_async_stop(loop, &self.no_wait);
}
