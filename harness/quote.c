#include "harness/quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

void quote_replace(char **text, const char *what, const char *with)
{
    const char *at = *text;
    const char *found = strstr(at, what);
    char *result = NULL;
    size_t len = 0;

    if (!found)
        return;
    FILE *out = must_stream(&result, &len);
    for (; found; found = strstr(at, what)) {
        fprintf(out, "%.*s%s", (int)(found - at), at, with);
        at = found + strlen(what);
    }
    fputs(at, out);
    fclose(out);
    free(*text);
    *text = result;
}

static void replace_addresses(const struct topology *topology, char **text, int seen_from)
{
    for (size_t i = 0; i < topology->scenario->member_count; i++) {
        const struct member *member = &topology->scenario->members[i];
        char *address = member->kind == MEMBER_SERVER || member->kind == MEMBER_PEER
                            ? topology_expand(topology, member->name, seen_from)
                            : NULL;
        char *name = must_print("${%s}", member->name);

        if (address)
            quote_replace(text, address, name);
        free(address);
        free(name);
    }
    if (topology->dir[0])
        quote_replace(text, topology->dir, "${dir}");
}

json_t *quote_text(const struct topology *topology, const char *text, int seen_from)
{
    char *quoted = must_print("%s%s", text[0] == '<' ? "<" : "", text);

    quote_replace(&quoted, "${", "$${");
    if (topology)
        replace_addresses(topology, &quoted, seen_from);
    json_t *value = must_json(json_string(quoted));
    free(quoted);
    return value;
}
