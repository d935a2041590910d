/* The words of "run": a program and its arguments. */
#include "harness/scenario_load.h"
#include "harness/words.h"

enum { ARGUMENTS_MAX = 30 };

bool load_run(struct loader *self, const json_t *object, const json_t *value, json_t **out)
{
    bool ok = json_is_string(value) || json_is_array(value);

    for (size_t i = 0; ok && i < json_array_size(value); i++)
        ok = json_is_string(json_array_get(value, i));
    *out = json_is_string(value) ? words_split(json_string_value(value))
                                 : json_incref((json_t *)value);
    if (!*out)
        return load_fail_member(self, object, "run", "a quote in \"run\" does not end");
    size_t words = json_array_size(*out);
    if (!ok || words == 0 || words > ARGUMENTS_MAX)
        return load_fail_member(self, object, "run",
            "\"run\" wants a program and its arguments, as a text or a list of texts; %d at most",
            ARGUMENTS_MAX);
    return true;
}
