#include "besterd/user_command.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "besterd/account_store.h"
#include "besterd/config.h"
#include "besterd/password.h"
#include "besterd/username.h"
#include "libbester/secret.h"
#include "libbester/visible.h"

enum {
    CODE_DONE = 0,
    CODE_REFUSED = 1, /* exists already, does not exist */
    CODE_ARGUMENTS = 2,
    CODE_INPUT = 65,
    CODE_IO = 74,
    CODE_CONFIG = 78
};

enum { VISIBLE_MAX = 1024 };

struct settings {
    const char *config_file;
};

static const struct option_row rows[] = {
    {.name = "config",
        .letter = 'c',
        .kind = OPTION_TEXT,
        .argument = "CONFIG",
        .offset = offsetof(struct settings, config_file),
        .help = "the configuration that names the accounts; without it, those of the default"},
    OPTION_COMMON_ROWS,
};

static const char *const synopsis[] = {"add NAME [--config CONFIG]",
    "passwd NAME [--config CONFIG]", "remove NAME [--config CONFIG]", "list [--config CONFIG]",
    NULL};

static const struct option_exit exits[] = {{CODE_DONE, "done"},
    {CODE_REFUSED, "the user exists already, or does not exist"},
    {CODE_ARGUMENTS, "wrong options or arguments"},
    {CODE_INPUT, "a bad name, or an empty, overlong or mistyped password"},
    {CODE_IO, "the database, the terminal or the input cannot be used"},
    {CODE_CONFIG, "the configuration is wrong, or keeps no accounts"}, {0, NULL}};

const struct option_table user_command_options = {.program = "besterd user",
    .synopsis = synopsis,
    .summary = "manage the accounts of a Bester server",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .exits = exits};

/* ---- a command under way ---- */

struct command {
    const struct user_command_io *io;
    struct account_store *store;
    char username[USERNAME_CAP];
};

static int tell(const struct command *self, int code, const char *text)
{
    char shown[VISIBLE_MAX]; /* what a database says is a stranger's text */
    fprintf(self->io->err, "besterd user: %s\n", visible_into(shown, sizeof shown, span_of(text)));
    return code;
}

/* What a failure of the store, or of a function about passwords, means here. */
static int tell_status(const struct command *self, enum status status, const struct fault *fault)
{
    static const struct {
        enum status status;
        int code;
    } codes[] = {{STATUS_OK, CODE_DONE}, {STATUS_INVALID, CODE_REFUSED},
        {STATUS_NOT_FOUND, CODE_REFUSED}, {STATUS_OVERLOADED, CODE_IO}, {STATUS_INTERNAL, CODE_IO},
        {STATUS_IO, CODE_IO}, {STATUS_NO_MEMORY, CODE_REFUSED}};
    if (status == STATUS_OK)
        return CODE_DONE;
    int code = CODE_IO;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].status == status)
            code = codes[i].code;
    }
    return tell(self, code, fault->text[0] != '\0' ? fault->text : status_help(status));
}

/* ---- passwords ---- */

struct secret {
    char text[PASSWORD_MAX + 1];
    size_t len;
};

static enum status ask_twice(const struct command *self, struct secret *first, struct fault *fault)
{
    struct secret second;
    fflush(self->io->err);
    int prompt_fd = fileno(self->io->err);
    enum status status = secret_ask(
        self->io->in, prompt_fd, "Password: ", first->text, sizeof first->text, &first->len, fault);
    if (status != STATUS_OK || first->len == 0)
        return status;
    status = secret_ask(self->io->in, prompt_fd, "The same again: ", second.text,
        sizeof second.text, &second.len, fault);
    if (status == STATUS_OK &&
        (first->len != second.len || memcmp(first->text, second.text, first->len) != 0))
        status = fault_set(fault, STATUS_INVALID, 0, "the passwords differ");
    password_wipe(&second, sizeof second);
    return status;
}

/* Asks for a password and hashes it. */
static int get_hash(const struct command *self, char hash[PASSWORD_HASH_CAP])
{
    struct secret secret = {.len = 0};
    struct fault fault = {.text = ""};
    enum status status = isatty(self->io->in) != 0 ? ask_twice(self, &secret, &fault)
                                                   : secret_read_line(self->io->in, secret.text,
                                                         sizeof secret.text, &secret.len, &fault);
    int code = CODE_DONE;
    if (status == STATUS_IO)
        code = tell(self, CODE_IO, fault.text);
    else if (status == STATUS_TOO_LARGE)
        code = tell(self, CODE_INPUT, "the password is too long");
    else if (status == STATUS_CLOSED)
        code = tell(self, CODE_INPUT, "no password was given");
    else if (status != STATUS_OK)
        code = tell(self, CODE_INPUT, fault.text);
    else if (secret.len == 0)
        code = tell(self, CODE_INPUT, "the password is empty");
    else if (password_init() != STATUS_OK)
        code = tell(self, CODE_IO, "libsodium cannot be used");
    else if (password_hash((struct span){.at = secret.text, .len = secret.len}, hash) != STATUS_OK)
        code = tell(self, CODE_IO, "no memory to hash the password");
    password_wipe(&secret, sizeof secret);
    return code;
}

