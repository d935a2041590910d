#include "besterd/account_redis_guard.h"

/* hiredis makes an object for each part of an answer through a table of
 * functions. These look first, and make it through hiredis's own. One that makes
 * nothing ends the connection. */

static struct redis_guard *guard_of(const redisReadTask *task)
{
    return task->privdata;
}

/* The outermost object of an answer that nobody waits for. Without a question
 * Redis says nothing but why it hangs up, and hiredis can take that. */
static bool is_surplus(const redisReadTask *task)
{
    struct redis_guard *self = guard_of(task);
    if (!self->counts || task->parent != NULL || self->awaited > 0 ||
        task->type == REDIS_REPLY_ERROR)
        return false;
    self->why = "answers what nobody asked";
    return true;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
    return is_surplus(task) ? NULL : guard_of(task)->plain->createString(task, text, len);
}

static void *create_array(const redisReadTask *task, int count)
{
    struct redis_guard *self = guard_of(task);
    if (is_surplus(task))
        return NULL;
    if (count > 0 && (size_t)count > self->max_elements) {
        self->why = "answers with a list that is too long";
        return NULL;
    }
    return self->plain->createArray(task, count);
}

static void *create_integer(const redisReadTask *task, long long number)
{
    return is_surplus(task) ? NULL : guard_of(task)->plain->createInteger(task, number);
}

static void *create_nil(const redisReadTask *task)
{
    return is_surplus(task) ? NULL : guard_of(task)->plain->createNil(task);
}

static redisReplyObjectFunctions guarded = {.createString = create_string,
    .createArray = create_array,
    .createInteger = create_integer,
    .createNil = create_nil,
    .freeObject = freeReplyObject};

void redis_guard_begin(
    struct redis_guard *self, redisReader *reader, size_t max_elements, bool counts)
{
    *self =
        (struct redis_guard){.max_elements = max_elements, .counts = counts, .plain = reader->fn};
    reader->fn = &guarded;
    reader->privdata = self;
}
