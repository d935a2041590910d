/* Steps that disturb what passes on an edge, and that heal it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "harness/must.h"
#include "harness/scenario_load.h"

enum { MS_MAX = 600000, RATE_MAX = 1000000000, PLACE_MAX = 64 << 20, TIMES_MAX = 1000000 };

/* ---- the words ------------------------------------------------------------------------------- */

/* A bit for each parameter. */
enum {
    PARAMETER_MS = 1,
    PARAMETER_RATE = 2,
    PARAMETER_AT = 4,
    PARAMETER_LENGTH = 8,
    PARAMETER_TIMES = 16
};

static const struct disturbance_row {
    const char *name;
    unsigned needs; /* must stand beside it */
    unsigned takes; /* may */
} rows_of_kinds[DISTURBANCE_COUNT] = {
    [DISTURBANCE_CUT] = {"cut", 0, 0},
    [DISTURBANCE_DELAY] = {"delay", PARAMETER_MS, PARAMETER_TIMES},
    [DISTURBANCE_BANDWIDTH] = {"bandwidth", PARAMETER_RATE, 0},
    [DISTURBANCE_SPLIT] = {"split", PARAMETER_AT, PARAMETER_TIMES},
    [DISTURBANCE_TRUNCATE] = {"truncate", PARAMETER_AT, PARAMETER_TIMES},
    [DISTURBANCE_GARBAGE] = {"garbage", 0, PARAMETER_TIMES},
    [DISTURBANCE_LENGTH] = {"wrong length", PARAMETER_LENGTH, PARAMETER_TIMES},
    [DISTURBANCE_SLOW_READER] = {"slow reader", PARAMETER_RATE, 0},
    [DISTURBANCE_REFUSE] = {"refuse", 0, 0},
};

const char *disturbance_name(enum disturbance_kind kind)
{
    return rows_of_kinds[kind].name;
}

/* ---- parameters ------------------------------------------------------------------------------ */

static bool read_ms(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return load_count(self, object, "ms", value, MS_MAX, &((struct disturbance *)into)->ms);
}

static bool read_rate(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct disturbance *what = into;

    if (what->kind == DISTURBANCE_SLOW_READER && json_is_integer(value) &&
        json_integer_value(value) == 0)
        return true; /* it does not read at all */
    return load_count(self, object, "bytesPerSecond", value, RATE_MAX, &what->bytes_per_s);
}

static bool read_at(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct disturbance *what = into;
    const char *text = json_string_value(value);

    if (text && strcmp(text, "every") == 0 && what->kind == DISTURBANCE_SPLIT) {
        what->place = PLACE_EVERY;
        return true;
    }
    if (text && strcmp(text, "any") == 0) {
        what->place = PLACE_ANY;
        return true;
    }
    if (text)
        return load_fail_member(self, object, "at",
            "\"at\" wants the number of bytes before it, \"any\", or of a split \"every\"");
    return load_count(self, object, "at", value, PLACE_MAX, &what->bytes_before);
}

static bool read_length(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    struct disturbance *what = into;

    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > UINT32_MAX)
        return load_fail_member(
            self, object, "length", "\"length\" wants what 4 bytes can say: 0 to 4294967295");
    what->length = (unsigned)json_integer_value(value);
    return true;
}

static bool read_times(struct loader *self, const json_t *object, const json_t *value, void *into)
{
    return load_count(
        self, object, "times", value, TIMES_MAX, &((struct disturbance *)into)->times);
}

static const struct parameter {
    struct load_row row;
    unsigned bit;
} parameters[] = {
    {{"ms", read_ms}, PARAMETER_MS},
    {{"bytesPerSecond", read_rate}, PARAMETER_RATE},
    {{"at", read_at}, PARAMETER_AT},
    {{"length", read_length}, PARAMETER_LENGTH},
    {{"times", read_times}, PARAMETER_TIMES},
};
enum { PARAMETER_COUNT = sizeof(parameters) / sizeof(parameters[0]) };

