/* worker: jobs run elsewhere, end here, each exactly once. */
#include "tests/support/wire.h"

#include <pthread.h>
#include <signal.h>

#include "libbester/worker.h"

enum { JOBS = 200 };

struct job {
    struct worker_job job;
    pthread_t ran_on;
    pthread_t done_on;
    sigset_t mask; /* of the thread */
    unsigned runs, dones;
    bool cancelled;
    int gate;                  /* reads one byte from here before it ends; -1: no gate */
    int bell;                  /* writes one byte here when it begins; -1: none */
    struct worker *again_with; /* submits `again` from its done() */
    struct job *again;
    enum status again_status;
    unsigned *order; /* counts dones of all */
    unsigned place;
};

static void run(struct worker_job *job)
{
    struct job *self = (struct job *)job;
    char byte;
    self->ran_on = pthread_self();
    pthread_sigmask(SIG_BLOCK, NULL, &self->mask);
    self->runs++;
    if (self->bell >= 0)
        (void)!write(self->bell, "x", 1);
    if (self->gate >= 0)
        assert_int_equal(read(self->gate, &byte, 1), 1);
}

static void done(struct worker_job *job, bool cancelled)
{
    struct job *self = (struct job *)job;
    self->done_on = pthread_self();
    self->dones++;
    self->cancelled = cancelled;
    if (self->order)
        self->place = ++*self->order;
    if (self->again)
        self->again_status = worker_submit(self->again_with, &self->again->job);
}

static void job_init(struct job *self)
{
    *self = (struct job){.job = {.run = run, .done = done}, .gate = -1, .bell = -1};
}

static int set_up(void **state)
{
    *state = ev_loop_new(0);
    return 0;
}

static int tear_down(void **state)
{
    ev_loop_destroy(*state);
    return 0;
}

static void test_runs_there_and_ends_here(void **state)
{
    static struct job jobs[JOBS];
    struct ev_loop *loop = *state;
    struct worker *worker = worker_new(loop, 3, JOBS);
    unsigned total = 0;
    for (size_t i = 0; i < JOBS; i++) {
        job_init(&jobs[i]);
        jobs[i].order = &total;
        assert_int_equal(worker_submit(worker, &jobs[i].job), STATUS_OK);
        assert_int_equal(jobs[i].dones, 0); /* never from within the call */
    }
    RUN_UNTIL(loop, total == JOBS);
    for (size_t i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].runs, 1);
        assert_int_equal(jobs[i].dones, 1);
        assert_false(jobs[i].cancelled);
        assert_false(pthread_equal(jobs[i].ran_on, pthread_self()));
        assert_true(pthread_equal(jobs[i].done_on, pthread_self()));
        assert_true(sigismember(&jobs[i].mask, SIGTERM)); /* signals are the loop's */
        assert_true(sigismember(&jobs[i].mask, SIGCHLD));
    }
    worker_free(worker);
}

/* One that hangs does not hold up those behind it, while there are threads. */
static void test_done_in_the_order_of_finishing(void **state)
{
    struct ev_loop *loop = *state;
    struct worker *worker = worker_new(loop, 2, 10);
    struct job slow, quick[3];
    unsigned total = 0;
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    job_init(&slow);
    slow.gate = gate[0];
    slow.order = &total;
    assert_int_equal(worker_submit(worker, &slow.job), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        job_init(&quick[i]);
        quick[i].order = &total;
        assert_int_equal(worker_submit(worker, &quick[i].job), STATUS_OK);
    }
    RUN_UNTIL(loop, total == 3);
    assert_int_equal(slow.dones, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(quick[i].place, i + 1);
    assert_int_equal(write(gate[1], "x", 1), 1);
    RUN_UNTIL(loop, slow.dones == 1);
    assert_int_equal(slow.place, 4);
    worker_free(worker);
    close(gate[0]);
    close(gate[1]);
}

static void test_a_full_queue_refuses(void **state)
{
    struct ev_loop *loop = *state;
    struct worker *worker = worker_new(loop, 1, 2);
    struct job jobs[6];
    unsigned total = 0, taken = 0;
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < 6; i++) {
        job_init(&jobs[i]);
        jobs[i].gate = gate[0];
        jobs[i].order = &total;
        enum status status = worker_submit(worker, &jobs[i].job);
        if (status == STATUS_OK)
            taken++;
        else
            assert_int_equal(status, STATUS_OVERLOADED);
    }
    assert_in_range(taken, 2, 3); /* two wait, and one may have begun */
    assert_int_equal(write(gate[1], "xxxxxx", 6), 6);
    RUN_UNTIL(loop, total == taken);
    /* Room again. */
    jobs[5].dones = 0;
    assert_int_equal(worker_submit(worker, &jobs[5].job), STATUS_OK);
    RUN_UNTIL(loop, jobs[5].dones == 1);
    worker_free(worker);
    close(gate[0]);
    close(gate[1]);
}

