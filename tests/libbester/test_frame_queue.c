/* frame_queue against the plainest model of it: a list of frames and a count of
 * bytes that have left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "libbester/frame_queue.h"

enum { CAP = 3000, MODEL_MAX = 100000, ROUNDS = 60000 };

struct model {
    size_t len[MODEL_MAX];
    size_t first, end; /* those in the queue */
    size_t written;    /* of the first */
    size_t bytes;      /* still to be written, all of them */
};

static uint32_t state_of_random = 12345;

static unsigned draw(unsigned below)
{
    state_of_random = state_of_random * 1664525u + 1013904223u;
    return (state_of_random >> 8) % below;
}

/* Byte k of frame i. */
static char byte_of(size_t i, size_t k)
{
    return (char)(i * 7 + k * 13 + (k >> 8));
}

static struct blob *make(size_t i, size_t len)
{
    struct blob *blob = blob_new(len);
    assert_non_null(blob);
    for (size_t k = 0; k < len; k++)
        blob->data[k] = byte_of(i, k);
    return blob;
}

/* What gather hands out is what the model says comes next. */
static void check_gather(const struct frame_queue *queue, const struct model *model)
{
    struct iovec iov[7];
    int count = frame_queue_gather(queue, iov, 7);
    size_t i = model->first, k = model->written;
    size_t bytes = 0;
    assert_in_range(count, 0, 7);
    for (int piece = 0; piece < count; piece++) {
        const char *at = iov[piece].iov_base;
        assert_int_not_equal(iov[piece].iov_len, 0);
        for (size_t n = 0; n < iov[piece].iov_len; n++) {
            while (k >= model->len[i]) {
                k -= model->len[i];
                i++;
            }
            assert_int_equal(at[n], byte_of(i, k));
            k++;
        }
        bytes += iov[piece].iov_len;
    }
    if (count < 7)
        assert_int_equal(bytes, model->bytes);
}

static void push(struct frame_queue *queue, struct model *model)
{
    size_t len = draw(12) == 0 ? 0 : draw(draw(4) ? 60 : 900);
    struct blob *blob = make(model->end, len);
    enum status status = frame_queue_push(queue, blob, model->end + 1);
    if (model->bytes + len > CAP) {
        assert_int_equal(status, STATUS_OVERLOADED);
        assert_int_equal(blob->refs, 1);
    } else {
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(blob->refs, 2);
        model->len[model->end++] = len;
        model->bytes += len;
    }
    blob_unref(blob);
}

static void advance(struct frame_queue *queue, struct model *model)
{
    size_t n = draw((unsigned)model->bytes + 1);
    frame_queue_advance(queue, n);
    model->written += n;
    model->bytes -= n;
}

static void pop_written(struct frame_queue *queue, struct model *model)
{
    uint64_t tag;
    while (model->first < model->end && model->written >= model->len[model->first]) {
        assert_true(frame_queue_pop_written(queue, &tag));
        assert_int_equal(tag, model->first + 1);
        model->written -= model->len[model->first++];
    }
    assert_false(frame_queue_pop_written(queue, &tag));
}

static void pop_any(struct frame_queue *queue, struct model *model)
{
    uint64_t tag;
    if (model->first == model->end) {
        assert_false(frame_queue_pop(queue, &tag));
        return;
    }
    size_t len = model->len[model->first];
    size_t gone = model->written < len ? model->written : len;
    assert_true(frame_queue_pop(queue, &tag));
    assert_int_equal(tag, model->first + 1);
    model->written -= gone;
    model->bytes -= len - gone;
    model->first++;
}

static void test_against_a_model(void **state)
{
    static struct model model;
    struct frame_queue queue;
    (void)state;
    frame_queue_init(&queue, CAP);
    for (int round = 0; round < ROUNDS && model.end < MODEL_MAX; round++) {
        /* Long fillings and long drainings, so that the ring grows, wraps and is
         * given back. */
        bool filling = round / 400 % 2 == 0;
        unsigned what = draw(20);
        if (what < (filling ? 14u : 4u))
            push(&queue, &model);
        else if (what < 18)
            advance(&queue, &model);
        else if (what == 18)
            pop_any(&queue, &model);
        if (draw(3) == 0)
            pop_written(&queue, &model);
        assert_int_equal(queue.bytes, model.bytes);
        assert_int_equal(queue.count, model.end - model.first);
        check_gather(&queue, &model);
    }
    assert_true(model.end > 5000); /* it has played */
    while (queue.count > 0)
        pop_any(&queue, &model);
    assert_int_equal(queue.bytes, 0);
    frame_queue_release(&queue);
}

static void test_the_cap_is_exact(void **state)
{
    struct frame_queue queue;
    uint64_t tag;
    struct blob *frame = make(0, 10);
    (void)state;
    frame_queue_init(&queue, 25);
    assert_int_equal(frame_queue_push(&queue, frame, 1), STATUS_OK);
    assert_int_equal(frame_queue_push(&queue, frame, 2), STATUS_OK);
    assert_int_equal(frame_queue_push(&queue, frame, 3), STATUS_OVERLOADED);
    frame_queue_advance(&queue, 5); /* room for exactly one */
    assert_int_equal(frame_queue_push(&queue, frame, 4), STATUS_OK);
    assert_int_equal(queue.bytes, 25);
    while (frame_queue_pop(&queue, &tag))
        continue;
    assert_int_equal(frame->refs, 1);
    frame_queue_release(&queue);
    blob_unref(frame);
}

/* An empty queue that was long gives its memory back; one that was short keeps
 * it, so that traffic does not cost an allocation each time. */
static void test_memory_of_an_empty_queue(void **state)
{
    struct frame_queue queue;
    uint64_t tag;
    struct blob *frame = make(0, 1);
    (void)state;
    frame_queue_init(&queue, 1 << 20);
    assert_null(queue.ring);
    for (int i = 0; i < 5; i++)
        assert_int_equal(frame_queue_push(&queue, frame, 1), STATUS_OK);
    while (frame_queue_pop(&queue, &tag))
        continue;
    assert_non_null(queue.ring);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(frame_queue_push(&queue, frame, 1), STATUS_OK);
    while (frame_queue_pop(&queue, &tag))
        continue;
    assert_null(queue.ring);
    assert_int_equal(frame_queue_push(&queue, frame, 7), STATUS_OK); /* and works on */
    assert_true(frame_queue_pop(&queue, &tag));
    assert_int_equal(tag, 7);
    frame_queue_release(&queue);
    blob_unref(frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_the_cap_is_exact),
        cmocka_unit_test(test_memory_of_an_empty_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
