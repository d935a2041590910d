#include "harness/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/must.h"
#include "harness/replace.h"

static const struct report_form *const forms[] = {
    [REPORT_JUNIT] = &report_junit,
    [REPORT_JSON] = &report_json,
    [REPORT_HTML] = &report_html,
    [REPORT_MERMAID] = &report_mermaid,
};

struct report {
    const struct report_form *form;
    char *path;    /* NULL: standard output */
    FILE *body;    /* what its plays have said so far; NULL: it is live */
    bool replaced; /* the file appears in place of another; else it is written into */
    struct report_room room;
};

struct reports {
    struct report items[REPORT_KIND_COUNT + 1];
    size_t count;
};

/* ---- where a report goes --------------------------------------------------------------------- */

static bool is_stdout(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* The file itself if there is one, behind all links; else the path as it is. */
static char *target_of(const char *path)
{
    char *real = realpath(path, NULL);

    return real ? real : must_copy(path);
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return must_copy(".");
    return must_copy_bytes(path, slash == path ? 1 : (size_t)(slash - path));
}

/* A pipe or device is written into; a file is replaced. */
static enum status check_target(struct report *self, struct fault *fault)
{
    struct stat about;
    bool exists = stat(self->path, &about) == 0;
    char *folder = folder_of(self->path);
    int wrong = 0;

    self->replaced = !exists || S_ISREG(about.st_mode);
    if (exists && S_ISDIR(about.st_mode))
        wrong = EISDIR;
    else if (access(self->replaced ? folder : self->path, W_OK) != 0)
        wrong = errno;
    free(folder);
    if (wrong == 0)
        return STATUS_OK;
    return fault_set(fault, STATUS_IO, 0, "%s can't be written: %s", self->path, strerror(wrong));
}

static enum status add_file(
    struct reports *self, const struct report_form *form, const char *path, struct fault *fault)
{
    struct report *report = &self->items[self->count++];

    *report = (struct report){.form = form, .path = is_stdout(path) ? NULL : target_of(path)};
    for (size_t i = 0; i + 1 < self->count; i++) {
        const char *other = self->items[i].path;

        if (report->path ? other && strcmp(other, report->path) == 0 : !other)
            return fault_set(fault, STATUS_INVALID, 0, "two reports can't both go to %s", path);
    }
    if (report->path) {
        enum status status = check_target(report, fault);
        if (status != STATUS_OK)
            return status;
    }
    report->body = tmpfile();
    if (!report->body)
        return fault_set(fault, STATUS_IO, 0, "no room for a report: %s", strerror(errno));
    return STATUS_OK;
}

enum status reports_new(
    struct reports **out, const char *const paths[REPORT_KIND_COUNT], struct fault *fault)
{
    struct reports *self = must_alloc(sizeof(*self));
    enum status status = STATUS_OK;
    bool stdout_is_taken = false;

    for (size_t i = 0; i < REPORT_KIND_COUNT && status == STATUS_OK; i++) {
        if (!paths[i])
            continue;
        stdout_is_taken = stdout_is_taken || is_stdout(paths[i]);
        status = add_file(self, forms[i], paths[i], fault);
    }
    if (status != STATUS_OK) {
        reports_free(self);
        return status;
    }
    if (!stdout_is_taken)
        self->items[self->count++] = (struct report){.form = &report_tap};
    *out = self;
    return STATUS_OK;
}

void reports_free(struct reports *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++) {
        if (self->items[i].body)
            fclose(self->items[i].body);
        free(self->items[i].path);
    }
    free(self);
}

/* ---- while plays end ------------------------------------------------------------------------- */

void reports_begin(struct reports *self, const struct summary *summary)
{
    for (size_t i = 0; i < self->count; i++) {
        struct report *report = &self->items[i];

        if (report->body)
            continue;
        report->form->begin(stdout, summary, &report->room);
        fflush(stdout);
    }
}

void reports_play_done(
    struct reports *self, const struct summary *summary, const struct performance *performance)
{
    for (size_t i = 0; i < self->count; i++) {
        struct report *report = &self->items[i];

        report->form->play_done(
            report->body ? report->body : stdout, summary, performance, &report->room);
        if (!report->body)
            fflush(stdout);
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

static void copy_body(FILE *out, FILE *body)
{
    char piece[1 << 16];
    size_t len;

    rewind(body);
    while ((len = fread(piece, 1, sizeof(piece), body)) > 0)
        fwrite(piece, 1, len, out);
}

static void write_whole(FILE *out, struct report *report, const struct summary *summary)
{
    report->form->begin(out, summary, &report->room);
    copy_body(out, report->body);
    report->form->end(out, summary, &report->room);
}

/* What replace_file writes, and how it went. */
struct writing {
    struct report *report;
    const struct summary *summary;
};

static bool write_writing(FILE *out, void *user)
{
    struct writing *writing = user;

    write_whole(out, writing->report, writing->summary);
    return !ferror(writing->report->body);
}

static enum status replace_whole(
    struct report *report, const struct summary *summary, struct fault *fault)
{
    struct writing writing = {.report = report, .summary = summary};

    return replace_file(report->path, write_writing, &writing, fault);
}

static enum status write_into(
    struct report *report, const struct summary *summary, struct fault *fault)
{
    FILE *out = report->path ? fopen(report->path, "we") : stdout;
    bool written = false;

    if (out) {
        write_whole(out, report, summary);
        written = fflush(out) == 0 && !ferror(out) && !ferror(report->body);
    }
    int wrong = errno;
    if (out && out != stdout && fclose(out) != 0)
        written = false;
    if (written)
        return STATUS_OK;
    return fault_set(fault, STATUS_IO, 0, "%s could not be written: %s",
        report->path ? report->path : "standard output", strerror(wrong));
}

enum status reports_end(struct reports *self, const struct summary *summary, struct fault *fault)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < self->count; i++) {
        struct report *report = &self->items[i];
        enum status one = STATUS_OK;

        if (!report->body)
            report->form->end(stdout, summary, &report->room);
        else if (report->replaced)
            one = replace_whole(report, summary, fault);
        else
            one = write_into(report, summary, fault);
        if (one != STATUS_OK)
            status = one;
    }
    /* Whoever reads TAP must hear of it as well. */
    if (fflush(stdout) != 0 && status == STATUS_OK)
        status = fault_set(
            fault, STATUS_IO, 0, "standard output could not be written: %s", strerror(errno));
    return status;
}
