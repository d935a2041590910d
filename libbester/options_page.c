/* The two faces of an option table for people: --help and the manual page. */
#include <ctype.h>
#include <string.h>

#include "libbester/options.h"

enum { HELP_WIDTH = 80, HELP_COLUMN = 29 };

/* Words of text from `column` on, wrapped at HELP_WIDTH. */
static void print_wrapped(const char *text, size_t column, FILE *out)
{
    size_t at = column;
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (at > column && at + 1 + word > HELP_WIDTH) {
            fprintf(out, "\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            fputc(' ', out);
            at++;
        }
        fprintf(out, "%.*s", (int)word, text);
        at += word;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

/* " FILE", "[=N]" where it may be left out, or "". */
static const char *argument_text(const struct option_row *row, char out[40])
{
    out[0] = '\0';
    if (row->argument != NULL)
        snprintf(out, 40, row->implied == NULL ? " %s" : "[=%s]", row->argument);
    return out;
}

static void print_row(const struct option_row *row, FILE *out)
{
    char left[80];
    char text[400];
    char argument[40];
    char letter[8] = "    ";
    if (row->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    snprintf(left, sizeof left, "  %s--%s%s", letter, row->name, argument_text(row, argument));
    snprintf(text, sizeof text, "%s%s%s%s", row->help, row->environment == NULL ? "" : " [",
        row->environment == NULL ? "" : row->environment, row->environment == NULL ? "" : "]");
    if (strlen(left) + 2 > HELP_COLUMN)
        fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
    else
        fprintf(out, "%-*s", HELP_COLUMN, left);
    print_wrapped(text, HELP_COLUMN, out);
}

void options_print_help(const struct option_table *table, FILE *out)
{
    for (size_t i = 0; table->synopsis[i] != NULL; i++)
        fprintf(
            out, "%s %s %s\n", i == 0 ? "Usage:" : "      ", table->program, table->synopsis[i]);
    fprintf(out, "%c%s.\n", toupper((unsigned char)table->summary[0]), table->summary + 1);
    if (table->row_count > 0 && table->rows[0].kind != OPTION_GROUP)
        fputs("\nOptions:\n", out);
    for (size_t i = 0; i < table->row_count; i++) {
        const struct option_row *row = &table->rows[i];
        if (row->hidden)
            continue;
        if (row->kind == OPTION_GROUP)
            fprintf(out, "\n%s:\n", row->help);
        else
            print_row(row, out);
    }
    if (table->exits != NULL)
        fputs("\nExit status:\n", out);
    for (const struct option_exit *e = table->exits; e != NULL && e->help != NULL; e++) {
        fprintf(out, "  %-4d", e->value);
        print_wrapped(e->help, 6, out);
    }
}

/* Text as roff: no line of it is taken for a request, no character is lost. */
static void roff(const char *text, FILE *out)
{
    bool line_start = true;
    for (; *text != '\0'; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        line_start = *text == '\n';
        if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\\')
            fputs("\\e", out);
        else
            fputc(*text, out);
    }
}

static void man_heading(const char *heading, FILE *out)
{
    fprintf(out, ".SH ");
    for (; *heading != '\0'; heading++)
        fputc(toupper((unsigned char)*heading), out);
    fputc('\n', out);
}

static void man_row(const struct option_row *row, FILE *out)
{
    fputs(".TP\n\\fB", out);
    if (row->letter != 0)
        fprintf(out, "\\-%c\\fR, \\fB", row->letter);
    fputs("\\-\\-", out);
    roff(row->name, out);
    fputs("\\fR", out);
    if (row->argument != NULL) {
        fputs(row->implied == NULL ? " \\fI" : "[=\\fI", out);
        roff(row->argument, out);
        fputs(row->implied == NULL ? "\\fR" : "\\fR]", out);
    }
    fputc('\n', out);
    roff(row->help, out);
    fputs(".\n", out);
    if (row->environment != NULL)
        fprintf(out, "The environment variable\n.B %s\ngives the default.\n", row->environment);
}

/* Lines of a section; those that begin with four blanks are examples. */
static void man_prose(const char *text, FILE *out)
{
    bool example = false;
    bool gap = false;
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        bool indented = strncmp(text, "    ", 4) == 0;
        char line[512];
        snprintf(line, sizeof line, "%.*s", (int)len, text);
        text += len + (text[len] == '\n');
        if (len == 0) {
            gap = true;
            continue;
        }
        if (indented != example)
            fputs(indented ? ".PP\n.RS 4\n.nf\n" : ".fi\n.RE\n.PP\n", out);
        else if (gap)
            fputs(indented ? ".sp\n" : ".PP\n", out);
        roff(line + (indented ? 4 : 0), out);
        fputc('\n', out);
        example = indented;
        gap = false;
    }
    if (example)
        fputs(".fi\n.RE\n", out);
}

static void man_head(const struct option_table *table, FILE *out)
{
    fputs(".\\\" Made by the program itself (\\-\\-man\\-page). Do not edit.\n.TH ", out);
    for (const char *c = table->program; *c != '\0'; c++)
        fputc(*c == ' ' ? '-' : toupper((unsigned char)*c), out);
    fprintf(out, " 1 \"\" \"Bester %s\" \"Bester\"\n.SH NAME\n", BESTER_VERSION);
    roff(table->program, out);
    fputs(" \\- ", out);
    roff(table->summary, out);
    fputs("\n.SH SYNOPSIS\n", out);
}

static void man_synopsis(const struct option_table *table, FILE *out)
{
    for (size_t i = 0; table->synopsis[i] != NULL; i++) {
        fprintf(out, "%s.B ", i == 0 ? "" : ".br\n");
        roff(table->program, out);
        fputc('\n', out);
        roff(table->synopsis[i], out);
        fputc('\n', out);
    }
}

static void man_rows(const struct option_table *table, const char *group, FILE *out)
{
    for (size_t i = 0; i < table->row_count; i++) {
        const struct option_row *row = &table->rows[i];
        if (row->kind == OPTION_GROUP)
            fprintf(out, "%s %s\n", group, row->help);
        else if (!row->hidden)
            man_row(row, out);
    }
}

static void man_exits(const struct option_exit *exits, FILE *out)
{
    for (const struct option_exit *e = exits; e != NULL && e->help != NULL; e++) {
        fprintf(out, ".TP\n.B %d\n", e->value);
        roff(e->help, out);
        fputs(".\n", out);
    }
}

/* The first goes before the options. */
static const struct option_section *man_first_section(const struct option_table *table, FILE *out)
{
    const struct option_section *section = table->sections;
    if (section == NULL || section->heading == NULL)
        return section;
    man_heading(section->heading, out);
    man_prose(section->text, out);
    return section + 1;
}

static void man_sections(const struct option_section *section, FILE *out)
{
    for (; section != NULL && section->heading != NULL; section++) {
        man_heading(section->heading, out);
        man_prose(section->text, out);
    }
}

void options_print_man(const struct option_table *table, FILE *out)
{
    man_head(table, out);
    man_synopsis(table, out);
    const struct option_section *rest = man_first_section(table, out);
    man_heading("options", out);
    man_rows(table, ".SS", out);
    if (table->exits != NULL)
        man_heading("exit status", out);
    man_exits(table->exits, out);
    man_sections(rest, out);
}

static void man_command(const struct option_table *command, FILE *out)
{
    fputs(".SS ", out);
    roff(command->program, out);
    fputc('\n', out);
    man_synopsis(command, out);
    fprintf(out, ".PP\n%c", toupper((unsigned char)command->summary[0]));
    roff(command->summary + 1, out);
    fputs(".\n", out);
    man_rows(command, ".PP\n.B", out);
    if (command->exits != NULL)
        fputs(".PP\nExit status:\n", out);
    man_exits(command->exits, out);
}

void options_print_man_of_commands(const struct option_table *table,
    const struct option_table *const *commands, size_t count, FILE *out)
{
    man_head(table, out);
    man_synopsis(table, out);
    const struct option_section *rest = man_first_section(table, out);
    man_heading("commands", out);
    for (size_t i = 0; i < count; i++)
        man_command(commands[i], out);
    man_sections(rest, out);
}