static void test_what_waits_is_cancelled(void **state)
{
    struct ev_loop *loop = *state;
    struct worker *worker = worker_new(loop, 1, 10);
    struct job jobs[4];
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < 4; i++) {
        job_init(&jobs[i]);
        jobs[i].gate = gate[0];
        assert_int_equal(worker_submit(worker, &jobs[i].job), STATUS_OK);
    }
    assert_int_equal(write(gate[1], "xxxx", 4), 4);
    worker_free(worker);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(jobs[i].dones, 1);
        assert_int_equal(jobs[i].cancelled, jobs[i].runs == 0);
    }
    close(gate[0]);
    close(gate[1]);
}

/* The done() of a job whose pool goes away wants to go on: it is told no. */
static void test_no_job_is_taken_while_going_away(void **state)
{
    struct ev_loop *loop = *state;
    struct worker *worker = worker_new(loop, 2, 10);
    struct job first[3], second[3];
    int gate[2];
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < 3; i++) {
        job_init(&first[i]);
        job_init(&second[i]);
        first[i].gate = gate[0];
        first[i].again_with = worker;
        first[i].again = &second[i];
        assert_int_equal(worker_submit(worker, &first[i].job), STATUS_OK);
    }
    assert_int_equal(write(gate[1], "xxx", 3), 3);
    worker_free(worker);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(first[i].dones, 1);
        assert_int_equal(first[i].again_status, STATUS_SHUTTING_DOWN);
        assert_int_equal(second[i].runs, 0);
        assert_int_equal(second[i].dones, 0);
    }
    close(gate[0]);
    close(gate[1]);
}

/* A job that hangs is left behind after a while, and ends by itself later. The
 * loop may be gone by then. */
static void test_one_that_hangs_is_left_behind(void **state)
{
    static struct job job; /* must outlive its thread */
    struct ev_loop *loop = *state;
    struct worker *worker = worker_new(loop, 1, 10);
    int gate[2], bell[2];
    char byte;
    assert_int_equal(pipe(gate), 0);
    assert_int_equal(pipe(bell), 0);
    job_init(&job);
    job.gate = gate[0];
    job.bell = bell[1];
    assert_int_equal(worker_submit(worker, &job.job), STATUS_OK);
    assert_int_equal(read(bell[0], &byte, 1), 1);
    worker_free(worker);
    assert_int_equal(job.dones, 0);
    close(bell[0]);
    close(bell[1]);
    assert_int_equal(write(gate[1], "x", 1), 1);
    close(gate[1]);
    close(gate[0]);
}

/* Work under way keeps the loop alive, an idle pool does not. */
static void test_an_idle_pool_lets_the_loop_end(void **state)
{
    struct ev_loop *loop = *state;
    struct worker *worker = worker_new(loop, 1, 10);
    struct job job;
    assert_false(ev_run(loop, 0));
    job_init(&job);
    assert_int_equal(worker_submit(worker, &job.job), STATUS_OK);
    assert_false(ev_run(loop, 0));
    assert_int_equal(job.dones, 1);
    worker_free(worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_runs_there_and_ends_here),
        TEST(test_done_in_the_order_of_finishing),
        TEST(test_a_full_queue_refuses),
        TEST(test_what_waits_is_cancelled),
        TEST(test_no_job_is_taken_while_going_away),
        TEST(test_one_that_hangs_is_left_behind),
        TEST(test_an_idle_pool_lets_the_loop_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
