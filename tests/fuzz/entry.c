/* libFuzzer's way in: `make fuzz` builds it once for each target. */
#include "tests/fuzz/targets.h"

#ifndef FUZZ_TARGET
#define FUZZ_TARGET fuzz_message
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return FUZZ_TARGET(data, size);
}
