/* What a client, another server or a stranger sends. The first byte says who: 'c' a client who has
 * logged in, 's' a stranger (who may be another server), and that bytes follow; 'C' and 'S': lines
 * follow, each the payload of a frame. Whatever it is, others are served. */
#include "tests/fuzz/targets.h"
#include "tests/fuzz/world.h"

#include <ctype.h>

int fuzz_session(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    int fd = world_connect(WORLD_CLIENTS);
    if (tolower(data[0]) == 'c')
        world_log_in(fd, "F");
    if (isupper(data[0]))
        world_write_lines(fd, data + 1, size - 1);
    else
        world_write(fd, data + 1, size - 1);
    world_settle();
    world_close(fd);
    return 0;
}
