/* roster: sessions by number and by user, and nothing freed too early. */
#include "tests/besterd/support.h"

#include "besterd/log.h"
#include "besterd/roster.h"

enum { SESSIONS = 300 };

struct world {
    struct ev_loop *loop;
    struct streams *streams;
    struct config *config;
    struct session_context context;
    struct roster roster;
    int far[SESSIONS];
    size_t count;
};

static void nothing(struct session *session, void *user)
{
    (void)session, (void)user;
}

static const struct session_callbacks callbacks = {.on_leave = nothing, .on_gone = nothing};

static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    log_set_level(LOG_LEVEL_ERROR);
    self->loop = ev_default_loop(0);
    self->streams = streams_new(self->loop);
    self->config = config_of("{\"network\":{\"types\":[\"unix\"],\"unix\":{\"address\":"
                             "\"/nowhere\"}},\"database\":{\"type\":\"open\"}}");
    self->context = (struct session_context){
        .config = self->config, .streams = self->streams, .callbacks = &callbacks};
    roster_init(&self->roster);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    roster_release(&self->roster);
    streams_free(self->streams);
    for (size_t i = 0; i < self->count; i++)
        close(self->far[i]);
    config_unref(self->config);
    free(self);
    return 0;
}

static struct session *enter(struct world *self, const char *user)
{
    int ends[2];
    unix_pair(ends);
    struct session *session = session_new(ends[0], NULL, NULL, &self->context);
    assert_non_null(session);
    self->far[self->count++] = ends[1];
    assert_int_equal(roster_enter(&self->roster, session), STATUS_OK);
    assert_int_not_equal(session->number, 0);
    if (user) {
        session->user = strdup(user);
        assert_int_equal(roster_log_in(&self->roster, session), STATUS_OK);
    }
    return session;
}

static size_t count_sessions(const struct world *self, const char *user)
{
    size_t count = 0;
    for (struct session *at = roster_sessions(&self->roster, user); at; at = at->next_of_user) {
        assert_string_equal(at->user, user);
        count++;
    }
    return count;
}

static void test_by_number(void **state)
{
    struct world *self = *state;
    struct session *a = enter(self, NULL);
    struct session *b = enter(self, "B");
    uint64_t gone = a->number;
    assert_ptr_equal(roster_find(&self->roster, a->number), a);
    assert_ptr_equal(roster_find(&self->roster, b->number), b);
    session_drop(a);
    roster_remove(&self->roster, a);
    assert_null(roster_find(&self->roster, gone));
    assert_int_equal(a->in_flight, 0); /* still there until the sweep */
    roster_sweep(&self->roster);
    struct session *c = enter(self, NULL);
    assert_int_not_equal(c->number, gone);
    assert_null(roster_find(&self->roster, gone));
}

static void test_several_of_one_user(void **state)
{
    struct world *self = *state;
    struct session *sessions[4];
    for (int i = 0; i < 4; i++)
        sessions[i] = enter(self, i == 2 ? "G" : "T");
    assert_int_equal(self->roster.clients, 4);
    assert_int_equal(count_sessions(self, "T"), 3);
    assert_int_equal(count_sessions(self, "G"), 1);
    assert_int_equal(count_sessions(self, "t"), 0);
    /* The middle, the end, the beginning of the list. */
    static const int order[] = {1, 0, 3};
    for (size_t i = 0; i < 3; i++) {
        roster_leave(&self->roster, sessions[order[i]]);
        roster_leave(&self->roster, sessions[order[i]]); /* again changes nothing */
        assert_int_equal(count_sessions(self, "T"), 2 - i);
        assert_int_equal(self->roster.clients, 3 - i);
        assert_ptr_equal(
            roster_find(&self->roster, sessions[order[i]]->number), sessions[order[i]]);
    }
    assert_null(roster_sessions(&self->roster, "T"));
    assert_int_equal(count_sessions(self, "G"), 1);
}

/* One whose login failed has a name too, the name of somebody who is here. */
static void test_leaving_without_having_logged_in(void **state)
{
    struct world *self = *state;
    enter(self, "T");
    struct session *other = enter(self, NULL);
    other->user = strdup("T");
    roster_leave(&self->roster, other);
    assert_int_equal(count_sessions(self, "T"), 1);
    assert_int_equal(self->roster.clients, 1);
}

static void count_user(const char *user, void *argument)
{
    size_t *sum = argument;
    *sum += strtoul(user + 1, NULL, 10);
}

static void test_many(void **state)
{
    struct world *self = *state;
    size_t sum = 0, met = 0;
    uint32_t cursor = 0;
    struct session *session;
    for (unsigned i = 0; i < SESSIONS; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%u", i % 100);
        enter(self, name);
    }
    roster_each_user(&self->roster, count_user, &sum);
    assert_int_equal(sum, 99 * 100 / 2); /* each user once */
    while ((session = roster_next(&self->roster, &cursor)) != NULL) {
        met++;
        if (met % 2) {
            session_drop(session);
            roster_remove(&self->roster, session);
        }
    }
    assert_int_equal(met, SESSIONS);
    assert_int_equal(self->roster.clients, SESSIONS / 2);
    roster_sweep(&self->roster);
    assert_int_equal(self->roster.numbers.count, SESSIONS / 2);
    /* The others go with the roster. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_by_number),
        TEST(test_several_of_one_user),
        TEST(test_leaving_without_having_logged_in),
        TEST(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
