#!/usr/bin/env python3
"""What the processes of a play leave behind ends with the play, whatever has become of their
parents; and whoever interrupts or kills the harness, in whichever phase of a play, is left with
nothing either.

The server of these plays is a script that leaves processes behind, tells of each through a FIFO,
and becomes besterd. Writes TAP."""
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from bester import BUILD, run, same

# What is left behind, by its name. Each tells its number and sleeps; the sh around them is gone.
ORPHANS = {
    "in its group": '(sh -c "$SLEEPER" &)',
    "in its own session": '(setsid sh -c "$SLEEPER" &)',
    "without an environment": '(env -i EVENTS="$EVENTS" TOLD="$TOLD" NAME="$NAME" setsid sh -c "$SLEEPER" &)',
    "below another": '(setsid sh -c \'(cd /; exec env -i EVENTS="$EVENTS" TOLD="$TOLD" NAME="$NAME" '
                     'setsid sh -c "$0" "$0") & exec sleep 1000\' "$SLEEPER" &)',
}
WIPED = '(cd / && env -i EVENTS="$EVENTS" TOLD="$TOLD" NAME="$NAME" setsid sh -c "$SLEEPER" &)'

SERVER = """#!/bin/sh
# A besterd that leaves processes behind.
EVENTS={events}
TOLD="$PWD/told.$$"
SLEEPER='echo "$NAME:$$" >"$EVENTS"; echo >"$TOLD"; exec sleep 1000'
export EVENTS SLEEPER TOLD
case "$1" in user) at=user ;; *) at=start ;; esac
NAME=$(sed -n 's/^ *"name": "\\(.*\\)"$/\\1/p' config.json 2>/dev/null)
export NAME
if [ "$at" = {hangs} ]; then
    echo "hangs:$$" >"$EVENTS"
    exec sleep 1000
fi
if [ "$at" = start ]; then
    mkfifo "$TOLD"
    exec 9<>"$TOLD"
{orphans}
    left={count}
    while [ "$left" -gt 0 ]; do
        read _ <&9
        left=$((left - 1))
    done
    exec 9<&-
fi
{last}
"""
BECOME = 'exec {besterd} "$@"\n'
# Does not end when it is asked to, and says that it was asked.
STAY = """trap 'echo "asked:$$" >"$EVENTS"' TERM
echo "stays"
sleep 1000 &
while :; do wait; done
"""


class Stage:
    """A folder with a FIFO of events, a server and plays; TMPDIR of the harness it runs."""

    def __init__(self, orphans, hangs="never", last=BECOME):
        self.directory = tempfile.mkdtemp(prefix="bester-")
        orphans = list(orphans)
        self.tmp = os.path.join(self.directory, "t")
        os.mkdir(self.tmp)
        os.mkfifo(self.path("events"))
        self.events = os.fdopen(os.open(self.path("events"), os.O_RDWR), "rb", buffering=0)
        self.rest = b""
        with open(self.path("server"), "w") as file:
            file.write(SERVER.format(events=self.path("events"), hangs=hangs,
                                     orphans="\n".join(orphans), count=len(orphans),
                                     last=last.format(besterd=BUILD + "/besterd")))
        os.chmod(self.path("server"), 0o700)
        self.left = []

    def path(self, name):
        return os.path.join(self.directory, name)

    def __enter__(self):
        return self

    def __exit__(self, wrong, *_):
        self.events.close()
        for pid in self.left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=wrong is not None)

    def play(self, name, steps, **cast):
        path = self.path(name + ".json")
        with open(path, "w") as file:
            json.dump({"play": name, "deadlineMs": 600000, "servers": {name: {}}, **cast,
                       "steps": steps}, file)
        return path

    def start(self, *plays, jobs=2, **more):
        return subprocess.Popen(
            [BUILD + "/harness", "run", f"-j{jobs}", "--besterd", self.path("server"), *plays],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=dict(os.environ, TMPDIR=self.tmp), **more)

    def event(self):
        """(what, process)"""
        while b"\n" not in self.rest:
            self.rest += self.events.read(4096)
        line, self.rest = self.rest.split(b"\n", 1)
        what, pid = line.decode().rsplit(":", 1)
        self.left.append(int(pid))
        return what, int(pid)

    def orphans(self, count):
        """Their numbers, by the server's name."""
        found = {}
        for _ in range(count):
            what, pid = self.event()
            found.setdefault(what, []).append(pid)
        return found


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def the_living(pids):
    return [pid for pid in pids if alive(pid)]


def await_end(pid):
    with contextlib.suppress(ProcessLookupError):
        end = os.pidfd_open(pid)
        select.select([end], [], [])
        os.close(end)


