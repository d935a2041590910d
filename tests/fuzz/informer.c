/* What a handler asks the informer: 'i' and bytes, or 'I' and lines, each the payload of a frame.
 */
#include "tests/fuzz/targets.h"
#include "tests/fuzz/world.h"

int fuzz_informer(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    int fd = world_connect(WORLD_INFORMER);
    if (data[0] == 'I')
        world_write_lines(fd, data + 1, size - 1);
    else
        world_write(fd, data + 1, size - 1);
    world_settle();
    world_close(fd);
    return 0;
}
