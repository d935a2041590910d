#include "bester-cli/backoff.h"

double backoff_next(struct backoff *self, double chance)
{
    double first_s = self->first_s > 0 ? self->first_s : BACKOFF_MIN_S;
    double max_s = 2 * first_s > BACKOFF_MAX_S ? 2 * first_s : BACKOFF_MAX_S;
    double span_s = 2 * (self->span_s > 0 ? self->span_s : first_s);
    self->span_s = span_s < max_s ? span_s : max_s;
    return self->span_s * (0.5 + chance / 2);
}

void backoff_was_up(struct backoff *self, double up_s)
{
    if (up_s >= self->span_s)
        self->span_s = 0;
}
