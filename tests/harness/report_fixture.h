/*
 * report_fixture: a performance made by hand, of the worked example: T, G, J and S.
 */
#ifndef TESTS_HARNESS_REPORT_FIXTURE_H
#define TESTS_HARNESS_REPORT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "harness/diagram.h"
#include "harness/report.h"

struct fixture {
    struct ev_loop *loop;
    struct scenario scenario;
    int T, J, S, G;
};

static inline int fixture_setup(void **state)
{
    static struct fixture self;
    const struct scenario_options options = {.deadline_s = 1};
    struct mistake mistake;

    if (scenario_load(&self.scenario, "fixtures/scenarios/worked_example.json", &options,
            &mistake) != STATUS_OK)
        return 1;
    self.loop = ev_loop_new(0);
    self.T = scenario_find(&self.scenario, "T", -1);
    self.J = scenario_find(&self.scenario, "J", -1);
    self.S = scenario_find(&self.scenario, "S", -1);
    self.G = scenario_find(&self.scenario, "G", -1);
    *state = &self;
    return self.T < 0 || self.J < 0 || self.S < 0 || self.G < 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *self = *state;

    scenario_release(&self->scenario);
    ev_loop_destroy(self->loop);
    return 0;
}

static inline void fixture_ignore_event(struct event *event, void *user)
{
    (void)event, (void)user;
}

static inline void fixture_ignore_turn(void *user)
{
    (void)user;
}

static inline struct timeline *fixture_timeline(const struct fixture *self)
{
    return timeline_new(
        self->loop, &self->scenario, fixture_ignore_event, fixture_ignore_turn, NULL);
}

/* The events of one turn become what is pending on their edges. */
static inline void fixture_turn(const struct fixture *self)
{
    ev_run(self->loop, EVRUN_NOWAIT);
}

#endif
