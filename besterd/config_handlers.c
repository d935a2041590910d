/* Rules for "handlers", and the files with templates. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "besterd/config_table.h"
#include "besterd/paths.h"
#include "libbester/json_text.h"
#include "libbester/template.h"

enum {
    WHERE_BYTES = 400,
    PIPELINED = 64,
    WORDS_PER_S = 1000,
    WORD_BURST = 1000,
    WORDS_IN_FLIGHT = 256
};

static char *take(char **text)
{
    char *taken = *text;
    *text = NULL;
    return taken;
}

/* ---- templates ---- */

/* The template in the file, compact. NULL after telling the mistake. */
static char *load_template(
    const char *path, const char *type, const char *where, struct mistakes *mistakes)
{
    struct fault fault;
    size_t len = 0;
    char *compact = NULL;
    char *text = config_read_file(path, TEMPLATE_BYTES_MAX, &len);
    if (text == NULL) {
        mistakes_add(mistakes, where, "\"%s\" cannot be read: %s", path, strerror(errno));
    } else if (template_check((struct span){.at = text, .len = len}, type, &fault) != STATUS_OK) {
        mistakes_add(mistakes, where, "\"%s\": %s", path, fault.text);
    } else {
        json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        compact = json_text(json, JSON_COMPACT);
        json_decref(json);
        if (compact == NULL)
            mistakes_add(mistakes, where, "\"%s\" cannot be read: out of memory", path);
    }
    free(text);
    return compact;
}

/* ---- handlers ---- */

static unsigned bits_of_list(char *const *names)
{
    static const struct {
        const char *name;
        unsigned bit;
    } rows[] = {{"sendClients", MAY_SEND_CLIENTS}, {"sendServers", MAY_SEND_SERVERS},
        {"sendHandler", MAY_SEND_HANDLER}};
    unsigned bits = 0;
    for (; *names != NULL; names++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            bits |= strcmp(*names, rows[i].name) == 0 ? rows[i].bit : 0;
    }
    return bits;
}

/* What it may command, and to whom. */
static void take_rights(
    struct config_handler *handler, const struct raw_rights *raw, struct mistakes *mistakes)
{
    handler->may_command = raw->list != NULL ? bits_of_list(raw->list) : raw->given ? 0 : MAY_ALL;
    for (size_t i = 0; raw->given && i < MAY_COUNT; i++) {
        if (raw->to[i] == NULL)
            continue;
        handler->may_command |= 1u << i;
        handler->may_name[i] = nameset_new(raw->to[i]);
        if (handler->may_name[i] == NULL)
            mistakes_add(mistakes, "handlers", "out of memory");
    }
}

static void check_socket(const char *path, const char *where, struct mistakes *mistakes)
{
    if (path == NULL)
        mistakes_add(mistakes, where, "must be given");
    else if (strlen(path) >= ADDRESS_PATH_MAX)
        mistakes_add(mistakes, where,
            "is too long for a UNIX socket: %zu bytes, at most %d are possible", strlen(path),
            ADDRESS_PATH_MAX - 1);
}

static void check_owner(struct config_handler *handler, struct mistakes *mistakes)
{
    char where[WHERE_BYTES];
    struct passwd entry;
    struct passwd *user = NULL;
    char room[4096];
    if (handler->socket_owner == NULL)
        return;
    (void)getpwnam_r(handler->socket_owner, &entry, room, sizeof room, &user);
    config_where(where, sizeof where, "handlers.typeMap", handler->type, "socketOwner");
    if (user == NULL)
        mistakes_add(mistakes, where, "\"%s\" is no user of this machine", handler->socket_owner);
    else
        handler->socket_uid = user->pw_uid;
}

/* What only a connection that stays has. */
static void check_protocol(
    const struct config_handler *handler, const struct raw_handler *raw, struct mistakes *mistakes)
{
    const struct {
        const char *name;
        unsigned given;
    } rows[] = {{"connections", raw->connections}, {"pipelined", raw->pipelined},
        {"wordsPerSecond", raw->words_per_s}, {"wordBurst", raw->word_burst},
        {"wordsInFlight", raw->words_in_flight}};
    char where[WHERE_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].given == 0 || handler->protocol == CONFIG_STREAM)
            continue;
        config_where(where, sizeof where, "handlers.typeMap", handler->type, rows[i].name);
        mistakes_add(mistakes, where, "needs the protocol \"stream\"");
    }
}

