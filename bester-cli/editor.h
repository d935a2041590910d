/*
 * editor: a text in the person's own editor ($VISUAL, $EDITOR, or vi), while the loop
 * goes on. The text stands in a file that is readable for the person alone and is
 * removed afterwards. One at a time; the terminal must be as it was found.
 *
 * Ctrl-C and Ctrl-\ are the editor's while it runs, and Ctrl-Z stops both. A signal that
 * asks us to end ends the editor first, so that nobody is left at the terminal behind
 * us. Whatever the editor does to the terminal's modes, they are as before when it is
 * done.
 */
#ifndef BESTER_CLI_EDITOR_H
#define BESTER_CLI_EDITOR_H

#include <ev.h>
#include <termios.h>

#include "libbester/status.h"

struct edited {
    const char *text; /* what was left in the file, without its last line end; NULL: it
                       * cannot be read */
    bool good;        /* the editor ended with status 0 */
    int signal;       /* that asks us to end; 0: none */
};

enum { EDITOR_SIGNALS = 2, EDITOR_GRACE_MS = 3000 };

struct editor {
    struct ev_loop *loop; /* the default one */
    ev_child child;
    ev_signal signals[EDITOR_SIGNALS];
    ev_timer grace; /* for an editor that was asked to end */
    int signal;
    char path[64];
    struct termios modes;
    bool has_modes;
    void (*on_done)(const struct edited *edited, void *user);
    void *user;
};

/* is_dumb: the terminal cannot be drawn on, so $EDITOR goes before $VISUAL, and ed is
 * what there is without either. STATUS_IO, errno says why; then on_done does not come. */
MUST_CHECK enum status editor_start(struct editor *self, struct ev_loop *loop, const char *text,
    bool is_dumb, void (*on_done)(const struct edited *edited, void *user), void *user);

#endif
