#include "libbester/frame.h"

#include "libbester/bytes.h"
#include "tests/libbester/support.h"

enum { MAX_PAYLOAD = 1 << 20 };

static void the_header_is_little_endian(void **state)
{
    (void)state;
    char header[FRAME_HEADER_BYTES];
    frame_put_header(header, 0x04030201);
    assert_memory_equal(header, "\x01\x02\x03\x04", 4);
    frame_put_header(header, 0xFFFFFFFE);
    assert_memory_equal(header, "\xFE\xFF\xFF\xFF", 4);
    struct blob *frame = frame_of(SPAN_LITERAL("{}"));
    assert_non_null(frame);
    assert_true(span_equal(blob_span(frame), SPAN_LITERAL("\x02\0\0\0{}")));
    blob_unref(frame);
}

static void less_than_a_header_needs_more(void **state)
{
    (void)state;
    for (size_t avail = 0; avail < FRAME_HEADER_BYTES; avail++) {
        struct span bytes = exact_copy("\xFF\xFF\xFF\xFF", avail);
        struct span payload = SPAN_LITERAL("unchanged");
        size_t consumed = 77;
        size_t need = 77;
        assert_int_equal(frame_next(bytes.at, avail, 0, &payload, &consumed, &need), PULL_MORE);
        assert_int_equal(need, 0);
        assert_int_equal(consumed, 77);
        assert_span(payload, "unchanged");
        exact_free(bytes);
    }
}

static void part_of_a_payload_says_how_much_is_needed(void **state)
{
    (void)state;
    struct span payload;
    size_t consumed;
    size_t need = 0;
    assert_int_equal(frame_next("\x03\0\0\0ab", 6, 3, &payload, &consumed, &need), PULL_MORE);
    assert_int_equal(need, 7);
    assert_int_equal(frame_next("\x03\0\0\0abcd", 8, 3, &payload, &consumed, &need), PULL_READY);
    assert_int_equal(consumed, 7);
    assert_span(payload, "abc");
}

static void an_empty_payload_is_a_frame(void **state)
{
    (void)state;
    struct span payload = {0};
    size_t consumed = 0;
    size_t need;
    assert_int_equal(frame_next("\0\0\0\0", 4, 0, &payload, &consumed, &need), PULL_READY);
    assert_int_equal(consumed, 4);
    assert_span(payload, "");
}

static void a_length_over_the_cap_is_bad_at_once(void **state)
{
    (void)state;
    struct span payload;
    size_t consumed;
    size_t need = 0;
    assert_int_equal(
        frame_next("\x01\0\x10\0", 4, MAX_PAYLOAD, &payload, &consumed, &need), PULL_BAD);
    assert_int_equal(need, MAX_PAYLOAD + 1);
    assert_int_equal(
        frame_next("\0\0\x10\0", 4, MAX_PAYLOAD, &payload, &consumed, &need), PULL_MORE);
    assert_int_equal(need, MAX_PAYLOAD + 4);
    assert_int_equal(
        frame_next("\xFF\xFF\xFF\xFF", 4, MAX_PAYLOAD, &payload, &consumed, &need), PULL_BAD);
    assert_int_equal(need, UINT32_MAX);
    assert_int_equal(
        frame_next("\xFF\xFF\xFF\xFF", 4, SIZE_MAX, &payload, &consumed, &need), PULL_MORE);
    assert_int_equal(need, (size_t)UINT32_MAX + 4);
}

/* ---- streams of frames ---- */

/* What came out of a stream: each payload with its length before it, and the
 * state in which the stream ended. */
struct record {
    struct bytes payloads;
    size_t frames;
    enum pull last;
    size_t left; /* bytes that wait for more */
};

