#include "libbester/clock.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* The years 0000 and 9999: four digits are all that RFC 3339 has. */
static const double EARLIEST_S = -62167219200.0;
static const double LATEST_S = 253402300799.999;

/* To the nearest: 0.123 is a little less than that as a double. */
static int64_t to_ms(double s)
{
    double shifted = s * 1000.0 + 0.5;
    int64_t whole = (int64_t)shifted;
    return (double)whole > shifted ? whole - 1 : whole;
}

const char *clock_format(double unix_s, char out[CLOCK_TEXT_MAX])
{
    if (!(unix_s > EARLIEST_S)) /* also what is not a number */
        unix_s = EARLIEST_S;
    if (unix_s > LATEST_S)
        unix_s = LATEST_S;
    int64_t ms = to_ms(unix_s);
    int64_t rest_ms = ((ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((ms - rest_ms) / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    snprintf(out, CLOCK_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
        (unsigned)(utc.tm_year + 1900) % 10000, (unsigned)(utc.tm_mon + 1) % 100,
        (unsigned)utc.tm_mday % 100, (unsigned)utc.tm_hour % 100, (unsigned)utc.tm_min % 100,
        (unsigned)utc.tm_sec % 100, (unsigned)rest_ms % 1000);
    return out;
}
