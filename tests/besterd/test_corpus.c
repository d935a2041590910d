/* The fixtures as inputs of the fuzzers' targets that need besterd. A target that
 * finds something ends the program. */
#include "tests/besterd/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/corpus.h"

static void session(void **state)
{
    (void)state;
    corpus_feed(fuzz_session, "corpus/session", 30);
}

static void answer(void **state)
{
    (void)state;
    corpus_feed(fuzz_answer, "corpus/answer", 30);
}

static void informer(void **state)
{
    (void)state;
    corpus_feed(fuzz_informer, "corpus/informer", 10);
}

static void link_of_servers(void **state)
{
    (void)state;
    corpus_feed(fuzz_link, "corpus/link", 30);
}

static void config(void **state)
{
    (void)state;
    corpus_feed(fuzz_config, "corpus/config", 15);
    corpus_feed(fuzz_config, "configs/valid", 3);
    corpus_feed(fuzz_config, "configs/invalid", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(session), cmocka_unit_test(answer),
        cmocka_unit_test(informer), cmocka_unit_test(link_of_servers), cmocka_unit_test(config)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
