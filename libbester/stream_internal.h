/*
 * stream_internal: what the files of stream share. For nobody else.
 *
 * stream.c: birth, the end, the turn of the loop. stream_read.c: bytes -> frames.
 * stream_write.c: frames -> bytes. stream_turn.c: turns and memory. stream_filter.c: the same two
 * ways through a filter.
 */
#ifndef BESTER_STREAM_INTERNAL_H
#define BESTER_STREAM_INTERNAL_H

#include "libbester/bytes.h"
#include "libbester/frame_queue.h"
#include "libbester/stream.h"

enum {
    READ_BYTES = 64 * 1024,  /* one read; also what a paused stream may hold */
    COPY_BYTES = 4096,       /* an unfinished frame up to this is copied before each read */
    IOV_COUNT = 64,          /* frames in one writev */
    TURN_BYTES = 256 * 1024, /* written in one turn, about, to one of many */
    LINGER_BYTES = 16 << 20, /* thrown away while finishing, at most */
    LINGER_MS = 2000         /* the same in time */
};

enum stream_state { STREAM_OPEN, STREAM_FINISHING, STREAM_LINGERING, STREAM_DEAD };

struct stream {
    struct streams *streams;
    const struct stream_callbacks *callbacks;
    void *user;
    void *sent_user;
    enum stream_state state;
    bool paused;           /* by the owner */
    bool throttled;        /* until the peer has taken half of throttle_bytes */
    bool input_ended;      /* end of input seen, or the input can't be trusted any more */
    bool output_lost;      /* the peer has gone; what it said before that is still read */
    bool has_had_its_turn; /* more whole frames may be there; it waits for the next turn */
    bool in_dirty;
    bool in_woken;
    int fd;
    size_t max_frame;

    ev_io readable;
    ev_io writable;
    ev_timer timer; /* stalled output, or lingering */
    double stall_s;
    size_t stall_bytes;
    size_t stall_left; /* to be taken until the timer fires */

    unsigned turn_frames;
    struct bytes partial; /* read, but not handed out */
    size_t input_bytes;   /* of it and of encrypted, as they are counted in held */
    struct stream_pool *pool;
    size_t need; /* bytes of the unfinished frame in partial; 0: not known */

    struct frame_queue output;
    size_t throttle_bytes;

    struct filter *filter;  /* or NULL */
    bool secured;           /* the handshake is over, on_secured was called */
    bool said_closed;       /* TLS has told the peer that nothing more will come */
    struct bytes encrypted; /* for the descriptor */
    size_t encrypted_plain; /* bytes of output that it stands for */

    size_t discarded;

    struct stream_counts counts;
    struct stream *next_dirty;
    struct stream *next_woken;
    struct stream *next_dead;
    struct stream *next_waiting;
    struct stream *previous_waiting;
};

struct streams {
    struct ev_loop *loop;
    ev_prepare turn; /* never started: fed when there is something to do, it runs
                        behind all else that is pending */
    struct stream *dirty;
    struct stream *woken;
    struct stream *dead;
    ev_idle next_turn; /* runs while somebody waits for it: the loop does not sleep then */
    struct stream *waiting, *last_waiting;
    size_t held;
    size_t max_held;
    bool ran_out;              /* in this turn */
    struct stream_pool *pools; /* that ran out in this turn */
    bool (*on_full)(void *user);
    void *on_full_user;
    char *scratch;
    char *plain; /* what TLS decrypts into; made with the first such stream */
};

/* There is something to flush, to wake or to free at the end of this turn. */
void streams_have_work(struct streams *self);
/* Over, without a word: only marks, because the caller of whoever called us may
 * still hold the pointer. */
void stream_kill(struct stream *self);
/* Over, and the owner is told. */
void stream_die(struct stream *self, enum status why, const char *detail);
/* libev has stopped its watchers, because the kernel refused one (EV_ERROR). */
void stream_not_watched(struct stream *self);

/* Whether the owner may be given a frame now. */
bool stream_is_receptive(const struct stream *self);
/* What was read before is handed out at the end of the turn, and reading goes on. */
void stream_wake(struct stream *self);

/* Hands out what was read before, and reads on. */
void stream_go_on(struct stream *self);

void streams_init_turns(struct streams *self);
/* At the end of a turn: on_full, if it is time for it. */
void streams_make_room(struct streams *self);
/* What it holds has changed. */
void stream_count_input(struct stream *self);
void streams_notice_growth(struct streams *self);
/* It has handed out enough; goes on in the next turn. */
void stream_await_turn(struct stream *self);
void stream_leave_waiting(struct stream *self);

void stream_on_readable(struct ev_loop *loop, ev_io *watcher, int events);
/* Hands out what was read before. */
void stream_hand_out_partial(struct stream *self);

/* Takes filter (or NULL) over. STATUS_NO_MEMORY. */
MUST_CHECK enum status stream_filter_init(struct stream *self, struct filter *filter);
void stream_filter_release(struct stream *self);
/* What was read from the descriptor is in scratch[0..n): decrypts and hands out. */
void stream_filter_take(struct stream *self, size_t n);
/* Hands out what is decrypted already, or can be. */
void stream_filter_drain(struct stream *self);
/* What a write would have answered: bytes of output that have left, or -1 with
 * errno; 0: nothing can be written before more is read. */
ssize_t stream_filter_write(struct stream *self);

/* Hands out at[0..len) behind what partial holds, keeps the rest. */
void stream_take(struct stream *self, const char *at, size_t len);
void stream_end_of_input(struct stream *self);

void stream_on_writable(struct ev_loop *loop, ev_io *watcher, int events);
/* It has something to write. */
void stream_mark_dirty(struct stream *self);
void stream_flush(struct stream *self);

#endif
