#!/usr/bin/env python3
"""harness fmt: golden files (tests/harness/fmt/NAME.in and NAME.out), and what must hold of any
text: the layout of a layout is itself, its meaning is the same, and a file is whole whatever happens.
With --write the golden files are written anew, for a person to read. Writes TAP."""
import glob, json, os, random, re, resource, signal, stat, subprocess, sys, tempfile
sys.path.insert(0, "tests/support")
from bester import BUILD, run, same  # noqa: E402

HARNESS = os.path.join(BUILD, "harness")
GOLDEN = "tests/harness/fmt"
SEED = int(os.environ.get("FMT_SEED", "7"))


def fmt(*arguments, text=None, **options):
    return subprocess.run([HARNESS, "fmt", *arguments], input=text, capture_output=True, **options)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, text):
    with open(path, "wb") as file:
        file.write(text)


class Number(str):
    """A number by its text: 1.0 is not 1, and no digit is lost."""


def meaning(text):
    return json.loads(text, parse_int=Number, parse_float=Number)


def layout(text):
    done = fmt("-", text=text)
    same(done.returncode, 0, f"exit status for {text!r}: {done.stderr!r}")
    return done.stdout


def plays():
    found = glob.glob("fixtures/scenarios/*.json") + glob.glob("fixtures/worlds/*.json")
    found += glob.glob("fixtures/conformance/**/*.json", recursive=True)
    found += glob.glob("tests/harness/**/*.json", recursive=True)
    assert len(found) > 80, "where are the plays?"
    return sorted(found)


def test_golden_files():
    inputs = sorted(glob.glob(GOLDEN + "/*.in"))
    assert len(inputs) >= 5
    for path in inputs:
        same(layout(read(path)).decode(), read(path[:-2] + "out").decode(), path)


# ---- any text ------------------------------------------------------------------------------------

BLANKS = ["", " ", "\n", "\n\n", "\n\n\n", "\t", "\r\n", "  \n "]
STRINGS = ['""', '"a"', '"\\u00e9\\ud83d\\ude00"', '"\\u0041"', '"é"', '"\\/ \\" \\\\ \\n"', '"<m1>"',
           '"' + "long " * 30 + '"', '"${x}"']
NUMBERS = ["0", "-0", "1.0", "1e2", "1E+2", "123456789012345678901234567890", "-1.50e-10", "1e400"]
NAMES = ["play", "note", "steps", "servers", "clients", "handlers", "rules", "when", "reply", "on", "type",
         "data", "id", "repeat", "together", "any order", "T > S1", "S1 > T", "deadlineMs", "times", "...",
         "a name of its own", "\\u0073teps?"]


def some_text(chance, depth):
    def blank():
        return chance.choice(BLANKS)

    kind = chance.randrange(6 if depth > 0 else 4)
    if kind == 0:
        return chance.choice(["true", "false", "null"])
    if kind == 1:
        return chance.choice(NUMBERS)
    if kind in (2, 3):
        return chance.choice(STRINGS)
    parts = []
    if kind == 4:
        for name in chance.sample(NAMES, chance.randrange(6)):
            parts.append(f'{blank()}"{name}"{blank()}:{blank()}{some_text(chance, depth - 1)}{blank()}')
    else:
        for _ in range(chance.choice([0, 1, 2, 5, 40])):
            parts.append(blank() + some_text(chance, depth - 1) + blank())
    left, right = "{}" if kind == 4 else "[]"
    return left + (",".join(parts) or blank()) + right


def some_play(chance):
    parts = {name: some_text(chance, 3) for name in chance.sample(
        ["play", "servers", "handlers", "clients", "peers", "deadlineMs", "note"], 5)}
    steps = ",".join(chance.choice(BLANKS) + some_text(chance, 4) for _ in range(chance.randrange(8)))
    parts["steps"] = "[" + steps + "]"
    names = list(parts)
    chance.shuffle(names)
    return "{" + ",".join(f'{chance.choice(BLANKS)}"{name}": {parts[name]}' for name in names) + "}"


def holds_of_all(folder, texts):
    """The layout means the same, and is its own layout."""
    for number, text in enumerate(texts):
        write(f"{folder}/{number:04}.json", text.encode())
    done = fmt(folder)
    same((done.returncode, done.stderr), (0, b""), "fmt of all")
    for number, text in enumerate(texts):
        found = read(f"{folder}/{number:04}.json").decode()
        same(meaning(found), meaning(text), f"the meaning of {text!r}")
        assert found.endswith("\n") and not any(line != line.rstrip() for line in found.split("\n")), found
    done = fmt("--check", folder)
    same((done.returncode, done.stdout, done.stderr), (0, b"", b""), "the layout of all layouts")


