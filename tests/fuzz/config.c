/* A configuration: refused with mistakes that name what and where, or taken. */
#include "besterd/config.h"
#include "besterd/mistakes.h"
#include "tests/fuzz/targets.h"

int fuzz_config(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    struct mistakes mistakes;
    mistakes_init(&mistakes);
    enum status status =
        config_parse(&config, (struct span){.at = (const char *)data, .len = size}, &mistakes);
    MUST((status == STATUS_OK) == (config != NULL));
    MUST((status == STATUS_OK) == (mistakes.count == 0));
    for (size_t i = 0; i < mistakes.kept; i++)
        MUST(mistakes.at[i].where != NULL && mistakes.at[i].sentence[0] != '\0');
    mistakes_release(&mistakes);
    config_unref(config);
    return 0;
}
