#!/usr/bin/env python3
"""The ladder of `harness up`, at terminals of several widths and into a pipe. Writes TAP."""
import json, os, re, subprocess, sys, tempfile, unicodedata

sys.path.insert(0, "tests/support")
import bester
import terminal_reader

HARNESS = os.path.join(bester.BUILD, "harness")
WORLD = {"servers": {"S1": {"accounts": {"T": "a secret", "somebody-with-a-long-name": "x"}}},
         "handlers": {"echo": {"on": "S1", "protocol": "stream", "rules": [
             {"when": {"ask": "<what>", "origin": {"user": "<who>", "...": True}},
              "reply": {"sendClients": ["<who>"], "data": "<what>"}}]}}}
WIDE = "\u65e5\u672c\u8a9e" * 30
SEND = (f"{bester.BUILD}/bester-send -S ${{S1}} -u T --password-file ${{dir}}/T.password -t echo "
        f"-d '{json.dumps([WIDE, 'and an escape: ' + chr(27) + '[31m'])}' -w >/dev/null")
COLOUR = re.compile("\033\\[[0-9;]*m")


def environment(**more):
    there = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    return dict(there, TERM="xterm", **more)


def up(*options, run=SEND, columns=None, watch=None, **more):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as world:
        json.dump(WORLD, world)
        world.flush()
        words = [HARNESS, "up", *options, world.name, "--run", run]
        if columns:
            return terminal_reader.run(words, environment(**more), columns, watch)
        return subprocess.run(words, capture_output=True, text=True, env=environment(**more),
                              check=True).stdout


def width(text):
    return sum(0 if unicodedata.combining(letter) else
               2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def at_width(columns, times):
    shown = up("--ladder", columns=columns)
    lines = COLOUR.sub("", shown).splitlines()
    # The last is the report, or the end of the connection if that was seen in time.
    expect(len(lines) >= 7, shown)
    expect(COLOUR.search(shown), "colours")
    for line in lines:
        expect(width(line) < columns, f"{width(line)}: {line}")
        expect((re.match(r" +[0-9]+\.[0-9]{3}  ", line) is not None) == times, line)
    bodies = {re.search(r"[{(]", line).start() for line in lines}
    expect(len(bodies) == 1, f"not aligned: {bodies}\n" + "\n".join(lines))
    expect(any(line.endswith("…") and WIDE[:3] in line for line in lines), "\n".join(lines))
    expect("a secret" not in shown, shown)


def test_80_columns():
    at_width(80, True)


def test_40_columns():
    at_width(40, False)


def test_no_color():
    expect("\033" not in up("--ladder", columns=80, NO_COLOR="1"), "colours")


def test_whole():
    shown = COLOUR.sub("", up("-v", columns=60))
    expect(shown.count(WIDE) == 4, shown)
    expect("…" not in shown, shown)
    expect(re.search("^S1 +\\* +started, process", shown, re.M), shown)


def test_into_a_pipe():
    lines = up("--ladder").splitlines()
    expect("\033" not in "".join(lines), lines)
    arrows = [" ".join(line.split()[:3]) for line in lines]
    expect(arrows[:5] == ["T > S1", "S1 > T", "T > S1", "S1 > echo", "echo > S1"], arrows)
    expect(lines[2].startswith('T > S1 {"type": "echo", "data": ["日本語'), lines[2])
    expect("\\u001b[31m" in lines[2].lower(), lines[2])


def test_each_line_at_once():
    """What has passed can be read while the rest is still to come."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as world:
        json.dump(WORLD, world)
        world.flush()
        with subprocess.Popen([HARNESS, "up", "--ladder", world.name, "--run", SEND + "; read x"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ladder:
            for line in ladder.stdout:
                if line.startswith("S1 > T ") and '"good"' in line and "auth" not in line:
                    break
            ladder.stdin.write("on\n")
            ladder.stdin.flush()
            rest = ladder.stdout.read()
        expect(ladder.returncode == 0, rest)


def test_a_window_that_changes():
    with tempfile.TemporaryDirectory() as folder:
        gate = os.path.join(folder, "gate")
        os.mkfifo(gate)
        opened = []

        def watch(text, descriptor):
            if "good" in COLOUR.sub("", text).split("auth_special")[-1] and not opened:
                opened.append(len(text.splitlines()))
                terminal_reader.size(descriptor, 40)
                with open(gate, "w", encoding="ascii") as file:
                    file.write("on\n")

        shown = up("--ladder", columns=120, run=f"{SEND}; read x <{gate}; {SEND}", watch=watch)
    lines = COLOUR.sub("", shown).splitlines()
    widths = [width(line) for line in lines]
    expect(max(widths[:opened[0]]) == 119, widths)
    expect(max(widths[opened[0] + 1:]) == 39, widths)


if __name__ == "__main__":
    bester.run(test_80_columns, test_40_columns, test_no_color, test_whole, test_into_a_pipe,
               test_each_line_at_once, test_a_window_that_changes)
