#include "besterd/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GROWING_AXES = 2 };

/* Upper bounds of a histogram's buckets; one more takes the rest. */
#define BUCKET_TABLE(X) \
    X(0.0001)           \
    X(0.00025)          \
    X(0.0005)           \
    X(0.001)            \
    X(0.0025)           \
    X(0.005)            \
    X(0.01)             \
    X(0.025)            \
    X(0.05)             \
    X(0.1)              \
    X(0.25)             \
    X(0.5)              \
    X(1.0)              \
    X(2.5)              \
    X(5.0)              \
    X(10.0)             \
    X(30.0)

static const struct bucket {
    double most_s;
    const char *text;
} buckets[] = {
#define X(bound) {bound, #bound},
    BUCKET_TABLE(X)
#undef X
};

enum { BUCKETS = sizeof buckets / sizeof buckets[0], SUM = BUCKETS + 1, HISTOGRAM_CELLS };

static const struct row {
    const char *name;
    enum metric_kind kind;
    enum metric_axis first, second;
    const char *help;
} rows[METRIC_COUNT] = {
#define X(id, name, kind, first, second, help) [id] = {name, kind, first, second, help},
    METRIC_TABLE(X)
#undef X
};

struct labels {
    char **texts;
    size_t count;
};

struct metrics {
    double *cells[METRIC_COUNT];
    struct labels growing[GROWING_AXES]; /* AXIS_TYPE, AXIS_PEER */
};

/* ---- axes ---- */

static const char *const state_texts[] = {
#define X(name, text) text,
    HANDLER_STATE_TABLE(X)
#undef X
};
static const char *const question_texts[] = {
    [QUESTION_SENT] = "sent", [QUESTION_UNSENT] = "unsent"};
static const char *const target_texts[] = {[TOLD_USER] = "user", [TOLD_SERVER] = "server"};
static const char *const reload_texts[] = {[RELOAD_GOOD] = "good", [RELOAD_BAD] = "bad"};
static const char *const limit_texts[] = {
#define X(name, text) text,
    LIMIT_TABLE(X)
#undef X
};
static const char *const sandbox_texts[] = {
    [SANDBOX_FILES] = "files", [SANDBOX_CALLS] = "systemCalls"};
static const char *const version_texts[] = {BESTER_VERSION};

static const char *const axis_names[AXIS_COUNT] = {
#define X(axis, name) name,
    AXIS_TABLE(X)
#undef X
};

/* Of the axes that never grow. `result` has its texts in the table of statuses. */
static const struct axis {
    size_t size;
    const char *const *texts;
} axes[AXIS_COUNT] = {
    [AXIS_NONE] = {1, NULL},
    [AXIS_TYPE] = {0, NULL},
    [AXIS_PEER] = {0, NULL},
    [AXIS_RESULT] = {STATUS_INTERNAL + 1, NULL},
    [AXIS_STATE] = {HANDLER_STATE_COUNT, state_texts},
    [AXIS_QUESTION] = {QUESTION_COUNT, question_texts},
    [AXIS_TARGET] = {TOLD_COUNT, target_texts},
    [AXIS_RELOAD] = {RELOAD_COUNT, reload_texts},
    [AXIS_LIMIT] = {LIMIT_COUNT, limit_texts},
    [AXIS_SANDBOX] = {SANDBOX_COUNT, sandbox_texts},
    [AXIS_VERSION] = {1, version_texts},
};

static bool axis_grows(enum metric_axis axis)
{
    return axis == AXIS_TYPE || axis == AXIS_PEER;
}

static size_t axis_size(const struct metrics *self, enum metric_axis axis)
{
    return axis_grows(axis) ? self->growing[axis - AXIS_TYPE].count : axes[axis].size;
}

static const char *axis_text(const struct metrics *self, enum metric_axis axis, size_t label)
{
    if (axis_grows(axis))
        return self->growing[axis - AXIS_TYPE].texts[label];
    if (axis == AXIS_RESULT)
        return label == STATUS_OK ? "good" : status_text((enum status)label);
    return axes[axis].texts[label];
}

const char *metrics_state_text(enum handler_state state)
{
    return state_texts[state];
}

const char *metrics_limit_text(enum limit limit)
{
    return limit_texts[limit];
}

size_t metrics_result(enum status status)
{
    return status == STATUS_OK || status_on_wire(status) ? (size_t)status : STATUS_INTERNAL;
}

/* ---- cells ---- */

/* Cells for each label of the first axis. Only that one grows. */
static size_t row_width(enum metric metric)
{
    return rows[metric].kind == METRIC_HISTOGRAM ? HISTOGRAM_CELLS : axes[rows[metric].second].size;
}

/* A gauge that nobody has set has no value. */
static double row_nothing(enum metric metric)
{
    return rows[metric].kind == METRIC_GAUGE ? NAN : 0;
}

static double *cell(const struct metrics *self, enum metric metric, size_t a, size_t b)
{
    return &self->cells[metric][a * row_width(metric) + b];
}

