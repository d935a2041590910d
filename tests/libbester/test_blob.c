#include "tests/libbester/support.h"

static void a_blob_holds_what_its_maker_wrote(void **state)
{
    (void)state;
    struct blob *blob = blob_new(5);
    assert_non_null(blob);
    memcpy(blob->data, "12345", 5);
    assert_int_equal(blob->refs, 1);
    assert_span(blob_span(blob), "12345");
    blob_unref(blob);
}

/* The sanitizers and valgrind see a reference too many or too few. */
static void the_last_reference_frees(void **state)
{
    (void)state;
    struct blob *blob = blob_new(1);
    assert_non_null(blob);
    blob->data[0] = 'x';
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(blob_ref(blob), blob);
    assert_int_equal(blob->refs, 1001);
    for (int i = 0; i < 1000; i++)
        blob_unref(blob);
    assert_span(blob_span(blob), "x");
    blob_unref(blob);
    blob_unref(NULL);
}

static void an_empty_blob_is_a_blob(void **state)
{
    (void)state;
    struct blob *blob = blob_new(0);
    assert_non_null(blob);
    assert_int_equal(blob_span(blob).len, 0);
    assert_non_null(blob_span(blob).at);
    blob_unref(blob);
}

static void a_size_that_would_wrap_is_out_of_memory(void **state)
{
    (void)state;
    assert_null(blob_new(SIZE_MAX));
    assert_null(blob_new(SIZE_MAX - sizeof(struct blob) + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blob_holds_what_its_maker_wrote),
        cmocka_unit_test(the_last_reference_frees),
        cmocka_unit_test(an_empty_blob_is_a_blob),
        cmocka_unit_test(a_size_that_would_wrap_is_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
