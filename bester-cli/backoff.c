#include "bester-cli/backoff.h"

double backoff_next(struct backoff *self, double chance)
{
    double span_s = 2 * (self->span_s > 0 ? self->span_s : BACKOFF_MIN_S);
    self->span_s = span_s < BACKOFF_MAX_S ? span_s : BACKOFF_MAX_S;
    return self->span_s * (0.5 + chance / 2);
}

void backoff_was_up(struct backoff *self, double up_s)
{
    if (up_s >= self->span_s)
        self->span_s = 0;
}