/* Room for `count` labels of the first axis, `old` of which are there. */
static bool row_grow(struct metrics *self, enum metric metric, size_t old, size_t count)
{
    size_t width = row_width(metric);
    double *cells = reallocarray(self->cells[metric], count * width, sizeof *cells);
    if (cells == NULL)
        return false;
    for (size_t i = old * width; i < count * width; i++)
        cells[i] = row_nothing(metric);
    self->cells[metric] = cells;
    return true;
}

size_t metrics_label(struct metrics *self, enum metric_axis axis, const char *text)
{
    if (self == NULL)
        return 0;
    assert(axis_grows(axis));
    struct labels *labels = &self->growing[axis - AXIS_TYPE];
    for (size_t i = 0; i < labels->count; i++) {
        if (strcmp(labels->texts[i], text) == 0)
            return i;
    }
    char **texts = reallocarray(labels->texts, labels->count + 1, sizeof *texts);
    char *copy = strdup(text);
    if (texts != NULL)
        labels->texts = texts;
    bool grown = texts != NULL && copy != NULL;
    for (int metric = 0; grown && metric < METRIC_COUNT; metric++) {
        if (rows[metric].first == axis)
            grown = row_grow(self, (enum metric)metric, labels->count, labels->count + 1);
    }
    if (!grown) {
        free(copy);
        return 0;
    }
    labels->texts[labels->count] = copy;
    return labels->count++;
}

struct metrics *metrics_new(void)
{
    struct metrics *self = calloc(1, sizeof *self);
    bool made = self != NULL;
    for (int metric = 0; made && metric < METRIC_COUNT; metric++) {
        if (!axis_grows(rows[metric].first))
            made = row_grow(self, (enum metric)metric, 0, axes[rows[metric].first].size);
    }
    if (made) {
        (void)metrics_label(self, AXIS_TYPE, "other");
        (void)metrics_label(self, AXIS_TYPE, "dummy");
        (void)metrics_label(self, AXIS_TYPE, "builtin");
        (void)metrics_label(self, AXIS_PEER, "other");
        made = axis_size(self, AXIS_TYPE) == TYPE_BUILTIN + 1 && axis_size(self, AXIS_PEER) == 1;
    }
    if (made)
        return self;
    metrics_free(self);
    return NULL;
}

void metrics_free(struct metrics *self)
{
    if (self == NULL)
        return;
    for (int metric = 0; metric < METRIC_COUNT; metric++)
        free(self->cells[metric]);
    for (size_t i = 0; i < GROWING_AXES; i++) {
        for (size_t k = 0; k < self->growing[i].count; k++)
            free(self->growing[i].texts[k]);
        free(self->growing[i].texts);
    }
    free(self);
}

/* ---- counting ---- */

void metrics_add(struct metrics *self, enum metric metric, size_t a, size_t b, double value)
{
    if (self != NULL)
        *cell(self, metric, a, b) += value;
}

void metrics_count(struct metrics *self, enum metric metric, size_t a, size_t b)
{
    metrics_add(self, metric, a, b, 1);
}

void metrics_set(struct metrics *self, enum metric metric, size_t a, size_t b, double value)
{
    if (self != NULL)
        *cell(self, metric, a, b) = value;
}

void metrics_observe(struct metrics *self, enum metric metric, size_t a, double seconds)
{
    size_t bucket = 0;
    if (self == NULL)
        return;
    while (bucket < BUCKETS && seconds > buckets[bucket].most_s)
        bucket++;
    *cell(self, metric, a, bucket) += 1;
    *cell(self, metric, a, SUM) += seconds > 0 ? seconds : 0;
}

void metrics_forget_gauges(struct metrics *self)
{
    for (int metric = 0; metric < METRIC_COUNT; metric++) {
        size_t count = axis_size(self, rows[metric].first) * row_width((enum metric)metric);
        for (size_t i = 0; rows[metric].kind == METRIC_GAUGE && i < count; i++)
            self->cells[metric][i] = NAN;
    }
}

double metrics_value(const struct metrics *self, enum metric metric, size_t a, size_t b)
{
    double count = 0;
    if (rows[metric].kind != METRIC_HISTOGRAM)
        return *cell(self, metric, a, b);
    for (size_t i = 0; i <= BUCKETS; i++)
        count += *cell(self, metric, a, i);
    return count;
}

/* ---- the text ---- */

struct writer {
    const struct metrics *metrics;
    struct bytes *out;
    enum metrics_form form;
    enum status status; /* the first failure */
};

static void put(struct writer *self, const char *text)
{
    if (self->status == STATUS_OK)
        self->status = bytes_append_text(self->out, text);
}

/* A label's value: \, " and the end of a line are escaped. */
static void put_escaped(struct writer *self, const char *text)
{
    for (; *text != '\0' && self->status == STATUS_OK; text++) {
        if (*text == '\\' || *text == '"')
            self->status = bytes_append(self->out, "\\", 1);
        if (*text == '\n')
            put(self, "\\n");
        else if (self->status == STATUS_OK)
            self->status = bytes_append(self->out, text, 1);
    }
}

