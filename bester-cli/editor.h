/*
 * editor: a text in the person's own editor ($VISUAL, $EDITOR, or vi), while the loop
 * goes on. The text stands in a file that is readable for the person alone and is
 * removed afterwards. One at a time; the terminal must be as it was found.
 */
#ifndef BESTER_CLI_EDITOR_H
#define BESTER_CLI_EDITOR_H

#include <ev.h>

#include "libbester/status.h"

struct editor {
    struct ev_loop *loop; /* the default one */
    ev_child child;
    char path[64];
    /* text: what was left in the file, without its last line end; NULL: the editor
     * failed. */
    void (*on_done)(const char *text, void *user);
    void *user;
};

/* STATUS_IO, errno says why; then on_done does not come. */
MUST_CHECK enum status editor_start(struct editor *self, struct ev_loop *loop, const char *text,
    void (*on_done)(const char *text, void *user), void *user);

#endif
