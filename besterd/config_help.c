/* The documentation of the configuration, out of its table. */
#include <string.h>

#include "besterd/config_table.h"

enum { PATH_BYTES = 200, DEFAULT_BYTES = 200, LINE_WIDTH = 78, INDENT = 8 };

static const char *const nouns[CONFIG_KIND_COUNT] = {
    [CONFIG_TEXT] = "text",
    [CONFIG_TEXTS] = "list of texts",
    [CONFIG_CHOICE] = "one of",
    [CONFIG_PORT] = "1 to 65535, a number or a text",
    [CONFIG_COUNT] = "number",
    [CONFIG_SIZE] = "number",
    [CONFIG_FLAG] = "true or false",
    [CONFIG_ANY] = "any value",
};

static size_t add(char *out, size_t cap, size_t len, const char *text)
{
    int more = snprintf(out + len, cap - len, "%s", text);
    len += more > 0 ? (size_t)more : 0;
    return len < cap ? len : cap - 1;
}

/* "one of sqlite, redis, open", "number, 1 to 64" */
static void describe(const struct config_member *member, char *out, size_t cap)
{
    size_t len = 0;
    if ((member->kind == CONFIG_TEXTS || member->kind == CONFIG_RIGHTS) && member->choices != NULL)
        len = add(out, cap, len, "list of");
    else
        len = add(out, cap, len, nouns[member->kind]);
    for (size_t i = 0; member->choices != NULL && member->choices[i] != NULL; i++) {
        len = add(out, cap, len, i == 0 ? " " : ", ");
        len = add(out, cap, len, member->choices[i]);
    }
    if (member->kind == CONFIG_COUNT || member->kind == CONFIG_SIZE)
        snprintf(out + len, cap - len, ", %llu to %llu", (unsigned long long)member->least,
            (unsigned long long)member->most);
}

static void describe_default(const struct config_member *member, char *out, size_t cap)
{
    if (member->fallback != NULL)
        snprintf(out, cap, "%s", member->fallback);
    else if (member->kind == CONFIG_CHOICE)
        snprintf(out, cap, "%s", member->choices[member->preset]);
    else if (member->kind == CONFIG_FLAG)
        snprintf(out, cap, "%s", member->preset != 0 ? "true" : "false");
    else
        snprintf(out, cap, "%llu", (unsigned long long)member->preset);
}

/* Words of text, wrapped and indented. */
static void print_wrapped(FILE *out, const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (column == 0 || column + 1 + len > LINE_WIDTH)
            column = (size_t)fprintf(out, "%s%*s", column == 0 ? "" : "\n", INDENT, "");
        else
            column += (size_t)fprintf(out, " ");
        fwrite(text, 1, len, out);
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

/* roff takes a leading dot or quote for a request, and '-' for a hyphen. */
static void print_roff(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text != '\0'; text++) {
        if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\\')
            fputs("\\e", out);
        else
            fputc(*text, out);
    }
}

static void print_member(
    const struct config_member *member, const char *path, FILE *out, enum config_help form)
{
    char kind[PATH_BYTES];
    char preset[DEFAULT_BYTES];
    describe(member, kind, sizeof kind);
    describe_default(member, preset, sizeof preset);
    if (form == CONFIG_HELP_TEXT) {
        fprintf(out, "%s: %s\n", path, kind);
        print_wrapped(out, member->help);
        fprintf(out, "%*sDefault: %s.\n", INDENT, "", preset);
        return;
    }
    fputs(".TP\n.B ", out);
    print_roff(out, path);
    fputs("\n(", out);
    print_roff(out, kind);
    fputs(")\n", out);
    print_roff(out, member->help);
    fputs("\nDefault: ", out);
    print_roff(out, preset);
    fputs(".\n", out);
}

static void print_members(
    const struct config_member *members, const char *prefix, FILE *out, enum config_help form)
{
    char path[PATH_BYTES];
    for (; members->name != NULL; members++) {
        bool is_map = members->kind == CONFIG_MAP;
        snprintf(path, sizeof path, "%s%s", prefix, members->name);
        if (members->inside == NULL || members->kind == CONFIG_RIGHTS)
            print_member(members, path, out, form);
        snprintf(path, sizeof path, "%s%s%s%s%s", prefix, members->name,
            members->inside == NULL ? "" : ".", is_map ? members->element_name : "",
            is_map ? "." : "");
        if (members->inside != NULL)
            print_members(members->inside, path, out, form);
    }
}

void config_print_help(FILE *out, enum config_help form)
{
    print_members(config_members, "", out, form);
}
