#!/usr/bin/env python3
"""Calls of besterd fail, each once: some of all that `make faults` tries, the same every time. And
the shim and the verdict are seen at work. Writes TAP."""
import errno
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import conversations
import runner
import trial
import world
from bester import run, same
from board import Fault

JOBS = 2
FEW = 10 # of each conversation


def some(name):
    """Spread evenly over the ways to all calls of a conversation."""
    counted = trial.run(name, conversations.ALL[name](), None)
    same(counted.trouble, None, f"{name} without a fault")
    faults = trial.plan(counted, ways=True)
    step = max(1, len(faults) // FEW)
    return [(name, fault, counted.descriptors) for fault in faults[step // 2::step]]


def try_all(names):
    total = runner.Sum()

    def on_result(result):
        total.add(result)
        if result.trouble:
            runner.describe(result)
    runner.run_all([one for name in names for one in some(name)], JOBS, on_result)
    total.print()
    same(total.total("tried") > len(names) * FEW / 2, True, "something was tried")
    same(len(total.failed), 0, "faults that were not survived")


def test_what_is_said():
    try_all(["talk", "oneshots", "facts", "restart", "stop", "send"])


def test_other_servers():
    try_all(["legacy", "pinned", "inward", "tls"])


def test_start_and_accounts():
    try_all(["start", "accounts", "administrator", "reload"])


def test_the_fault_named_comes_to_pass():
    """And only in besterd, at the call that was counted."""
    talk = conversations.Talk()
    counts = [trial.run("talk", talk, None).counts for _ in range(2)]
    same(counts[0]["accept4"] > 3 and counts[0]["memory"] > 20, True, f"{counts[0]}")
    result = trial.run("talk", talk, Fault.of("sendmsg:1:EPIPE"))
    same((result.fired, result.trouble), (True, None))
    result = trial.run("talk", talk, Fault.of("sendmsg:100000:EPIPE"))
    same((result.fired, result.trouble), (False, None))


def test_no_memory_at_all():
    """From one call on there is none, until the conversation is over: it may end, with a sentence
    and the status on which it is started again; it may go on; it may not crash."""
    talk = conversations.Talk()
    count = trial.run("talk", talk, None).counts["memory"]
    faults = [Fault("memory", nth, errno.ENOMEM, 1 << 30) for nth in range(1, count, count // 6)]
    faults.append(Fault("epoll_wait", 2, errno.EINVAL))
    results = [trial.run("talk", talk, fault) for fault in faults]
    for result in results:
        if result.trouble:
            runner.describe(result)
        same((result.fired, result.trouble), (True, None), str(result.fault))
    same([result.ended for result in results][-1], True, "without epoll_wait it cannot go on")
    same("ended: the event loop cannot go on" in results[-1].words, True)


class Fooled(conversations.Talk):
    """A conversation of which something is told that is not so."""

    def __init__(self, fool):
        self.fool = fool

    def talk(self, world):
        self.fool(world)


def verdict(fool):
    return trial.run("fooled", Fooled(fool), Fault.of("read:100000:EIO"), 100).trouble or ""


def test_verdicts():
    def lost(one):
        g = one.user("G")
        one.promises.append(["x", "never sent", [g], "good"])

    def twice(one):
        t = one.user("T")
        t.tell("h", {"to": ["T"]}, [t])
        t.inbox *= 2

    def killed(one):
        one.process.send_signal(6)
        one.wait()

    def mute(one):
        world.DEADLINE_S, before = 0.05, world.DEADLINE_S
        try:
            one.user("T").hear()
        finally:
            world.DEADLINE_S = before

    for fool, begins in ((lost, "loss"), (twice, "wrong"), (killed, "crash"), (mute, "hang")):
        same(verdict(fool).split(":")[0], begins, fool.__name__)
    same(verdict(lambda one: one.user("T")), "")


run(test_what_is_said, test_other_servers, test_start_and_accounts,
    test_no_memory_at_all, test_the_fault_named_comes_to_pass, test_verdicts)