/* Moves what was read into the configuration; is_complete says what is missing. */
static void make_handler(
    struct config_handler *handler, struct raw_handler *raw, struct mistakes *mistakes)
{
    char where[WHERE_BYTES];
    *handler = (struct config_handler){.type = take(&raw->element.name),
        .binary = take(&raw->binary),
        .arguments = raw->arguments,
        .path = take(&raw->path),
        .protocol = (enum config_protocol)raw->protocol,
        .connections = raw->connections > 0 ? raw->connections : 1,
        .pipelined = raw->pipelined > 0 ? raw->pipelined : PIPELINED,
        .timeout_ms = raw->timeout_ms,
        .breaker_failures = raw->breaker_failures,
        .breaker_pause_ms = raw->breaker_pause_ms,
        .words_per_s = raw->words_per_s > 0 ? raw->words_per_s : WORDS_PER_S,
        .word_burst = raw->word_burst > 0 ? raw->word_burst : WORD_BURST,
        .words_in_flight = raw->words_in_flight > 0 ? raw->words_in_flight : WORDS_IN_FLIGHT,
        .environment = raw->environment,
        .memory_bytes = raw->memory_bytes,
        .cpu_s = raw->cpu_s,
        .files = raw->files,
        .processes = raw->processes,
        .socket_owner = take(&raw->socket_owner),
        .template_path = take(&raw->template_path)};
    raw->arguments = NULL;
    raw->environment = NULL;
    take_rights(handler, &raw->may_command, mistakes);
    check_owner(handler, mistakes);
    check_protocol(handler, raw, mistakes);
    config_where(where, sizeof where, "handlers.typeMap", handler->type, "unixDomainSocketPath");
    if (raw->element.given)
        check_socket(handler->path, where, mistakes);
    config_where(where, sizeof where, "handlers.typeMap", handler->type, "template");
    if (handler->template_path != NULL)
        handler->template_text =
            load_template(handler->template_path, handler->type, where, mistakes);
}

static struct raw_handler *find_raw(struct raw_map *map, const char *type)
{
    struct raw_handler *rows = map->at;
    for (size_t i = 0; i < map->count; i++) {
        if (rows[i].element.name != NULL && strcmp(rows[i].element.name, type) == 0)
            return &rows[i];
    }
    return NULL;
}

static bool is_made(const struct config *config, const char *type)
{
    return config_find_handler(config, span_of(type)) != NULL;
}

static void check_available(
    struct config *config, struct raw_config *raw, size_t index, struct mistakes *mistakes)
{
    const char *type = raw->handlers.available[index];
    char where[WHERE_BYTES];
    snprintf(where, sizeof where, "handlers.availableTypes[%zu]", index);
    struct raw_handler *found = find_raw(&raw->handlers.map, type);
    if (config_is_own_type(type))
        mistakes_add(mistakes, where, "the server itself answers the type \"%s\"", type);
    else if (is_made(config, type))
        mistakes_add(mistakes, where, "\"%s\" is named twice", type);
    else if (found == NULL)
        mistakes_add(mistakes, where, "\"%s\" has no member in handlers.typeMap", type);
    else
        make_handler(&config->handlers[config->handler_count++], found, mistakes);
}

/* The chat handler that comes with the server. A template that is not there is
 * left out: the handler works without. */
static void make_chat(struct config *config, struct mistakes *mistakes)
{
    struct config_handler *chat = &config->handlers[config->handler_count++];
    if (config->runtime_directory == NULL)
        config->runtime_directory = paths_runtime();
    const char *directory = config->runtime_directory;
    *chat = (struct config_handler){.type = strdup("chat"),
        .binary = paths_shipped("handlers/chat", "libexec/bester"),
        .path = directory != NULL ? paths_join(directory, "chat.sock") : NULL,
        .protocol = CONFIG_STREAM,
        .connections = 1,
        .pipelined = PIPELINED,
        .words_per_s = WORDS_PER_S,
        .word_burst = WORD_BURST,
        .words_in_flight = WORDS_IN_FLIGHT,
        .timeout_ms = 5000,
        .breaker_failures = CONFIG_BREAKER_FAILURES,
        .breaker_pause_ms = CONFIG_BREAKER_PAUSE_MS,
        .may_command = MAY_SEND_CLIENTS | MAY_SEND_SERVERS,
        .template_path = paths_shipped("handlers/chat.json", "share/bester")};
    check_socket(chat->path, "handlers.typeMap.chat.unixDomainSocketPath", mistakes);
    if (chat->template_path != NULL && access(chat->template_path, R_OK) != 0) {
        free(chat->template_path);
        chat->template_path = NULL;
    }
    if (chat->template_path != NULL)
        chat->template_text =
            load_template(chat->template_path, "chat", "handlers.typeMap.chat.template", mistakes);
    if (chat->type == NULL || chat->binary == NULL)
        mistakes_add(mistakes, "handlers.typeMap.chat", "out of memory");
}

void config_check_handlers(struct config *config, struct raw_config *raw, struct mistakes *mistakes)
{
    size_t count = 0;
    while (raw->handlers.available != NULL && raw->handlers.available[count] != NULL)
        count++;
    config->handlers = calloc(count + 1, sizeof *config->handlers);
    if (config->handlers == NULL)
        return;
    if (!raw->handlers.given)
        make_chat(config, mistakes);
    for (size_t i = 0; i < count; i++)
        check_available(config, raw, i, mistakes);
}