/* Frames come out of `buffer` until it has none. */
static void drain(struct record *record, struct bytes *buffer)
{
    struct span payload;
    size_t consumed;
    size_t need;
    do {
        struct span live = bytes_span(buffer);
        struct span exact = exact_copy(live.at, live.len);
        record->last = frame_next(exact.at, exact.len, MAX_PAYLOAD, &payload, &consumed, &need);
        if (record->last == PULL_READY) {
            assert_int_equal(bytes_printf(&record->payloads, "%zu:", payload.len), STATUS_OK);
            assert_int_equal(bytes_append_span(&record->payloads, payload), STATUS_OK);
            bytes_consume(buffer, consumed);
            record->frames++;
        }
        exact_free(exact);
    } while (record->last == PULL_READY);
    record->left = buffer->len;
}

/* Feeds the stream in pieces of `step` bytes, the first one of `first`. A step
 * of 0: all the rest. */
static void feed(struct record *record, struct span stream, size_t first, size_t step)
{
    struct bytes buffer;
    bytes_init(&buffer, SIZE_MAX);
    bytes_init(&record->payloads, SIZE_MAX);
    record->frames = 0;
    record->last = PULL_MORE;
    size_t size = first;
    for (size_t at = 0; at < stream.len && record->last != PULL_BAD;) {
        if (size == 0 || size > stream.len - at)
            size = stream.len - at;
        assert_int_equal(bytes_append(&buffer, stream.at + at, size), STATUS_OK);
        drain(record, &buffer);
        at += size;
        size = step;
    }
    bytes_release(&buffer);
}

static void assert_same(struct record *a, struct record *b)
{
    assert_int_equal(a->frames, b->frames);
    assert_int_equal(a->last, b->last);
    if (a->last != PULL_BAD) /* bytes behind a bad length are not fed */
        assert_int_equal(a->left, b->left);
    assert_true(span_equal(bytes_span(&a->payloads), bytes_span(&b->payloads)));
}

/* The same frames come out however the bytes come in: one by one, in threes, or
 * cut once at any point. */
static void trickle(struct span stream, struct record *whole)
{
    struct record other;
    feed(whole, stream, 0, 0);
    for (size_t step = 1; step <= 7; step++) {
        feed(&other, stream, step, step);
        assert_same(whole, &other);
        bytes_release(&other.payloads);
    }
    for (size_t split = 1; split < stream.len; split++) {
        feed(&other, stream, split, 0);
        assert_same(whole, &other);
        bytes_release(&other.payloads);
    }
}

static void streams_of(const char *directory, enum pull last, bool whole_frames)
{
    struct fixtures fixtures;
    struct record record;
    fixtures_load(&fixtures, directory, 4);
    for (size_t i = 0; i < fixtures.count; i++) {
        trickle(fixtures.at[i].text, &record);
        if (record.last != last || (record.left == 0) != whole_frames)
            fail_msg("%s ends with %d and %zu bytes left", fixtures.at[i].name, (int)record.last,
                record.left);
        bytes_release(&record.payloads);
    }
    fixtures_free(&fixtures);
}

static void whole_streams_trickle(void **state)
{
    (void)state;
    streams_of("frames/whole", PULL_MORE, true);
}

static void streams_that_end_early_trickle(void **state)
{
    (void)state;
    streams_of("frames/partial", PULL_MORE, false);
}

static void streams_with_a_bad_length_trickle(void **state)
{
    (void)state;
    streams_of("frames/bad", PULL_BAD, false);
}

static void every_valid_message_trickles(void **state)
{
    (void)state;
    struct fixtures fixtures;
    struct bytes stream;
    struct record record;
    fixtures_load(&fixtures, "messages/valid", 20);
    bytes_init(&stream, SIZE_MAX);
    for (size_t i = 0; i < fixtures.count; i++) {
        struct blob *frame = frame_of(fixtures.at[i].text);
        assert_non_null(frame);
        trickle(blob_span(frame), &record);
        assert_int_equal(record.frames, 1);
        assert_int_equal(record.left, 0);
        bytes_release(&record.payloads);
        assert_int_equal(bytes_append_span(&stream, blob_span(frame)), STATUS_OK);
        blob_unref(frame);
    }
    feed(&record, bytes_span(&stream), 1, 1);
    assert_int_equal(record.frames, fixtures.count);
    assert_int_equal(record.left, 0);
    bytes_release(&record.payloads);
    bytes_release(&stream);
    fixtures_free(&fixtures);
}

