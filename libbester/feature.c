#include "libbester/feature.h"

#include <string.h>

static const struct {
    const char *word;
    const char *meaning;
} features[FEATURE_COUNT] = {
#define X(name, word, meaning) [name] = {word, meaning},
    FEATURE_TABLE(X)
#undef X
};

const char *feature_word(enum feature feature)
{
    return features[feature].word;
}

const char *feature_meaning(enum feature feature)
{
    return features[feature].meaning;
}

bool feature_find(const char *word, size_t len, enum feature *out)
{
    for (size_t i = 0; i < FEATURE_COUNT; i++)
        if (strlen(features[i].word) == len && memcmp(features[i].word, word, len) == 0) {
            *out = (enum feature)i;
            return true;
        }
    return false;
}