def test_of_any_json_text():
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        holds_of_all(folder, [some_text(chance, 6) for _ in range(500)])


def test_of_anything_like_a_play():
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        holds_of_all(folder, [some_play(chance) for _ in range(500)])


def test_of_all_plays():
    with tempfile.TemporaryDirectory() as folder:
        holds_of_all(folder, [read(path).decode() for path in plays()])
        # However they are written, there is one layout.
        loose = [json.dumps(json.loads(read(path)), indent=1) for path in plays()]
        tight = [json.dumps(json.loads(read(path)), separators=(",", ":")) for path in plays()]
        for text, other in list(zip(loose, tight))[:20]:
            same(layout(text.encode()), layout(other.encode()), "from two texts")


def test_lines_are_short_where_they_can_be():
    for path in plays():
        for line in layout(read(path)).decode().splitlines():
            # What is longer holds one text that nothing can break.
            longest = max(map(len, re.findall(r'"(?:[^"\\]|\\.)*"', line)), default=0)
            assert len(line) <= 100 or longest > 40, line


def test_order_on_the_wire_is_kept():
    text = b'{"steps": [{"T > S1": {"id": "1", "data": {"b": 1, "a": [{"d": 1, "c": 2}]}, "type": "h"}}]}'
    line = json.loads(layout(text))["steps"][0]["T > S1"]
    same((list(line), list(line["data"]), list(line["data"]["a"][0])),
         (["id", "data", "type"], ["b", "a"], ["d", "c"]), "the order")


# ---- files ---------------------------------------------------------------------------------------

LOOSE = b'{"steps":[]}'
TIGHT = b'{\n    "steps": []\n}\n'


def test_check_writes_nothing_and_shows_the_difference():
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/a.json", LOOSE)
        write(folder + "/b.json", TIGHT)
        done = fmt("--check", folder)
        same(done.returncode, 1, "exit status")
        same(done.stdout.decode(), f"""--- {folder}/a.json
+++ in canonical form
@@ -1,1 +1,3 @@
-{{"steps":[]}}
\\ No newline at end of file
+{{
+    "steps": []
+}}
""", "what it says")
        same(read(folder + "/a.json"), LOOSE, "the file")
        same(fmt("--check", "-", text=LOOSE).returncode, 1, "of standard input")
        same(fmt("--check", "-", text=TIGHT).returncode, 0, "of standard input")


def test_mode_and_links_are_kept():
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/a.json", LOOSE)
        os.chmod(folder + "/a.json", 0o640)
        os.symlink("a.json", folder + "/link.json")
        same(fmt(folder + "/link.json").returncode, 0, "exit status")
        assert os.path.islink(folder + "/link.json")
        same(read(folder + "/a.json"), TIGHT, "the file")
        same(stat.S_IMODE(os.stat(folder + "/a.json").st_mode), 0o640, "its mode")
        before = os.stat(folder + "/a.json")
        same(fmt(folder + "/a.json").returncode, 0, "exit status")
        same(os.stat(folder + "/a.json").st_ino, before.st_ino, "what is right is not written")


def no_room():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))


def test_a_full_disk_loses_nothing():
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/a.json", LOOSE)
        done = fmt(folder + "/a.json", preexec_fn=no_room)
        same(done.returncode, 74, "exit status")
        assert b"a.json could not be written" in done.stderr, done.stderr
        same(read(folder + "/a.json"), LOOSE, "the file")
        same(os.listdir(folder), ["a.json"], "what is there")


def refused(text, said):
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/a.json"
        write(path, text)
        done = fmt(path)
        same(done.returncode, 65, "exit status")
        same((done.stdout, done.stderr.decode()), (b"", f"{path}:{said}\n"), "what it says")
        same(read(path), text, "the file")


def test_what_is_no_json_is_refused():
    same(fmt("-", text=b"{").returncode, 65, "exit status")
    assert fmt("-", text=b"[1,\n  x]").stderr.startswith(b"<stdin>:2:3: "), "where"
    refused(b'{\n  "\xc3\xa9": 1, "a": 1,\n  "b": 2, "\\u0061": 3}', "3:11: this member is named twice")


def test_others_are_written_when_one_is_wrong():
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/a.json", b"[")
        write(folder + "/b.json", LOOSE)
        same(fmt(folder).returncode, 65, "exit status")
        same(read(folder + "/b.json"), TIGHT, "the other file")


def test_wrong_usage():
    same(fmt().returncode, 2, "no file")
    same(fmt("/no/such/file").returncode, 74, "a file that is not there")


if sys.argv[1:] == ["--write"]:
    for source in glob.glob(GOLDEN + "/*.in"):
        write(source[:-2] + "out", layout(read(source)))
    sys.exit(0)
run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
