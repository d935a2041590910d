#!/usr/bin/env python3
"""Which plays a run plays, how often, and with which seed: --seed, --repeat, --until-fail, --shard.
Writes TAP."""
import json, os, re, shutil, signal, subprocess, sys, tempfile
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import bester

HARNESS = os.path.join(os.environ.get("BESTER_BUILD", "build"), "harness")
GOOD = "tests/harness/plays/good.json"
HANGS = "tests/harness/plays/hangs.json"
TOGETHER = "fixtures/scenarios/together.json"


def harness(*arguments, **more):
    return subprocess.run([HARNESS, "run", *arguments], capture_output=True, text=True, **more)


def expect(found, wanted, about=""):
    if found != wanted:
        raise AssertionError(f"{about}: {found!r} instead of {wanted!r}")


def report(*arguments):
    run = harness("--json", "-", *arguments)
    return run.returncode, json.loads(run.stdout)


class Folder:
    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="bester-repeat-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.path, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path


def said(play):
    """Whose lines were said, in their order. (When a rule answers is nobody's choice.)"""
    return [event["from"] for event in play["attempts"][0]["timeline"]
            if event["kind"] == "said" and event["from"] in ("T", "G") and "line" in event]


def the_seed_decides():
    orders = {}
    for seed in range(1, 9):
        status, run = report("--seed", str(seed), TOGETHER)
        expect((status, run["seed"], run["plays"][0]["seed"]), (0, seed, seed))
        orders[seed] = said(run["plays"][0])
    assert len({tuple(order) for order in orders.values()}) > 1, "every seed plays alike"
    for seed in (1, 5):
        expect(said(report("--seed", str(seed), TOGETHER)[1]["plays"][0]), orders[seed])
    # Without --seed it is 1; and a round has the next.
    expect(said(report(TOGETHER)[1]["plays"][0]), orders[1])
    run = report("--seed", "3", "--repeat", "4", TOGETHER)[1]
    expect([said(play) for play in run["plays"]], [orders[seed] for seed in range(3, 7)])


def a_failure_tells_how_to_play_it_again():
    with Folder() as folder, open(TOGETHER) as file:
        play = json.load(file)
        play["steps"] += [{"T > S1": {"type": "dummy", "data": None, "id": "<t4>"}},
                          {"S1 > T": {"type": "other", "id": "<t4>"}}]
        play = folder.write("it's \"one\".json", json.dumps(play))
        status, run = report("--seed", "40", "--repeat", "2", "--deadline", "750ms", play)
        expect((status, [play["seed"] for play in run["plays"]]), (1, [40, 41]))
        command = run["plays"][1]["replay"]
        assert " run --deadline 0.75s --seed 41 " in command, command
        again = subprocess.run(command + " --json -", shell=True, capture_output=True, text=True)
        expect(again.returncode, 1, again.stderr)
        again = json.loads(again.stdout)["plays"][0]
        expect((again["file"], again["seed"]), (play, 41))
        expect(said(again), said(run["plays"][1]))
        for form in ["--junit", "--html"]:
            told = harness("--seed", "9", form, "-", play).stdout
            assert "(seed 9)" in told and "run --seed 9 " in told, told
        assert re.search(r'^  replay: ".* run --seed 1 .*\.json\'"$', harness(play).stdout, re.M)
    assert "replay" not in report(GOOD)[1]["plays"][0]


