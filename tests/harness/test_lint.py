#!/usr/bin/env python3
"""harness lint: what it says of each play of tests/harness/lint stands beside it, in NAME.txt; and the
plays of Bester give it nothing to say. With --write the texts are written anew, for a person to read.
Writes TAP."""
import glob, os, re, subprocess, sys, tempfile
sys.path.insert(0, "tests/support")
from bester import BUILD, run, same  # noqa: E402

HARNESS = os.path.join(BUILD, "harness")
FOLDER = "tests/harness/lint"


def lint(*arguments):
    return subprocess.run([HARNESS, "lint", *arguments], capture_output=True, text=True)


def told(play):
    """What is said of a play, and the exit status."""
    done = lint(play)
    same(done.stderr, "", f"standard error for {play}")
    return done.stdout.replace(play + ":", "") + f"exit {done.returncode}\n"


def golden():
    return sorted(glob.glob(FOLDER + "/*.json"))


def text_of(play):
    with open(play[:-4] + "txt") as file:
        return file.read()


def rules():
    return [line.split()[0] for line in lint("--list").stdout.splitlines()]


def test_golden_files():
    assert len(golden()) >= 10
    for play in golden():
        same(told(play), text_of(play), play)


def test_every_rule_finds_something():
    found = "".join(map(text_of, golden()))
    # Two plays of one name are two files.
    same(sorted(set(re.findall(r"\[([a-z-]+)\]$", found, re.M)) | {"same-name"}), sorted(rules()), "rules that have a play")


def test_nothing_is_found_in_the_plays_of_bester():
    done = lint("fixtures/scenarios", "fixtures/worlds", "fixtures/conformance", "tests/harness/plays")
    same((done.returncode, done.stdout, done.stderr), (0, "", ""), "lint of all plays")


def test_one_rule_alone():
    done = lint("--rule", "wait-without-reason", FOLDER + "/rules.json")
    same(done.returncode, 1, "exit status")
    assert all(line.endswith("[wait-without-reason]") for line in done.stdout.splitlines()), done.stdout
    assert done.stdout.count("\n") == 1, done.stdout
    # What another rule would have excused is not held against an excuse.
    done = lint("--rule", "unused-label", "--rule", "excuse", FOLDER + "/excuses.json")
    assert "excuses nothing" not in done.stdout, done.stdout
    done = lint("--rule", "proves-nothing", FOLDER + "/rules.json")
    same((done.returncode, done.stdout), (0, ""), "a rule that finds nothing")


def test_same_name():
    with tempfile.TemporaryDirectory() as folder:
        for name, title in ("a", "one"), ("b", "two"), ("c", "one"):
            with open(f"{folder}/{name}.json", "w") as file:
                file.write('{"play": "%s",\n "servers": {"J": {}}, "clients": {"T": "J"},\n'
                           '"steps": [{"quiet": ["T"]}]}' % title)
        done = lint(folder)
        same((done.returncode, done.stdout), (1, f"{folder}/c.json:1:2: error: {folder}/a.json says of itself that "
                                              "it shows the same [same-name]\n"), "two of one name")


def test_wrong_usage():
    same(lint().returncode, 2, "no play")
    done = lint("--rule", "no-such", FOLDER)
    same(done.returncode, 2, "a rule that there is not")
    assert 'no rule "no-such"' in done.stderr, done.stderr
    same(lint("/no/such/play.json").returncode, 74, "a file that is not there")


if sys.argv[1:] == ["--write"]:
    for path in golden():
        with open(path[:-4] + "txt", "w") as out:
            out.write(told(path))
    sys.exit(0)
run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
