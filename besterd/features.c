#include "besterd/features.h"

#include "libbester/feature.h"

static const enum feature had[] = {
    FEATURE_LOGIN_ANSWER,
    FEATURE_REASONS,
    FEATURE_OUTCOMES,
    FEATURE_TRUTH,
    FEATURE_MISSING_ID,
    FEATURE_BAD_INPUT,
    FEATURE_ORDER,
    FEATURE_STAMPS,
    FEATURE_BUILTINS,
    FEATURE_STREAM,
    FEATURE_HANDLER_START,
    FEATURE_PEER_ID,
    FEATURE_ORIGIN,
    FEATURE_INFORMER_TRUTH,
    FEATURE_CONFIGURATION,
    FEATURE_RELOAD,
    FEATURE_LOG,
    FEATURE_METRICS,
    FEATURE_EXIT,
    FEATURE_PINNED,
    FEATURE_ADMINISTRATION,
};

void features_print(FILE *out)
{
    for (size_t i = 0; i < sizeof(had) / sizeof(had[0]); i++)
        fprintf(out, "%-14s  %s\n", feature_word(had[i]), feature_meaning(had[i]));
}
