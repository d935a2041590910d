/* Plays, right ones and wrong ones, as inputs of the fuzzer's target. */
#include "tests/fuzz/targets.h"
#include "tests/support/corpus.h"

static void play(void **state)
{
    (void)state;
    corpus_feed(fuzz_play, "corpus/play", 10);
    corpus_feed(fuzz_play, "scenarios", 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(play)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
