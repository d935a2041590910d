#include "besterd/check_command.h"

#include <string.h>

#include "besterd/config.h"
#include "besterd/metrics.h"

enum { EXIT_GOOD = 0, EXIT_ARGUMENTS = 2, EXIT_FILE = 74, EXIT_CONFIG = 78 };

static void print_good(const struct config *config, const char *name, FILE *out)
{
    char warning[CONFIG_WARNING_MAX];
    for (size_t i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].narrowed)
            fprintf(
                out, "%s: warning: %s\n", name, config_narrowed(&config->listeners[i], warning));
    }
    fprintf(out, "%s: ok\n", name);
}

static int check(const char *file, FILE *out)
{
    struct mistakes mistakes;
    struct config *config = NULL;
    const char *name = file != NULL ? file : "the embedded default";
    mistakes_init(&mistakes);
    enum status status = config_load(&config, file, &mistakes);
    int code = EXIT_GOOD;
    if (status == STATUS_OK)
        print_good(config, name, out);
    else if (status == STATUS_NO_MEMORY)
        fprintf(out, "%s: %s\n", name, status_help(status));
    else
        mistakes_print(&mistakes, name, out);
    if (status == STATUS_IO)
        code = EXIT_FILE;
    else if (status != STATUS_OK)
        code = status == STATUS_INVALID ? EXIT_CONFIG : 1;
    config_unref(config);
    mistakes_release(&mistakes);
    return code;
}

int check_command(int argc, char *const argv[], FILE *out, FILE *err)
{
    const char *first = argc > 1 ? argv[1] : NULL;
    if (argc == 2 && strcmp(first, "--help") == 0) {
        fputs("usage: besterd check [CONFIG]\n\nPrints every mistake of a configuration, or that "
              "there is none.\nA configuration is a JSON object with these members, all "
              "optional:\n\n",
            out);
        config_print_help(out, CONFIG_HELP_TEXT);
        return EXIT_GOOD;
    }
    if (argc == 2 && strcmp(first, "--man") == 0) {
        config_print_help(out, CONFIG_HELP_MAN);
        return EXIT_GOOD;
    }
    if (argc == 2 && strcmp(first, "--metrics") == 0) {
        metrics_print_help(out);
        return EXIT_GOOD;
    }
    if (argc == 3 && strcmp(first, "--") == 0)
        return check(argv[2], out);
    if (argc > 2 || (first != NULL && first[0] == '-')) {
        fputs("usage: besterd check [CONFIG]\n       besterd check --help | --man | --metrics\n",
            err);
        return EXIT_ARGUMENTS;
    }
    return check(first, out);
}
