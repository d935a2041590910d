#include "libbester/bytes.h"

#include "tests/libbester/support.h"

static void an_idle_buffer_owns_nothing(void **state)
{
    (void)state;
    struct bytes bytes;
    bytes_init(&bytes, 100);
    assert_null(bytes.store);
    assert_int_equal(bytes_span(&bytes).len, 0);
    assert_non_null(bytes_span(&bytes).at);
    assert_string_equal(bytes_text(&bytes), "");
    assert_int_equal(bytes_append(&bytes, "x", 0), STATUS_OK);
    assert_int_equal(bytes_append_span(&bytes, (struct span){0}), STATUS_OK);
    assert_null(bytes.store);
    bytes_release(&bytes);
}

static void the_cap_holds_to_the_byte(void **state)
{
    (void)state;
    struct bytes bytes;
    for (size_t max = 0; max < 300; max++) {
        bytes_init(&bytes, max);
        for (size_t i = 0; i < max; i++)
            assert_int_equal(bytes_append(&bytes, "a", 1), STATUS_OK);
        assert_int_equal(bytes_append(&bytes, "b", 1), STATUS_TOO_LARGE);
        assert_int_equal(bytes_append_text(&bytes, "b"), STATUS_TOO_LARGE);
        assert_int_equal(bytes_append_span(&bytes, SPAN_LITERAL("b")), STATUS_TOO_LARGE);
        assert_int_equal(bytes_printf(&bytes, "%c", 'b'), STATUS_TOO_LARGE);
        char *room;
        assert_int_equal(bytes_reserve(&bytes, 1, &room), STATUS_TOO_LARGE);
        assert_int_equal(bytes.len, max);
        assert_int_equal(strlen(bytes_text(&bytes)), max);
        assert_int_equal(strspn(bytes_text(&bytes), "a"), max);
        bytes_release(&bytes);
    }
}

static void what_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    struct bytes bytes;
    bytes_init(&bytes, 8);
    assert_int_equal(bytes_append_text(&bytes, "12345"), STATUS_OK);
    struct bytes before = bytes;
    assert_int_equal(bytes_append_text(&bytes, "6789"), STATUS_TOO_LARGE);
    assert_int_equal(bytes_append(&bytes, "x", SIZE_MAX), STATUS_TOO_LARGE);
    assert_int_equal(bytes_printf(&bytes, "%04d", 7), STATUS_TOO_LARGE);
    assert_memory_equal(&before, &bytes, sizeof bytes);
    assert_span(bytes_span(&bytes), "12345");
    assert_int_equal(bytes_append_text(&bytes, "678"), STATUS_OK);
    assert_span(bytes_span(&bytes), "12345678");
    bytes_release(&bytes);
}

static void printf_formats_and_grows(void **state)
{
    (void)state;
    struct bytes bytes;
    bytes_init(&bytes, SIZE_MAX);
    assert_int_equal(bytes_printf(&bytes, "%s-%d", "a", 5), STATUS_OK);
    assert_int_equal(bytes_printf(&bytes, "%s", ""), STATUS_OK);
    assert_int_equal(bytes_printf(&bytes, "%200s|", "right"), STATUS_OK);
    assert_int_equal(bytes.len, 3 + 201);
    assert_memory_equal(bytes_span(&bytes).at, "a-5   ", 6);
    assert_string_equal(bytes_text(&bytes) + 3 + 195, "right|");
    bytes_release(&bytes);
    bytes_init(&bytes, 3);
    assert_int_equal(bytes_printf(&bytes, "%d", 1234), STATUS_TOO_LARGE);
    assert_int_equal(bytes_printf(&bytes, "%d", 123), STATUS_OK);
    assert_span(bytes_span(&bytes), "123");
    bytes_release(&bytes);
}

static void reserve_and_commit(void **state)
{
    (void)state;
    struct bytes bytes;
    char *room = NULL;
    bytes_init(&bytes, 1000);
    assert_int_equal(bytes_append_text(&bytes, "head "), STATUS_OK);
    assert_int_equal(bytes_reserve(&bytes, 900, &room), STATUS_OK);
    memset(room, 'r', 900); /* all of it is ours */
    bytes_commit(&bytes, 3);
    assert_span(bytes_span(&bytes), "head rrr");
    bytes_commit(&bytes, 0);
    assert_int_equal(bytes_reserve(&bytes, 993, &room), STATUS_TOO_LARGE);
    bytes_release(&bytes);
}

