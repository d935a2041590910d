/* What a handler answers: 'o' and bytes, the whole answer of a one-shot handler; 'O', the payload
 * of one frame; 'P', payloads on the connection of a stream handler, a line each, in which a '#'
 * stands for the exchange. Whatever it is, the message that was asked about gets its report, once.
 */
#include "tests/fuzz/targets.h"
#include "tests/fuzz/world.h"

#include <string.h>
#include <unistd.h>

/* data with '#' replaced; the caller's to free. */
static char *with_exchange(const uint8_t *data, size_t size, uint64_t exchange, size_t *out)
{
    char number[32];
    int digits = snprintf(number, sizeof(number), "%llu", (unsigned long long)exchange);
    char *text = malloc(size * (size_t)digits + 1);
    char *at = text;
    MUST(text != NULL);
    for (size_t i = 0; i < size; i++) {
        if (data[i] != '#') {
            *at++ = (char)data[i];
            continue;
        }
        memcpy(at, number, (size_t)digits);
        at += digits;
    }
    *out = (size_t)(at - text);
    return text;
}

static void ask_oneshot(const uint8_t *data, size_t size)
{
    uint64_t exchange;
    int fd = world_ask(WORLD_ONESHOT, &exchange);
    if (data[0] == 'O')
        world_write_lines(fd, data + 1, size - 1);
    else
        world_write(fd, data + 1, size - 1);
    close(fd);
    world_expect_report();
}

static void ask_stream(const uint8_t *data, size_t size)
{
    uint64_t exchange;
    size_t len;
    int fd = world_ask(WORLD_STREAM, &exchange);
    char *text = with_exchange(data + 1, size - 1, exchange, &len);
    char last[100];
    world_write_lines(fd, (const uint8_t *)text, len);
    free(text);
    /* An answer that makes sense, should there have been none yet. */
    int rest = snprintf(last, sizeof(last), "{\"header\":{\"exchange\":\"%llu\",\"status\":\"1\"}}",
        (unsigned long long)exchange);
    world_write_lines(fd, (const uint8_t *)last, (size_t)rest);
    world_expect_report();
    (void)world_check_handler(fd);
}

int fuzz_answer(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 'P')
        ask_stream(data, size);
    else
        ask_oneshot(data, size);
    return 0;
}