/* ---- the edge -------------------------------------------------------------------------------- */

static void note_pair(struct scenario *scenario, const struct disturbance *what)
{
    must_grow(scenario->disturbed, scenario->disturbed_count);
    scenario->disturbed[scenario->disturbed_count++] = (struct pair){what->from, what->to};
}

/* "A > B" or "A <> B". */
static bool read_edge(struct loader *self, const json_t *object, const char *word,
    const json_t *value, struct disturbance *what)
{
    struct line line = {.from = -1};
    char arrow[300];
    const char *text = json_string_value(value);

    if (!text || strlen(text) >= sizeof(arrow))
        return load_fail_member(self, object, word,
            "\"%s\" wants an edge: \"A > B\", or \"A <> B\" for both ways", word);
    snprintf(arrow, sizeof(arrow), "%s", text);
    char *both = strstr(arrow, "<>");
    if (both)
        *both = ' ';
    if (!load_arrow(self, object, word, arrow, &line))
        return false;
    if (line.edge == EDGE_STDIN || line.edge == EDGE_STDOUT)
        return load_fail_member(self, object, word, "lines can't be disturbed, only frames");
    const struct member *members = self->scenario->members;
    if (members[line.from].handler.absent || members[line.to].handler.absent ||
        members[line.to].peer.refuses)
        return load_fail_member(self, object, word, "nobody is there who could be disturbed");
    what->from = line.from;
    what->to = line.to;
    what->both = both != NULL;
    return true;
}

/* Handlers and clients' servers are connected to, and never connect back. */
static bool connects(const struct loader *self, const struct disturbance *what)
{
    const struct member *members = self->scenario->members;

    return !what->both && members[what->from].kind != MEMBER_HANDLER &&
           members[what->to].kind != MEMBER_CLIENT;
}

/* ---- the steps ------------------------------------------------------------------------------- */

static int kind_of(const json_t *object)
{
    for (int i = 0; i < DISTURBANCE_COUNT; i++)
        if (json_object_get(object, rows_of_kinds[i].name))
            return i;
    return -1;
}

bool load_is_disturbance(const json_t *object)
{
    return kind_of(object) >= 0;
}

bool load_disturbance(struct loader *self, const json_t *object, struct step *step)
{
    struct disturbance *what = &step->disturbance;
    int kind = kind_of(object);
    const struct disturbance_row *row = &rows_of_kinds[kind];
    struct load_row rows[PARAMETER_COUNT + 3] = {{row->name, NULL}, {"deadlineMs", NULL}};
    size_t count = 2;

    *what = (struct disturbance){.kind = (enum disturbance_kind)kind, .at = step->at};
    step->kind = STEP_DISTURB;
    step->text = must_copy(row->name);
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        const struct parameter *parameter = &parameters[i];

        if (parameter->bit & (row->needs | row->takes))
            rows[count++] = parameter->row;
        if (parameter->bit & row->needs && !json_object_get(object, parameter->row.name))
            return load_fail_member(self, object, row->name, "\"%s\" wants \"%s\" beside it",
                row->name, parameter->row.name);
    }
    if (!read_edge(self, object, row->name, json_object_get(object, row->name), what) ||
        !load_object(self, object, rows, what))
        return false;
    if (what->kind == DISTURBANCE_REFUSE && !connects(self, what))
        return load_fail_member(self, object, "refuse",
            "\"refuse\" wants who connects on the left, and one way: \"T > S1\", \"S1 > chat\"");
    note_pair(self->scenario, what);
    return true;
}

bool load_heal(struct loader *self, const json_t *object, const json_t *value, struct step *step,
    unsigned depth)
{
    (void)depth;
    step->kind = STEP_HEAL;
    if (!read_edge(self, object, "heal", value, &step->disturbance))
        return false;
    if (!scenario_disturbs(self->scenario, step->disturbance.from, step->disturbance.to))
        return load_fail_member(self, object, "heal", "nothing has disturbed this edge");
    return true;
}
