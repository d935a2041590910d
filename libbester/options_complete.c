/* The faces of an option table for shells: completion in bash, zsh and fish. */
#include <ctype.h>
#include <string.h>

#include "libbester/options.h"

/* "besterd" of "besterd user". */
static int program_len(const struct option_table *table)
{
    return (int)strcspn(table->program, " ");
}

static bool is_shown(const struct option_row *row)
{
    return row->kind != OPTION_GROUP && !row->hidden;
}

static void print_words(const char *const *words, FILE *out)
{
    for (size_t i = 0; words[i] != NULL; i++)
        fprintf(out, "%s%s", i == 0 ? "" : " ", words[i]);
}

/* text with a backslash before each of these characters. */
static void print_escaped(const char *text, const char *characters, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (strchr(characters, *text) != NULL)
            fputc('\\', out);
        fputc(*text, out);
    }
}

/* ---- bash --------------------------------------------------------------------------------------
 */

/* What may follow an option that takes an argument. */
static void bash_row(const struct option_row *row, FILE *out)
{
    if (!is_shown(row) || row->argument == NULL || row->implied != NULL)
        return;
    fputs("    ", out);
    if (row->letter != 0)
        fprintf(out, "-%c | ", row->letter);
    fprintf(out, "--%s) ", row->name);
    if (row->words != NULL) {
        fputs("words='", out);
        print_words(row->words, out);
        fputs("' ;;\n", out);
    } else {
        fputs(row->is_file ? "kind=file ;;\n" : "kind=text ;;\n", out);
    }
}

static void print_bash(const struct option_table *table, FILE *out)
{
    int len = program_len(table);
    fprintf(out,
        "# bash completion of %.*s, made by the program itself (--completion bash).\n"
        "_complete_%.*s() {\n"
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} kind='' "
        "words=''\n"
        "    if [ \"$word\" = = ]; then\n"
        "        word=\n"
        "    elif [ \"$before\" = = ] && [ \"$COMP_CWORD\" -gt 1 ]; then\n"
        "        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
        "    fi\n"
        "    COMPREPLY=()\n"
        "    case $before in\n",
        len, table->program, len, table->program);
    for (size_t i = 0; i < table->row_count; i++)
        bash_row(&table->rows[i], out);
    fputs("    esac\n"
          "    case $kind:$words:$word in\n"
          "    text:*) return ;;\n"
          "    file:*) ;;\n"
          "    ::-*) words='",
        out);
    for (size_t i = 0; i < table->row_count; i++)
        if (is_shown(&table->rows[i]))
            fprintf(out, "--%s ", table->rows[i].name);
    fprintf(out,
        "' ;;\n"
        "    esac\n"
        "    if [ -n \"$words\" ]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
        "    else\n"
        "        compopt -o filenames 2>/dev/null\n"
        "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
        "    fi\n"
        "}\n"
        "complete -F _complete_%.*s %.*s\n",
        len, table->program, len, table->program);
}

/* ---- zsh ---------------------------------------------------------------------------------------
 */

/* One spelling of an option; join: how the argument may be joined to it. */
static void zsh_spelling(
    const struct option_row *row, const char *dashes, const char *join, FILE *out)
{
    fputs(" \\\n    '", out);
    if (row->kind != OPTION_CALL && row->letter != 0)
        fprintf(out, "(-%c --%s)", row->letter, row->name);
    else if (row->kind == OPTION_CALL)
        fputc('*', out); /* may be given again */
    if (dashes[1] == '-')
        fprintf(out, "--%s", row->name);
    else
        fprintf(out, "-%c", row->letter);
    fprintf(out, "%s[", row->argument == NULL ? "" : join);
    for (const char *at = row->help; *at != '\0'; at++)
        if (*at == '\'')
            fputs("'\\''", out);
        else
            print_escaped((const char[]){*at, '\0'}, "[]:\\", out);
    fputc(']', out);
    if (row->argument != NULL) {
        fputs(row->implied == NULL ? ":" : "::", out);
        print_escaped(row->argument, ":", out);
        fputc(':', out);
        if (row->words != NULL) {
            fputc('(', out);
            print_words(row->words, out);
            fputc(')', out);
        } else if (row->is_file) {
            fputs("_files", out);
        }
    }
    fputc('\'', out);
}

static void print_zsh(const struct option_table *table, FILE *out)
{
    int len = program_len(table);
    fprintf(out,
        "#compdef %.*s\n"
        "# Made by the program itself (--completion zsh).\n"
        "_arguments -s",
        len, table->program);
    for (size_t i = 0; i < table->row_count; i++) {
        const struct option_row *row = &table->rows[i];
        if (!is_shown(row))
            continue;
        zsh_spelling(row, "--", row->implied == NULL ? "=" : "=-", out);
        if (row->letter != 0)
            zsh_spelling(row, "-", row->implied == NULL ? "+" : "-", out);
    }
    fputs(" \\\n    '*:argument:_files'\n", out);
}

/* ---- fish --------------------------------------------------------------------------------------
 */

static void print_fish(const struct option_table *table, FILE *out)
{
    int len = program_len(table);
    fprintf(out, "# fish completion of %.*s, made by the program itself (--completion fish).\n",
        len, table->program);
    for (size_t i = 0; i < table->row_count; i++) {
        const struct option_row *row = &table->rows[i];
        if (!is_shown(row))
            continue;
        fprintf(out, "complete -c %.*s", len, table->program);
        if (row->letter != 0)
            fprintf(out, " -s %c", row->letter);
        fprintf(out, " -l %s", row->name);
        if (row->argument != NULL && row->implied == NULL)
            fputs(row->is_file ? " -r -F" : " -x", out);
        if (row->words != NULL) {
            fputs(" -a '", out);
            print_words(row->words, out);
            fputc('\'', out);
        }
        fputs(" -d '", out);
        print_escaped(row->help, "'\\", out);
        fputs("'\n", out);
    }
}

bool options_print_completion(const struct option_table *table, const char *shell, FILE *out)
{
    static const struct {
        const char *shell;
        void (*print)(const struct option_table *table, FILE *out);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (strcmp(shell, shells[i].shell) == 0) {
            shells[i].print(table, out);
            return true;
        }
    return false;
}