/* ---- parts ---- */

static void parts_become_one_frame(void **state)
{
    (void)state;
    struct parts parts;
    parts_init(&parts);
    parts_add_text(&parts, "{\"a\":");
    parts_add(&parts, SPAN_LITERAL("1"));
    parts_add(&parts, (struct span){0});
    parts_add(&parts, SPAN_LITERAL(""));
    parts_add_text(&parts, "}");
    assert_int_equal(parts.bytes, 7);
    assert_frame(parts_frame(&parts), "{\"a\":1}");
    struct blob *bare = parts_blob(&parts);
    assert_non_null(bare);
    assert_span(blob_span(bare), "{\"a\":1}");
    blob_unref(bare);
}

static void no_parts_are_an_empty_frame(void **state)
{
    (void)state;
    struct parts parts;
    parts_init(&parts);
    assert_frame(parts_frame(&parts), "");
    assert_frame(frame_of((struct span){0}), "");
}

static void as_many_parts_as_there_are_places(void **state)
{
    (void)state;
    struct parts parts;
    char expected[PARTS_MAX + 1] = "";
    parts_init(&parts);
    for (int i = 0; i < PARTS_MAX; i++) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
        parts_add(&parts, (struct span){.at = letters + i % 26, .len = 1});
        expected[i] = letters[i % 26];
    }
    assert_frame(parts_frame(&parts), expected);
}

/* The lengths are made up: a refusal must not have touched the bytes. */
static void what_32_bits_cannot_count_is_refused(void **state)
{
    (void)state;
    struct parts parts;
    parts_init(&parts);
    parts_add(&parts, (struct span){.at = "x", .len = UINT32_MAX});
    parts_add_text(&parts, "y");
    assert_null(parts_frame(&parts));
    parts_add(&parts, (struct span){.at = "x", .len = SIZE_MAX});
    assert_int_equal(parts.bytes, SIZE_MAX);
    assert_null(parts_frame(&parts));
    assert_null(parts_blob(&parts));
    assert_null(frame_of((struct span){.at = "x", .len = (size_t)UINT32_MAX + 1}));
}

/* Six bytes tell; a frame of 66,326 bytes has the first four of them. */
static void tls_is_no_frame(void **state)
{
    (void)state;
    static const struct {
        unsigned char at[6];
        bool is_tls;
    } cases[] = {
        {{0x16, 3, 1, 0, 0xf5, 1}, true},   /* a hello, of TLS 1.3 too */
        {{0x16, 3, 3, 0, 0x7a, 2}, true},   /* its answer */
        {{0x15, 3, 1, 0, 2, 2}, true},      /* an alert */
        {{0x16, 3, 1, 0, '{', '"'}, false}, /* frames */
        {{0x16, 3, 1, 0, '{', '\t'}, false},
        {{0x15, 3, 1, 0, ' ', '{'}, false},
        {{0x17, 3, 1, 0, 0, 1}, false},
        {{0x16, 2, 1, 0, 0, 1}, false},
        {{0x16, 3, 5, 0, 0, 1}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *at = (const char *)cases[i].at;
        assert_int_equal(frame_is_tls(at, 6), cases[i].is_tls);
        assert_false(frame_is_tls(at, 5));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_is_little_endian),
        cmocka_unit_test(less_than_a_header_needs_more),
        cmocka_unit_test(part_of_a_payload_says_how_much_is_needed),
        cmocka_unit_test(an_empty_payload_is_a_frame),
        cmocka_unit_test(a_length_over_the_cap_is_bad_at_once),
        cmocka_unit_test(whole_streams_trickle),
        cmocka_unit_test(streams_that_end_early_trickle),
        cmocka_unit_test(streams_with_a_bad_length_trickle),
        cmocka_unit_test(every_valid_message_trickles),
        cmocka_unit_test(parts_become_one_frame),
        cmocka_unit_test(no_parts_are_an_empty_frame),
        cmocka_unit_test(as_many_parts_as_there_are_places),
        cmocka_unit_test(what_32_bits_cannot_count_is_refused),
        cmocka_unit_test(tls_is_no_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