static void put_label(struct writer *self, bool *first, const char *name, const char *value)
{
    put(self, *first ? "{" : ",");
    put(self, name);
    put(self, "=\"");
    put_escaped(self, value);
    put(self, "\"");
    *first = false;
}

/* One line: NAME SUFFIX {labels, le} VALUE. */
static void put_sample(struct writer *self, const struct row *row, const char *suffix, size_t a,
    size_t b, const char *le, double value)
{
    bool first = true;
    put(self, row->name);
    put(self, suffix);
    if (row->first != AXIS_NONE)
        put_label(self, &first, axis_names[row->first], axis_text(self->metrics, row->first, a));
    if (row->second != AXIS_NONE)
        put_label(self, &first, axis_names[row->second], axis_text(self->metrics, row->second, b));
    if (le != NULL)
        put_label(self, &first, "le", le);
    put(self, first ? " " : "} ");
    if (self->status == STATUS_OK)
        self->status = bytes_printf(self->out, "%.15g\n", value);
}

static void put_values(struct writer *self, enum metric metric, size_t a)
{
    const struct row *row = &rows[metric];
    const char *suffix = row->kind == METRIC_COUNTER ? "_total" : "";
    for (size_t b = 0; b < row_width(metric); b++) {
        double value = *cell(self->metrics, metric, a, b);
        /* Of two axes only what has happened is shown, beside the first label, or
         * there would be twenty lines of zeros for each type. */
        bool told = row->kind == METRIC_GAUGE ? !isnan(value) : value > 0 || b == 0;
        if (told)
            put_sample(self, row, suffix, a, b, NULL, value);
    }
}

static void put_histogram(struct writer *self, enum metric metric, size_t a)
{
    const struct row *row = &rows[metric];
    double count = 0;
    for (size_t i = 0; i <= BUCKETS; i++) {
        count += *cell(self->metrics, metric, a, i);
        put_sample(self, row, "_bucket", a, 0, i < BUCKETS ? buckets[i].text : "+Inf", count);
    }
    put_sample(self, row, "_sum", a, 0, NULL, *cell(self->metrics, metric, a, SUM));
    put_sample(self, row, "_count", a, 0, NULL, count);
}

/* A label that nobody has configured is shown only once it counts something. */
static bool is_untouched(const struct metrics *self, enum metric metric, size_t a)
{
    enum metric_axis axis = rows[metric].first;
    if (!axis_grows(axis) || a > (axis == AXIS_TYPE ? (size_t)TYPE_BUILTIN : (size_t)PEER_OTHER))
        return false;
    for (size_t i = 0; i < row_width(metric); i++) {
        double value = *cell(self, metric, a, i);
        if (value != 0 && !isnan(value))
            return false;
    }
    return true;
}

static const char *const kinds[] = {
    [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

static void put_metric(struct writer *self, enum metric metric)
{
    const struct row *row = &rows[metric];
    /* OpenMetrics names the family without the suffix of its samples. */
    const char *suffix =
        row->kind == METRIC_COUNTER && self->form == METRICS_PROMETHEUS ? "_total" : "";
    if (self->status == STATUS_OK)
        self->status = bytes_printf(self->out, "# HELP %s%s ", row->name, suffix);
    if (self->form == METRICS_OPENMETRICS)
        put_escaped(self, row->help);
    else
        put(self, row->help);
    if (self->status == STATUS_OK)
        self->status =
            bytes_printf(self->out, "\n# TYPE %s%s %s\n", row->name, suffix, kinds[row->kind]);
    for (size_t a = 0; a < axis_size(self->metrics, row->first); a++) {
        if (is_untouched(self->metrics, metric, a))
            continue;
        if (row->kind == METRIC_HISTOGRAM)
            put_histogram(self, metric, a);
        else
            put_values(self, metric, a);
    }
}

const char *metrics_content_type(enum metrics_form form)
{
    return form == METRICS_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

enum status metrics_render(const struct metrics *self, enum metrics_form form, struct bytes *out)
{
    struct writer writer = {.metrics = self, .out = out, .form = form};
    for (int metric = 0; metric < METRIC_COUNT; metric++)
        put_metric(&writer, (enum metric)metric);
    if (form == METRICS_OPENMETRICS)
        put(&writer, "# EOF\n");
    return writer.status;
}

void metrics_print_help(FILE *out)
{
    for (int metric = 0; metric < METRIC_COUNT; metric++) {
        const struct row *row = &rows[metric];
        fprintf(out, "%s%s: %s", row->name, row->kind == METRIC_COUNTER ? "_total" : "",
            kinds[row->kind]);
        if (row->first != AXIS_NONE)
            fprintf(out, ", by %s", axis_names[row->first]);
        if (row->second != AXIS_NONE)
            fprintf(out, " and %s", axis_names[row->second]);
        fprintf(out, "\n        %s\n", row->help);
    }
}