def all_of_it_is_repeated():
    run = harness("--repeat", "3", "-j4", GOOD, TOGETHER)
    expect(run.returncode, 0, run.stdout)
    told = re.findall(r"^ok (\d+) - (\S+): .*; seed (\d)\)$", run.stdout, re.M)
    expect(told, [(str(n + 1), [GOOD, TOGETHER][n % 2], str(n // 2 + 1)) for n in range(6)])
    assert "\n1..6\n" in run.stdout
    expect(report("--repeat", "3", GOOD)[1]["counts"]["passed"], 3)
    expect(report("--repeat", "3", GOOD)[1]["rounds"], 3)
    cases = ElementTree.fromstring(harness("--repeat", "3", "--junit", "-", GOOD).stdout)
    expect(len({case.get("name") for case in cases.iter("testcase")}), 3)
    assert "(seed 2)" in harness("--repeat", "3", "--mermaid", "-", GOOD).stdout
    assert "(seed 2)" in harness("--repeat", "3", "--html", "-", GOOD).stdout
    # Where there is one round, nobody is bothered with its seed.
    assert "seed" not in harness(GOOD).stdout


def fails_at(folder, time):
    """A play whose handler dies from the so-many-th time on that it is played."""
    tries = os.path.join(folder.path, "tries")
    chat = os.path.abspath(os.path.join(os.path.dirname(HARNESS), "handlers", "chat"))
    script = f"""#!/bin/sh
echo >>'{tries}'
[ "$(wc -l <'{tries}')" -lt {time} ] || exit 3
exec '{chat}' "$@"
"""
    play = {
        "play": "Now and then",
        "servers": {"J": {}},
        "handlers": {"chat": {"on": "J", "protocol": "stream",
                              "run": folder.write("now_and_then", script, 0o755)}},
        "clients": {"T": "J"},
        "steps": [{"T > J": {"type": "chat", "data": {"to": "T", "text": "x"}, "id": "<m>"}},
                  {"J > T": {"type": "chat", "data": {"text": "x", "...": True}}},
                  {"J > T": {"status": "good", "id": "<m>"}}],
    }
    return folder.write("play.json", json.dumps(play))


def until_one_fails():
    with Folder() as folder:
        run = harness("--until-fail", "-j1", fails_at(folder, 4), GOOD)
        expect(run.returncode, 1, run.stdout)
        # the fourth round's first play fails; nothing is started after it
        expect(re.findall(r"^(?:not )?ok \d+", run.stdout, re.M),
               [f"ok {n}" for n in range(1, 7)] + ["not ok 7"])
        assert "; seed 4)\n" in run.stdout and run.stdout.endswith("\n1..7\n"), run.stdout
    with Folder() as folder:
        status, run = report("--until-fail", "-j3", fails_at(folder, 30))
        counts = run["counts"]
        expect((status, run["rounds"]), (1, 0))
        # Three at once: one of those that play when the first fails may have passed before it.
        assert 27 <= counts["passed"] <= 31 and 1 <= counts["failed"] <= 3, counts
        expect(counts["planned"], counts["passed"] + counts["failed"])


def until_it_has_been_often_enough():
    with Folder() as folder:
        run = harness("--until-fail", "--repeat", "3", fails_at(folder, 4))
        expect(run.returncode, 0, run.stdout)
        assert run.stdout.endswith("\n1..3\n"), run.stdout


def interrupted_in_a_round():
    for more, wanted in [(["--repeat", "50"], ["passed"] + ["notRun"] * 99),
                         (["--until-fail"], ["passed", "notRun"])]:
        with Folder() as folder:
            path = os.path.join(folder.path, "r.json")
            process = subprocess.Popen([HARNESS, "run", "-j1", *more, GOOD, HANGS, "--json", path],
                                       stdout=subprocess.PIPE, text=True)
            for line in process.stdout:
                if line.startswith("ok 1 "):
                    break
            process.send_signal(signal.SIGINT)
            process.communicate()
            expect(process.returncode, 130)
            with open(path) as file:
                run = json.load(file)
            results = [play["result"] for play in run["plays"]]
            # the second play may not have begun when the signal came
            expect(results[:1], ["passed"])
            expect(results, wanted if len(results) > 1 else wanted[:1])


def shards_are_whole_and_disjoint():
    with Folder() as folder, open(GOOD) as file:
        text = file.read()
        names = [f"play_{n}.json" for n in range(24)]
        for name in names:
            folder.write(name, text)

        def shard(part, of, *paths):
            status, run = report("-j4", "--shard", f"{part}/{of}", *(paths or [folder.path]))
            expect(status, 0)
            return [os.path.basename(play["file"]) for play in run["plays"]]

        parts = {}
        for of in (1, 2, 3, 7):
            shards = [shard(part, of) for part in range(1, of + 1)]
            expect(sorted(name for part in shards for name in part), sorted(names), of)
            parts[of] = {name: n for n, part in enumerate(shards) for name in part}
        assert len(set(parts[3].values())) == 3, parts[3]
        # Neither neighbours nor the folder's name count.
        os.unlink(os.path.join(folder.path, names[0]))
        for n, name in enumerate(names[1:4]):
            path = os.path.relpath(os.path.join(folder.path, name))
            expect(shard(parts[3][name] + 1, 3, path), [name], n)
        other = parts[3][names[1]] % 2 + 2 if parts[3][names[1]] != 1 else 1
        run = harness("--shard", f"{other}/3", os.path.join(folder.path, names[1]))
        expect((run.returncode, run.stdout),
               (0, "TAP version 14\n1..0 # SKIP no play belongs to this shard\n"))


def wrong_shards():
    for text in ["", "1", "/", "1/", "/2", "0/2", "3/2", "1/0", "a/2", "1/2/3", "-1/2"]:
        run = harness("--shard", text, GOOD)
        expect((run.returncode, run.stdout), (2, ""), text)
    for arguments in [["--repeat", "0"], ["--repeat", "1000001"], ["--seed", "-1"], ["--seed", "x"]]:
        expect(harness(*arguments, GOOD).returncode, 2, arguments)


def a_long_tmpdir():
    """A socket's path has 107 bytes at most; TMPDIR may be longer."""
    with Folder() as folder:
        path = folder.path
        while len(path) < 200:
            path = os.path.join(path, "x" * min(60, 199 - len(path)) or "x")
        os.makedirs(path)
        environment = {**os.environ, "TMPDIR": path}
        run = harness(GOOD, "fixtures/scenarios/real_clients.json", "fixtures/scenarios/listeners.json",
                      env=environment)
        expect(run.returncode, 0, run.stdout)
        expect(os.listdir(path), [])


TESTS = [
    the_seed_decides, a_failure_tells_how_to_play_it_again, all_of_it_is_repeated, until_one_fails,
    until_it_has_been_often_enough, interrupted_in_a_round, shards_are_whole_and_disjoint,
    wrong_shards, a_long_tmpdir,
]


bester.run(*TESTS)
