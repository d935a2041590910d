/* What ${names} stand for in a running cast, and the words of its programs. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/must.h"
#include "harness/text.h"
#include "harness/topology.h"

/* Where guests are expected, that is where they find it. */
static const char *address_from_outside(const struct topology *self, int server)
{
    for (int transport = 0; transport < TRANSPORT_COUNT; transport++) {
        const struct place *home = topology_home(self, server, (enum transport)transport);
        int guest = scenario_find_guest(self->scenario, server, (enum transport)transport);

        if (guest >= 0)
            return topology_front(self, guest, server)->text;
        if (home->text[0])
            return home->text;
    }
    return NULL;
}

char *topology_expand(const struct topology *self, const char *name, int seen_from)
{
    int member = scenario_find(self->scenario, name, -1);
    const char *text = NULL;

    if (strcmp(name, "dir") == 0)
        text = self->dir;
    else if (strcmp(name, "handlers") == 0)
        text = self->programs->handlers;
    else if (member >= 0 && seen_from >= 0 && seen_from != member &&
             topology_front(self, seen_from, member)->text[0])
        text = topology_front(self, seen_from, member)->text;
    else if (member >= 0 && self->scenario->members[member].kind == MEMBER_SERVER)
        text = address_from_outside(self, member);
    return text ? must_copy(text) : NULL;
}

struct expander {
    const struct topology *topology;
    int seen_from;
};

static char *expand(const char *name, void *user)
{
    const struct expander *self = user;

    return topology_expand(self->topology, name, self->seen_from);
}

char **topology_run_words(const struct topology *self, int index, struct fault *fault)
{
    const struct member *member = &self->scenario->members[index];
    const json_t *run = member_run(member);
    size_t count = json_array_size(run);
    char **words = must_alloc((count + 2) * sizeof(*words));
    struct expander expander = {
        .topology = self, .seen_from = member->kind == MEMBER_CLIENT ? index : member->on};
    struct scope scope = {.expand = expand, .user = &expander};

    for (size_t i = 0; i < count; i++) {
        const char *word = json_string_value(json_array_get(run, i));

        words[i] = text_expand(span_of(word), &scope, NULL, fault);
        if (!words[i]) {
            words_free(words);
            return NULL;
        }
    }
    /* The servers run elsewhere: what is relative is so to where we are. */
    char here[4096];
    if (words[0][0] != '/' && strchr(words[0], '/') && getcwd(here, sizeof(here))) {
        char *whole = must_print("%s/%s", here, words[0]);
        free(words[0]);
        words[0] = whole;
    }
    return words;
}

void words_free(char **words)
{
    for (size_t i = 0; words && words[i]; i++)
        free(words[i]);
    free(words);
}