static void reset_keeps_storage_and_release_keeps_the_cap(void **state)
{
    (void)state;
    struct bytes bytes;
    bytes_init(&bytes, 5);
    assert_int_equal(bytes_append_text(&bytes, "12345"), STATUS_OK);
    const char *store = bytes.store;
    bytes_reset(&bytes);
    assert_int_equal(bytes.len, 0);
    assert_ptr_equal(bytes.store, store);
    bytes_release(&bytes);
    assert_null(bytes.store);
    assert_int_equal(bytes_append_text(&bytes, "123456"), STATUS_TOO_LARGE);
    assert_int_equal(bytes_append_text(&bytes, "54321"), STATUS_OK);
    assert_span(bytes_span(&bytes), "54321");
    bytes_release(&bytes);
}

static void consume_takes_from_the_front(void **state)
{
    (void)state;
    struct bytes bytes;
    bytes_init(&bytes, 8);
    assert_int_equal(bytes_append_text(&bytes, "12345678"), STATUS_OK);
    bytes_consume(&bytes, 0);
    bytes_consume(&bytes, 3);
    assert_span(bytes_span(&bytes), "45678");
    assert_string_equal(bytes_text(&bytes), "45678");
    assert_int_equal(bytes_append_text(&bytes, "abcd"), STATUS_TOO_LARGE);
    assert_int_equal(bytes_append_text(&bytes, "abc"), STATUS_OK);
    assert_span(bytes_span(&bytes), "45678abc");
    bytes_consume(&bytes, 8);
    assert_int_equal(bytes_span(&bytes).len, 0);
    assert_int_equal(bytes.start, 0);
    bytes_release(&bytes);
}

/* A buffer, and the plain array that it must agree with. */
struct pair {
    struct bytes bytes;
    char model[1024];
    size_t len;
    char next;
};

static void append_to_both(struct pair *self, size_t size)
{
    char piece[80];
    for (size_t i = 0; i < size; i++)
        piece[i] = self->next++;
    bool fits = self->len + size <= self->bytes.max;
    assert_int_equal(bytes_append(&self->bytes, piece, size), fits ? STATUS_OK : STATUS_TOO_LARGE);
    if (fits) {
        memcpy(self->model + self->len, piece, size);
        self->len += size;
    }
}

static void consume_from_both(struct pair *self, size_t size)
{
    size = size > self->len ? self->len : size;
    bytes_consume(&self->bytes, size);
    memmove(self->model, self->model + size, self->len - size);
    self->len -= size;
}

/* Any order of calls gives what a plain array would hold, and the store stays
 * within twice the cap and the zero byte of bytes_text. */
static void a_random_life_agrees_with_a_plain_array(void **state)
{
    (void)state;
    struct dice dice = {.state = dice_seed(20240229)};
    for (int life = 0; life < 200; life++) {
        struct pair pair = {.len = 0};
        size_t max = 1 + dice_below(&dice, 600);
        bytes_init(&pair.bytes, max);
        for (int turn = 0; turn < 300; turn++) {
            size_t size = dice_below(&dice, 80);
            if (dice_below(&dice, 2) == 0)
                append_to_both(&pair, size);
            else
                consume_from_both(&pair, size);
            if (dice_below(&dice, 10) == 0)
                assert_int_equal(bytes_text(&pair.bytes)[pair.len], '\0');
            assert_int_equal(pair.bytes.len, pair.len);
            assert_memory_equal(bytes_span(&pair.bytes).at, pair.model, pair.len);
            assert_true(pair.bytes.allocated <= 64 || pair.bytes.allocated <= 2 * max + 1);
        }
        bytes_release(&pair.bytes);
    }
}

/* A full buffer that is fed a byte and eaten a byte must not move all its bytes
 * for each: counted, not timed. */
static void a_full_buffer_moves_its_bytes_seldom(void **state)
{
    (void)state;
    enum { MAX = 4096, TURNS = 20 * MAX };
    struct bytes bytes;
    bytes_init(&bytes, MAX);
    for (int i = 0; i < MAX; i++)
        assert_int_equal(bytes_append(&bytes, "x", 1), STATUS_OK);
    size_t moves = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        bytes_consume(&bytes, 1);
        size_t start = bytes.start;
        assert_int_equal(bytes_append(&bytes, "x", 1), STATUS_OK);
        moves += bytes.start < start;
    }
    assert_in_range(moves, 1, TURNS / MAX + 2);
    bytes_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_buffer_owns_nothing),
        cmocka_unit_test(the_cap_holds_to_the_byte),
        cmocka_unit_test(what_does_not_fit_changes_nothing),
        cmocka_unit_test(printf_formats_and_grows),
        cmocka_unit_test(reserve_and_commit),
        cmocka_unit_test(reset_keeps_storage_and_release_keeps_the_cap),
        cmocka_unit_test(consume_takes_from_the_front),
        cmocka_unit_test(a_random_life_agrees_with_a_plain_array),
        cmocka_unit_test(a_full_buffer_moves_its_bytes_seldom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
