#include "besterd/identity_command.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "besterd/identity.h"
#include "libbester/bytes.h"
#include "libbester/json.h"

enum { CODE_DONE = 0, CODE_FAULT = 1, CODE_ARGUMENTS = 2, CODE_IO = 74, CODE_CONFIG = 78 };

struct settings {
    const char *config_file;
    bool next;
    bool promote;
};

static const struct option_row rows[] = {
    {.name = "config",
        .letter = 'c',
        .kind = OPTION_TEXT,
        .argument = "CONFIG",
        .offset = offsetof(struct settings, config_file),
        .help = "the configuration of the server; without it, the default"},
    {.name = "next",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct settings, next),
        .help = "make the next key, if there is none yet, and print both pins"},
    {.name = "promote",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct settings, promote),
        .help = "the next key becomes the key; a server that runs uses it from its next reload on"},
    OPTION_COMMON_ROWS,
};

static const char *const synopsis[] = {"[--next | --promote] [--config CONFIG]", NULL};

static const struct option_exit exits[] = {{CODE_DONE, "done"},
    {CODE_FAULT, "there is no next key to promote"}, {CODE_ARGUMENTS, "wrong options or arguments"},
    {CODE_IO, "a file cannot be used"}, {CODE_CONFIG, "the configuration is wrong"}, {0, NULL}};

static const struct option_section sections[] = {
    {"DESCRIPTION",
        "Prints one line, which is pasted into the member peers of another server's "
        "configuration. The key is made when there is none. Run it as the user that the server "
        "runs as: the file is for that user alone.\n\n"
        "To change the key without losing a message: run it with --next, paste what it prints at "
        "every peer and reload them; run it with --promote and reload this server; run it "
        "without options, paste what it prints and reload the peers again."},
    {NULL, NULL},
};

const struct option_table identity_command_options = {.program = "besterd identity",
    .synopsis = synopsis,
    .summary = "tell other servers who this one is",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .exits = exits,
    .sections = sections};

/* ---- the line ---- */

/* Where others find this server: its first listener for peers. One that listens
 * everywhere is found by the name of its host. */
static bool find_address(const struct config *config, char *out, size_t cap)
{
    char host[ADDRESS_HOST_MAX];

    for (size_t i = 0; i < config->listener_count; i++) {
        struct address address = config->listeners[i].address;

        if (!config->listeners[i].peer)
            continue;
        if ((strcmp(address.host, "0.0.0.0") == 0 || strcmp(address.host, "::") == 0) &&
            gethostname(host, sizeof host) == 0) {
            host[sizeof host - 1] = '\0';
            address.kind = ADDRESS_TCP;
            memcpy(address.host, host, sizeof host);
        }
        address_format_short(&address, out, cap);
        return true;
    }
    return false;
}

static enum status add_pins(struct bytes *line, const struct tls_pin *pins, size_t count)
{
    char text[TLS_PIN_TEXT];
    enum status status = bytes_append_text(line, count > 1 ? "\"pins\": [" : "\"pin\": ");

    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        status = bytes_printf(line, "%s\"%s\"", i > 0 ? ", " : "", tls_pin_format(&pins[i], text));
    return status == STATUS_OK ? bytes_append_text(line, count > 1 ? "]}\n" : "}\n") : status;
}

static enum status make_line(
    struct bytes *line, const struct config *config, const struct tls_pin *pins, size_t count)
{
    char address[ADDRESS_TEXT_MAX];
    enum status status = json_quote(line, span_of(config->server_name));

    if (status == STATUS_OK)
        status = bytes_append_text(line, ": {");
    if (status == STATUS_OK && find_address(config, address, sizeof address)) {
        status = bytes_append_text(line, "\"address\": ");
        if (status == STATUS_OK)
            status = json_quote(line, span_of(address));
        if (status == STATUS_OK)
            status = bytes_append_text(line, ", ");
    }
    return status == STATUS_OK ? add_pins(line, pins, count) : status;
}

static enum status print_line(const struct config *config, const struct tls_pin *pins, size_t count,
    FILE *out, struct fault *fault)
{
    struct bytes line;

    bytes_init(&line, SIZE_MAX);
    enum status status = make_line(&line, config, pins, count);
    if (status != STATUS_OK)
        fault_set(fault, status, 0, "%s", status_help(status));
    else if (fwrite(bytes_span(&line).at, 1, line.len, out) != line.len || fflush(out) != 0)
        status = fault_set(fault, STATUS_IO, 0, "the line cannot be written");
    bytes_release(&line);
    return status;
}

/* ---- the work ---- */

static enum status work(
    const struct config *config, const struct settings *settings, FILE *out, struct fault *fault)
{
    struct tls_pin pins[2];
    size_t count = 1;
    enum status status = STATUS_OK;

    if (settings->promote)
        status = identity_promote(config, fault);
    if (status == STATUS_OK)
        status = identity_make(config, IDENTITY_NOW, &pins[0], fault);
    if (status != STATUS_OK)
        return status;
    status = settings->next ? identity_make(config, IDENTITY_NEXT, &pins[1], fault)
                            : identity_look(config, IDENTITY_NEXT, &pins[1], fault);
    if (status == STATUS_OK)
        count = 2;
    else if (status != STATUS_NOT_FOUND)
        return status;
    return print_line(config, pins, count, out, fault);
}

static int run(const struct settings *settings, FILE *out, FILE *err)
{
    struct mistakes mistakes;
    struct config *config = NULL;
    struct fault fault = {.text = ""};
    int code = CODE_DONE;

    mistakes_init(&mistakes);
    enum status status = config_load(&config, settings->config_file, &mistakes);
    if (status != STATUS_OK) {
        code = status == STATUS_INVALID ? CODE_CONFIG : status == STATUS_IO ? CODE_IO : CODE_FAULT;
        mistakes_print(
            &mistakes, settings->config_file ? settings->config_file : "besterd identity", err);
    } else {
        status = work(config, settings, out, &fault);
        if (status != STATUS_OK) {
            code = status == STATUS_NOT_FOUND || status == STATUS_NO_MEMORY ? CODE_FAULT : CODE_IO;
            fprintf(err, "besterd identity: %s\n", fault.text);
        }
    }
    config_unref(config);
    mistakes_release(&mistakes);
    return code;
}

int identity_command(const char *config_file, int argc, char **argv, FILE *out, FILE *err)
{
    struct settings settings = {.config_file = config_file};
    struct operands operands;
    int code = CODE_DONE;

    if (!options_begin(
            &identity_command_options, argc, argv, &settings, &operands, out, err, &code))
        return code;
    if (operands.count == 0 && !(settings.next && settings.promote))
        return run(&settings, out, err);
    fprintf(err, "besterd identity: %s; --help tells more\n",
        operands.count > 0 ? "no arguments are taken" : "--next or --promote, not both");
    return CODE_ARGUMENTS;
}
