/* Another configuration while the server runs: all that can fail is made first,
 * then put in force in one go. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "besterd/builtin.h"
#include "besterd/log.h"
#include "besterd/sandbox.h"
#include "besterd/server_internal.h"

/* All that the new configuration needs, made and not yet in force. */
struct plan {
    struct config *config;
    struct tls_context *tls;
    struct route_row *rows;
    struct blob *types;
    struct links_plan *links;
};

static void plan_release(struct plan *self)
{
    tls_context_unref(self->tls);
    route_cancel(self->rows);
    blob_unref(self->types);
    links_cancel(self->links);
    config_unref(self->config);
}

/* ---- making it ---- */

/* What was a pipe when the server started cannot be read twice, and to wait for
 * whoever may write into it would hold up everybody. */
static bool is_regular(const char *file, struct mistakes *mistakes)
{
    struct stat stat_of_file;

    if (!file || stat(file, &stat_of_file) != 0 || S_ISREG(stat_of_file.st_mode))
        return true; /* why it cannot be read is told by who reads it */
    mistakes_add(mistakes, "", "is no regular file, and can be read at the start only");
    return false;
}

static enum status plan_config(struct plan *self, const struct config *old,
    struct mistakes *mistakes, struct mistakes *ignored)
{
    struct fault fault;

    if (!is_regular(old->file, mistakes))
        return STATUS_IO;
    enum status status = config_load(&self->config, old->file, mistakes);
    if (status == STATUS_OK)
        status = config_inherit(self->config, old, ignored);
    if (status != STATUS_OK)
        return status;
    status = config_make_directories(self->config, &fault);
    if (status != STATUS_OK)
        mistakes_add(mistakes, "", "%s", fault.text);
    return status;
}

static enum status plan_make(
    struct plan *self, struct server *server, struct mistakes *mistakes, struct mistakes *ignored)
{
    struct fault fault;
    enum status status = plan_config(self, server->config, mistakes, ignored);

    if (status != STATUS_OK)
        return status;
    status = server_open_tls(&self->tls, self->config, &fault);
    if (status != STATUS_OK) {
        mistakes_add(mistakes, "network.tls", "%s", fault.text);
        return status;
    }
    status = links_plan(server->links, self->config, &self->links, &fault);
    if (status != STATUS_OK) {
        mistakes_add(mistakes, "server.identity", "%s", fault.text);
        return status;
    }
    self->types = builtin_types_new(self->config);
    if (!self->types)
        return STATUS_NO_MEMORY;
    status = server->spawner ? spawner_reload(server->spawner, self->config, &fault) : STATUS_OK;
    if (status != STATUS_OK) {
        mistakes_add(mistakes, "", "%s", fault.text);
        return status;
    }
    return route_plan(&server->route, self->config, &self->rows);
}

/* ---- putting it in force ---- */

/* What comes next of a type waits for what was sent to its handler before. */
static void on_replaced(struct handler *old, struct handler *now, void *user)
{
    struct server *self = user;
    uint32_t cursor = 0;
    struct session *session;

    while ((session = roster_next(&self->roster, &cursor)) != NULL)
        lanes_replace(*session->lanes, old, now);
    log_line(LOG_LEVEL_INFO, "reload", "the handler of %s %s", handler_config(old)->type,
        now ? "is another now" : "is gone");
}

static void use_config(struct server *self, const struct config *config)
{
    self->session_context.config = config;
    limits_reconfigure(self->limits, config);
    if (self->config->limits.max_frame_bytes > self->handler_context.told_frame_bytes)
        self->handler_context.told_frame_bytes = self->config->limits.max_frame_bytes;
    self->handler_context.limits = &config->limits;
    self->peers_context.config = config;
    self->links_context.config = config;
    self->facts.config = config;
    administration_reconfigure(self->administration, config);
    log_set_level(config->log_level);
    log_set_format(config->log_format);
    if (self->spawner)
        spawner_use_log(self->spawner, config);
}

static void plan_commit(struct plan *self, struct server *server)
{
    const struct config *old = server->config;
    struct tls_context *old_tls = server->tls;
    uint32_t cursor = 0;
    struct session *session;

    use_config(server, self->config);
    server->config = self->config;
    server_memory_limit(server);
    server->tls = self->tls;
    pipeline_reconfigure(&server->pipeline, self->config, self->types);
    route_commit(&server->route, self->config, self->rows, on_replaced, server);
    while ((session = roster_next(&server->roster, &cursor)) != NULL)
        session_reconfigure(session);
    links_commit(server->links, self->links);
    *self = (struct plan){.config = NULL};
    tls_context_unref(old_tls);
    config_unref(old);
}

static void log_mistakes(const struct mistakes *mistakes, enum log_level level)
{
    for (size_t i = 0; i < mistakes->kept; i++)
        log_line(level, "reload", "%s%s%s", mistakes->at[i].where,
            mistakes->at[i].where[0] ? ": " : "the configuration ", mistakes->at[i].sentence);
    if (mistakes->count > mistakes->kept)
        log_line(level, "reload", "and %zu more", mistakes->count - mistakes->kept);
}

/* Why a file cannot be read that whoever asked for it can read. */
static void tell_sandbox(struct mistakes *mistakes)
{
    bool denied = false;

    for (size_t i = 0; i < mistakes->kept; i++)
        denied = denied || strstr(mistakes->at[i].sentence, strerror(EACCES));
    if (denied && sandbox_state().landlock > 0)
        mistakes_add(mistakes, "server.sandbox",
            "what lies in a directory that the configuration did not name at the start cannot be "
            "used before the next start");
}

enum status server_reload(struct server *self, struct mistakes *mistakes, struct mistakes *ignored)
{
    struct plan plan = {.config = NULL};
    enum status status = STATUS_SHUTTING_DOWN;

    if (self->phase == SERVER_RUNNING) {
        notify_reloading(&self->notify);
        status = plan_make(&plan, self, mistakes, ignored);
    }
    if (status == STATUS_OK) {
        log_mistakes(ignored, LOG_LEVEL_WARNING);
        plan_commit(&plan, self);
        log_line(LOG_LEVEL_INFO, "reload", "the configuration was read again");
    } else {
        tell_sandbox(mistakes);
        log_mistakes(mistakes, LOG_LEVEL_ERROR);
        log_line(LOG_LEVEL_ERROR, "reload", "nothing was changed: %s", status_help(status));
    }
    plan_release(&plan);
    if (self->phase == SERVER_RUNNING)
        server_notify_ready(self);
    metrics_count(self->metrics, METRIC_RELOADS, status == STATUS_OK ? RELOAD_GOOD : RELOAD_BAD, 0);
    return status;
}