def worker_of(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        return int(file.read().split()[0])


def read_until(process, word):
    told = ""
    for line in process.stdout:
        told += line
        if line.startswith(word):
            return
        if line.endswith("  ...\n"):
            break  # a play has failed
    process.kill()
    raise AssertionError(f"the harness did not say {word!r}, but\n{told}")


DUMMY = [{"T > A": {"type": "dummy", "data": None, "id": "1"}}, {"A > T": {"type": "dummy", "id": "1"}}]


def held(stage, name):
    """A play that goes on until the test says so."""
    os.mkfifo(stage.path("release"))
    return stage.play(
        name, [{"C > stdout": "released"}],
        clients={"C": {"on": name, "run": ["sh", "-c", 'read x <"$0"; echo released',
                                           stage.path("release")]}})


def test_each_play_ends_its_own():
    for last in ([], [{"kill": "A"}, {"A > T": {"close": True}}]):
        with Stage(ORPHANS.values()) as stage:
            first = stage.play("A", DUMMY + last, clients={"T": "A"})
            harness = stage.start(first, held(stage, "B"))
            orphans = stage.orphans(2 * len(ORPHANS))
            read_until(harness, "ok 1 ")
            same(the_living(orphans["A"]), [], f"orphans of the play that is over {last}")
            same(the_living(orphans["B"]), orphans["B"], "orphans of the play that goes on")
            with open(stage.path("release"), "w") as file:
                file.write("go\n")
            read_until(harness, "ok 2 ")
            same(the_living(orphans["B"]), [], "orphans of the other play")
            same(harness.wait(), 0, "exit status")
            harness.stdout.close()
            same(os.listdir(stage.tmp), [], "what is left")


def test_who_has_hidden_ends_with_the_run():
    with Stage([WIPED]) as stage:
        harness = stage.start(stage.play("A", DUMMY, clients={"T": "A"}))
        orphans = stage.orphans(1)["A"]
        same(harness.wait(), 0, "exit status")
        harness.stdout.close()
        same(the_living(orphans), [], "orphans")


def test_killed_it_ends_them_too():
    for worker in (True, False):
        with Stage(ORPHANS.values()) as stage:
            harness = stage.start(held(stage, "A"))
            orphans = stage.orphans(len(ORPHANS))["A"]
            pids = [harness.pid, worker_of(harness)]
            os.kill(pids[worker], signal.SIGKILL)
            same(harness.wait(), -signal.SIGKILL, "exit status")
            harness.stdout.close()
            for pid in [pids[1], *orphans]:
                await_end(pid)


# ---- SIGINT in every phase ------------------------------------------------------------------------

def test_interrupted_before_anything():
    """It comes before anybody watches for it: held while the program starts, told then."""
    def interrupted():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        os.kill(os.getpid(), signal.SIGINT)

    with Stage([]) as stage:
        play = stage.play("A", [{"A > T": {"type": "never"}}], clients={"T": "A"})
        harness = stage.start(play, jobs=1, preexec_fn=interrupted)
        out, _ = harness.communicate()
        same(harness.returncode, 130, "exit status")
        same(out, "TAP version 14\n1..1\nBail out! interrupted\n", "the report")
        same(os.listdir(stage.tmp), [], "what is left")


def interrupt(stage, play, last_event):
    harness = stage.start(play, stage.path("second.json"), jobs=1)
    what = None
    while what != last_event:
        what, _ = stage.event()
    harness.send_signal(signal.SIGINT)
    out, _ = harness.communicate()
    same(harness.returncode, 130, "exit status")
    same(the_living(stage.left), [], "who is left")
    same(os.listdir(stage.tmp), [], "what is left")
    same(out, "TAP version 14\n1..2\nBail out! interrupted\n", "the report")


def check_phase(last_event, steps, hangs="never", last=BECOME, **cast):
    with Stage(ORPHANS.values(), hangs, last) as stage:
        stage.play("second", [], servers={"second": {}})
        interrupt(stage, stage.play("A", steps, **cast), last_event)


def teller(stage_events):
    return {"on": "A", "run": ["sh", "-c", 'read x; echo "told:$$" >"$0"; exec sleep 1000',
                               stage_events]}


def with_teller(steps, **cast):
    """The last event is that a client has read what the step before these said."""
    with Stage(ORPHANS.values()) as stage:
        stage.play("second", [], servers={"second": {}})
        cast.setdefault("clients", {})["C"] = teller(stage.path("events"))
        play = stage.play("A", steps, **cast)
        interrupt(stage, play, "told")


TELL = {"stdin > C": "go on"}


def test_interrupted_while_accounts_are_made():
    check_phase("hangs", [], hangs="user", servers={"A": {"accounts": {"T": "p"}}})


def test_interrupted_while_the_cast_starts():
    check_phase("hangs", [], hangs="start", clients={"T": "A"})


def test_interrupted_in_a_step():
    with_teller([TELL, {"A > T": {"type": "never"}}], clients={"T": "A"})


def test_interrupted_while_a_fault_waits_for_its_effect():
    with_teller([{"cut": "A > T"}, TELL], clients={"T": "A"})


def test_interrupted_while_it_is_fenced():
    with_teller([TELL, {"stop": "A"}], clients={"T": "A"})


def test_interrupted_while_it_ends():
    check_phase("asked", [{"expect": "A", "log": "stays"}], last=STAY)


def test_interrupted_while_it_fails():
    """The connection is lost, and whether that is a death is waited for."""
    with_teller([{"T > A": {"type": "builtin", "data": {"command": {"type": "close"}}}}, TELL,
                 {"A > T": {"type": "never"}}], clients={"T": "A"})


run(test_each_play_ends_its_own, test_who_has_hidden_ends_with_the_run,
    test_killed_it_ends_them_too, test_interrupted_before_anything,
    test_interrupted_while_accounts_are_made,
    test_interrupted_while_the_cast_starts, test_interrupted_in_a_step,
    test_interrupted_while_a_fault_waits_for_its_effect, test_interrupted_while_it_is_fenced,
    test_interrupted_while_it_ends, test_interrupted_while_it_fails)
