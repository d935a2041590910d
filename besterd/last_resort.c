#include "besterd/last_resort.h"

#include <errno.h>
#include <ev.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "besterd/log.h"

/* The largest tables of a loop with a hundred thousand descriptors fit twice. */
enum { RESERVE_BYTES = 8 << 20 };

static void *reserve;

static void set_aside(void)
{
    if (!reserve)
        reserve = malloc(RESERVE_BYTES); /* never touched: it costs addresses, no memory */
}

void last_resort_end(const char *format, ...)
{
    char text[512];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    log_line(LOG_LEVEL_ERROR, "", "ended: %s", text);
    _exit(EXIT_LAST_RESORT);
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
    } else {
        free(reserve);
        reserve = NULL;
        found = realloc(at, (size_t)size);
        if (found)
            log_line(LOG_LEVEL_ERROR, "", "out of memory: the event loop lives on its reserve");
    }
    if (!found)
        last_resort_end("out of memory: the event loop cannot go on without %ld bytes", size);
    return found;
}

static void on_system_error(const char *what) EV_NOEXCEPT
{
    last_resort_end("the event loop cannot go on: %s: %s", what, strerror(errno));
}

void last_resort_open(void)
{
    set_aside();
    ev_set_allocator(loop_memory);
    ev_set_syserr_cb(on_system_error);
}

void last_resort_close(void)
{
    free(reserve);
    reserve = NULL;
}
