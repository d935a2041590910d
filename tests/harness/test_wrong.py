#!/usr/bin/env python3
"""Plays that are wrong on purpose: what their failures say is part of what the harness is for.

Beside each play of tests/harness/wrong stands the text that is expected of it, NAME.txt: what TAP
says, of the timeline only what it points at, times and addresses written as words. With --write
the texts are written anew, for a person to read before they are committed. Writes TAP."""
import glob, os, re, subprocess, sys

FOLDER = "tests/harness/wrong"
HARNESS = os.path.join(os.environ.get("BESTER_BUILD", "build"), "harness")

WORDS = [  # what differs from run to run
    (r"replay: \"\S*harness run ", "replay: \"harness run "),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r'"trace": "[0-9a-f]{16}"', '"trace": "TRACE"'),
    (r"127\.\d+\.\d+\.\d+:\d+", "ADDRESS"),
    (r"/\S*/bester-[A-Za-z0-9]{6}/", "DIRECTORY/"),
    (r" BY \d+ ms", " BY N ms"),
    (r"\(\d+ ms", "(N ms"),
    (r"\bid [0-9a-f]{12}-", "id ID-"),
    (r"^ *(got|nearest) +[0-9.]+ ms  ", r"    \1  "),
]


def harness(*arguments):
    return subprocess.run([HARNESS, *arguments], capture_output=True, text=True)


def plays():
    return sorted(glob.glob(FOLDER + "/*.json"))


def told(tap):
    """What TAP says of each play, by its path."""
    parts = re.split(r"^(?=(?:not )?ok \d+ - )", tap, flags=re.M)[1:]
    return {re.match(r"(?:not )?ok \d+ - (.*?):", part).group(1): part for part in parts}


def normal(part):
    part = re.sub(r"^(not )?ok \d+ - ", r"\1ok - ", part)
    lines = []
    inside = False
    for line in part.splitlines():
        inside = line.startswith("  timeline: |") or (inside and line.startswith("    "))
        if not inside or re.match(r"    ( *)(got|nearest) ", line) or line.endswith("|"):
            for pattern, word in WORDS:
                line = re.sub(pattern, word, line)
            lines.append(line)
    return "\n".join(lines) + "\n"


def text_path(play):
    return play[: -len(".json")] + ".txt"


def write():
    parts = told(harness("run", "-j16", FOLDER).stdout)
    for play in plays():
        with open(text_path(play), "w") as file:
            file.write(normal(parts[play]))


def reads_as_expected(play, parts):
    with open(text_path(play)) as file:
        wanted = file.read()
    found = normal(parts[play])
    if found != wanted:
        raise AssertionError(f"the harness says\n{found}\nand not, as {text_path(play)},\n{wanted}")


def all_fail():
    run = harness("run", "-j16", FOLDER)
    assert run.returncode == 1, f"exit {run.returncode}\n{run.stderr}"
    assert run.stderr == "", run.stderr
    parts = told(run.stdout)
    assert sorted(parts) == plays(), "not every play was told of"
    assert len(parts) >= 20
    assert all(part.startswith("not ok ") for part in parts.values())
    return parts


def texts_have_plays():
    texts = {path[: -len(".txt")] for path in glob.glob(FOLDER + "/*.txt")}
    assert texts == {path[: -len(".json")] for path in plays()}, texts


def timeline_tells_all():
    """What came, what was said, what was done and what was logged: all of it."""
    tap = harness("run", FOLDER + "/wrong_end.json").stdout
    for line in [
        r"J \* started, process \d+",
        r"T > J {\"login\": {\"user\": \"T\"}}",
        r"J > T {\"status\": \"good\", \"id\": \"auth_special\", .*}",
        r"J \| .*",
        r"J ! signal 15 \(Terminated\)",
        r"J > T \(closed the connection\)",
        r"J \* exited with 0",
    ]:
        assert re.search(rf"^ +[0-9.]+ ms  {line}$", tap, re.M), f"no line {line} in\n{tap}"


def main():
    if sys.argv[1:] == ["--write"]:
        write()
        return 0
    parts = {}
    tests = [("every wrong play fails", lambda: parts.update(all_fail()))]
    tests += [(play, lambda play=play: reads_as_expected(play, parts)) for play in plays()]
    tests += [
        ("every text has a play", texts_have_plays),
        ("the timeline tells all", timeline_tells_all),
    ]
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {name}")
        except Exception as wrong:
            failed += 1
            print(f"not ok {number} - {name}")
            print("\n".join("# " + line for line in f"{type(wrong).__name__}: {wrong}".splitlines()))
    return 1 if failed else 0


sys.exit(main())
