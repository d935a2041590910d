/*
 * scenario_load: what the parts of the loader share. For scenario*.c alone.
 *
 * Every function that reads returns false after it has put the mistake into
 * loader->mistake.
 */
#ifndef HARNESS_SCENARIO_LOAD_H
#define HARNESS_SCENARIO_LOAD_H

#include "harness/scenario.h"

struct loader {
    struct scenario *scenario;
    const struct scenario_options *options;
    struct mistake *mistake;
    json_t *bound;     /* the captures bound so far, as the members of an object */
    unsigned includes; /* files that are being included now, one in the other */
};

bool load_fail(struct loader *self, struct where at, const char *format, ...) PRINTF_LIKE(3, 4);
/* The same, at the member of an object. */
bool load_fail_member(struct loader *self, const json_t *object, const char *name,
    const char *format, ...) PRINTF_LIKE(4, 5);

/* One member of an object of a play: its name, and who reads it into *into. */
struct load_row {
    const char *name;
    bool (*read)(struct loader *self, const json_t *object, const json_t *value, void *into);
};
/* Reads every member by the table (ended by a row without a name); "note" is
 * always allowed; any other name is a mistake that names those there are. */
bool load_object(
    struct loader *self, const json_t *object, const struct load_row *rows, void *into);

/* The loaders of steps: value is the member of object that gives the step its name. */
typedef bool load_word(struct loader *self, const json_t *object, const json_t *value,
    struct step *step, unsigned depth);
load_word load_any_order, load_together, load_never;
load_word load_heal;
load_word load_kill, load_stop, load_continue, load_start, load_restart, load_expect;
/* "A > B" of object. */
bool load_line(struct loader *self, const json_t *object, const char *arrow, struct step *step);
/* "A > B", which stands at that member of object: the edge alone. */
bool load_arrow(struct loader *self, const json_t *object, const char *at, const char *arrow,
    struct line *line);
/* A step that is named after a disturbance. */
bool load_is_disturbance(const json_t *object);
bool load_disturbance(struct loader *self, const json_t *object, struct step *step);
/* {"expect": …, "metrics": …}, of the member that the step has. */
bool load_metrics(struct loader *self, const json_t *object, struct step *step);
/* A member of the cast by its name. */
bool load_named_member(
    struct loader *self, const json_t *object, const char *at, const json_t *value, int *out);
/* {"include": …}: its steps stand where it stands. */
bool load_include(struct loader *self, const json_t *object, struct where at, struct steps *steps,
    unsigned depth);
/* A list within another. */
bool load_into(struct loader *self, const json_t *list, struct steps *steps, unsigned depth);

/* "needs" and "proves" of a play; then, when all is loaded, whether it needs what
 * it uses. */
bool load_needs(struct loader *self, const json_t *object, const json_t *value, void *into);
bool load_proves(struct loader *self, const json_t *object, const json_t *value, void *into);
bool load_check_needs(struct loader *self);

bool load_cast(struct loader *self);
/* What stands in the sections of the cast: a name and what it is. */
bool load_client(struct loader *self, const char *name, const json_t *value);
bool load_peer(struct loader *self, const char *name, const json_t *value);
/* A new member; the array of members may move. */
struct member *load_member(struct loader *self, enum member_kind kind, const char *name);
/* What its members hold. *out is malloc'd. */
bool load_text(
    struct loader *self, const json_t *object, const char *name, const json_t *value, char **out);
bool load_flag(
    struct loader *self, const json_t *object, const char *name, const json_t *value, bool *out);
bool load_server_name(
    struct loader *self, const json_t *object, const char *at, const json_t *value, int *out);
bool load_transport(struct loader *self, const json_t *object, const char *name,
    const json_t *value, enum transport *out);
bool load_steps(struct loader *self, const json_t *list, struct steps *steps, unsigned depth);

/* Reads what stands on a line of that edge; value is object's member name. */
bool load_saying(struct loader *self, enum edge_kind edge, bool doing, const json_t *object,
    const char *name, struct saying *out);
/* Every text in the saying has the right form; doing: nothing unbound is used.
 * Adds what it binds. An answer's `id` may bind a fresh one. */
bool load_check(struct loader *self, const struct line *line, const json_t *at);
/* The same for a value that is used as it stands, such as a configuration; what
 * the loader has taken apart (the words of a program) stands at `at`. */
bool load_check_value(struct loader *self, const json_t *value, struct where at);
/* Rules of a handler or client on that server. */
bool load_rules(struct loader *self, const json_t *list, struct member *member);

/* The program and arguments of "run": a text, split at blanks, or a list. */
bool load_run(struct loader *self, const json_t *object, const json_t *value, json_t **out);
/* A count from 1 to max. */
bool load_count(struct loader *self, const json_t *object, const char *name, const json_t *value,
    unsigned max, unsigned *out);

#endif