/* ---- the verbs ---- */

static int run_add(struct command *self)
{
    char hash[PASSWORD_HASH_CAP];
    struct fault fault = {.text = ""};
    /* Before a person types a password for nothing. */
    enum status status = account_store_find(self->store, self->username, hash, &fault);
    if (status == STATUS_OK)
        status =
            fault_set(&fault, STATUS_INVALID, 0, "the user \"%s\" exists already", self->username);
    if (status != STATUS_NOT_FOUND)
        return tell_status(self, status, &fault);
    int code = get_hash(self, hash);
    if (code != CODE_DONE)
        return code;
    return tell_status(self, account_store_add(self->store, self->username, hash, &fault), &fault);
}

static int run_passwd(struct command *self)
{
    char hash[PASSWORD_HASH_CAP];
    struct fault fault = {.text = ""};
    enum status status = account_store_find(self->store, self->username, hash, &fault);
    if (status == STATUS_NOT_FOUND)
        (void)fault_set(&fault, status, 0, "there is no user \"%s\"", self->username);
    if (status != STATUS_OK)
        return tell_status(self, status, &fault);
    int code = get_hash(self, hash);
    if (code != CODE_DONE)
        return code;
    return tell_status(
        self, account_store_change(self->store, self->username, hash, &fault), &fault);
}

static int run_remove(struct command *self)
{
    struct fault fault = {.text = ""};
    return tell_status(self, account_store_remove(self->store, self->username, &fault), &fault);
}

static void print_name(const char *username, void *user)
{
    fprintf(user, "%s\n", username);
}

static int run_list(struct command *self)
{
    struct fault fault = {.text = ""};
    enum status status = account_store_list(self->store, print_name, self->io->out, &fault);
    if (status == STATUS_OK && fflush(self->io->out) != 0)
        status = fault_set(&fault, STATUS_IO, 0, "the list cannot be written");
    return tell_status(self, status, &fault);
}

static const struct verb {
    const char *name;
    bool needs_name;
    int (*run)(struct command *self);
} verbs[] = {
    {"add", true, run_add},
    {"passwd", true, run_passwd},
    {"remove", true, run_remove},
    {"list", false, run_list},
};

/* ---- from arguments to a verb ---- */

static const struct verb *find_verb(const struct operands *operands)
{
    for (size_t i = 0; operands->count > 0 && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(operands->at[0], verbs[i].name) == 0 &&
            operands->count == (verbs[i].needs_name ? 2u : 1u))
            return &verbs[i];
    }
    return NULL;
}

/* The configuration, if it keeps accounts that we can change. */
static int load_config(struct command *self, const char *file, struct config **out)
{
    struct mistakes mistakes;
    struct config *config = NULL;
    struct fault fault;
    mistakes_init(&mistakes);
    enum status status = config_load(&config, file, &mistakes);
    int code = CODE_DONE;
    if (status == STATUS_NO_MEMORY)
        code = tell(self, CODE_REFUSED, status_help(status));
    else if (status != STATUS_OK)
        code = status == STATUS_IO ? CODE_IO : CODE_CONFIG;
    else if (config->database == DATABASE_OPEN)
        code = tell(self, CODE_CONFIG,
            "database.type is \"open\": there are no accounts, everybody may log in");
    else if (config_make_directories(config, &fault) != STATUS_OK)
        code = tell(self, CODE_IO, fault.text);
    mistakes_print(&mistakes, file != NULL ? file : "besterd user", self->io->err);
    mistakes_release(&mistakes);
    if (code == CODE_DONE)
        *out = config;
    else
        config_unref(config);
    return code;
}

static int run_verb(struct command *self, const struct verb *verb, const char *config_file)
{
    struct config *config = NULL;
    struct fault fault = {.text = ""};
    int code = load_config(self, config_file, &config);
    if (code != CODE_DONE)
        return code;
    self->store = account_store_of(config);
    if (self->store == NULL)
        code = tell(self, CODE_REFUSED, status_help(STATUS_NO_MEMORY));
    else
        code = tell_status(self, account_store_create(self->store, &fault), &fault);
    if (code == CODE_DONE)
        code = verb->run(self);
    account_store_free(self->store);
    config_unref(config);
    return code;
}

int user_command(const char *config_file, int argc, char **argv, const struct user_command_io *io)
{
    struct settings settings = {.config_file = config_file};
    struct operands operands;
    struct command command = {.io = io};
    struct fault fault = {.text = ""};
    int code = CODE_DONE;
    if (!options_begin(
            &user_command_options, argc, argv, &settings, &operands, io->out, io->err, &code))
        return code;
    const struct verb *verb = find_verb(&operands);
    if (verb == NULL)
        return tell(&command, CODE_ARGUMENTS,
            "add NAME, passwd NAME, remove NAME or list is needed; --help tells more");
    if (verb->needs_name &&
        username_normalise(span_of(operands.at[1]), command.username, &fault) != STATUS_OK)
        return tell(&command, CODE_INPUT, fault.text);
    return run_verb(&command, verb, settings.config_file);
}
