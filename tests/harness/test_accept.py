#!/usr/bin/env python3
"""`harness run --accept`: lines that differ are rewritten, and nothing else ever. Writes TAP."""
import json, os, re, shutil, stat, subprocess, sys, tempfile

sys.path.insert(0, "tests/support")
import bester
import terminal_reader

HARNESS = os.path.join(bester.BUILD, "harness")
GOOD = '''{
    "play": "Short",
    "servers": {"J": {}},
    "handlers": {"S": {"on": "J", "type": "afrikaans"}},
    "clients": {"T": "J", "G": "J"},
    "steps": [
        {"note": "Everything here is as it should be."},
        {"T > J": {"type": "afrikaans", "data": {"aan": "G", "teks": "Goeie môre"}, "id": "<m1>"}},
        {"J > S": {"aan": "<who>", "teks": "<:string>"}},
        {"S > J": {"sendClients": ["G"], "data": {"van": "T", "teks": "Goeie môre", "n": [1, 2]}}},
        {"J > G": {"type": "afrikaans", "data": {"van": "T", "teks": "<:/môre/>", "...": true}}},

        {"J > T": {"status": "good", "id": "<m1>"}}
    ]
}
'''
CLEAN = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")}


class Folder:
    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="bester-accept-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def write(self, text, name="play.json"):
        with open(os.path.join(self.path, name), "w", encoding="utf-8") as file:
            file.write(text)
        return os.path.join(self.path, name)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def run(*arguments, environment=None):
    return subprocess.run([HARNESS, "run", "--accept", *arguments], capture_output=True, text=True,
                          env=dict(CLEAN, **(environment or {})), check=False)


def accepted(wrong, right=GOOD):
    """A play with something wrong in it becomes the right one, and the diff says so."""
    with Folder() as folder:
        path = folder.write(wrong)
        done = run(path)
        bester.same(done.returncode, 0, done.stdout[-3000:] + done.stderr)
        bester.same(read(path), right, "the play")
        bester.same(os.listdir(folder.path), ["play.json"], "nothing else is left")
        bester.same(subprocess.run([HARNESS, "run", path], capture_output=True,
                                   check=False).returncode, 0, "it passes")
        expected = subprocess.run(["diff", "-u", "--label", path, "--label", path,
                                   folder.write(wrong, "before"), path],
                                  capture_output=True, text=True, check=False).stdout
        bester.same(expected in done.stdout, True, f"{done.stdout}\n--- expected\n{expected}")


def left_alone(wrong, cause):
    with Folder() as folder:
        path = folder.write(wrong)
        before = os.stat(path)
        done = run("--deadline", "300ms", path)
        bester.same(done.returncode, 1, done.stdout)
        bester.same(cause in done.stdout, True, done.stdout)
        bester.same(read(path), wrong, "the play")
        bester.same(os.stat(path).st_ino, before.st_ino, "the file")
        bester.same(os.listdir(folder.path), ["play.json"], "nothing else is left")


def changed(old, new, text=GOOD):
    bester.same(text.count(old), 1, old)
    return text.replace(old, new)


def test_one_text():
    accepted(changed('"status": "good"', '"status": "bad"'))


def test_captures_and_wildcards_stay():
    accepted(changed('{"aan": "<who>", "teks": "<:string>"}',
                     '{"aan": "<who>", "teks": "<:string>", "more": 1}'))
    accepted(changed('"van": "T", "teks": "<:/môre/>", "...": true',
                     '"van": "U", "teks": "<:/môre/>", "...": true'))
    accepted(changed('"<:/môre/>"', '"<:/aand/>"'), changed('"<:/môre/>"', '"Goeie môre"'))


def test_several_lines():
    wrong = changed('{"aan": "<who>", "teks": "<:string>"}', '{"aan": "<who>", "teks": 7}')
    wrong = changed('"status": "good"', '"status": "bad", "reason": "offline"', wrong)
    accepted(wrong, changed('"<:string>"', '"Goeie môre"'))


def test_another_kind_of_frame():
    wrong = changed('{"status": "good", "id": "<m1>"}', '{"type": "afrikaans", "data": 1}')
    accepted(wrong, changed('{"status": "good", "id": "<m1>"}',
                            '{"status": "good", "id": "<m1>", "outcome": "delivered",\n'
                            '            "recipients": {"G": "delivered"}}'))


def test_a_layout_of_its_own():
    """Only the value of the line is touched."""
    text = GOOD.replace("    ", "  ")
    accepted(changed('"status": "good"', '"status": "bad"', text), text)


def test_what_differs_each_time():
    """Comes out different a second time: then it is anything."""
    play = json.loads(GOOD)
    play["steps"] = [{"repeat": 3, "steps": [
        {"T > J": {"type": "builtin", "data": {"command": {"type": "ping"}}, "id": "<p>"}},
        {"J > T": {"type": "builtin", "data": {"command": "ping", "time": "noon"}, "id": "<p>"}}]}]
    with Folder() as folder:
        path = folder.write(json.dumps(play))
        done = run(path)
        bester.same(done.returncode, 0, done.stdout + done.stderr)
        line = json.loads(read(path))["steps"][0]["steps"][1]["J > T"]
        bester.same(line, {"type": "builtin", "data": {"command": "ping", "time": "<any>"},
                           "id": "<p>"}, "the line")


def test_other_failures_are_left_alone():
    left_alone(changed('{"J > T": {"status": "good", "id": "<m1>"}}',
                       '{"J > T": {"status": "bad", "id": "<m1>"}},\n'
                       '        {"J > T": {"status": "good"}, "deadlineMs": 100}'), "SILENCE")
    left_alone(changed('        {"J > T": {"status": "good", "id": "<m1>"}}', '        {"note": ""}'),
               "UNEXPECTED MESSAGE")
    left_alone(changed('{"J > G": {"type"', '{"J > T": {"type"'), "SILENCE")


def test_what_is_included_is_left_alone():
    with Folder() as folder:
        part = folder.write('{"steps": [{"J > S": 1}]}', "lines.part")
        path = folder.write(changed('{"J > S": {"aan": "<who>", "teks": "<:string>"}}',
                                    '{"include": "lines.part"}'))
        before = read(path)
        bester.same(run(path).returncode, 1, "the play")
        bester.same((read(path), read(part)), (before, '{"steps": [{"J > S": 1}]}'), "the files")


def test_several_plays():
    with Folder() as folder:
        wrong = changed('"status": "good"', '"status": "bad"')
        paths = [folder.write(text, f"{n}.json") for n, text in enumerate([wrong, GOOD, wrong])]
        done = run(folder.path)
        bester.same(done.returncode, 0, done.stdout)
        bester.same([read(path) for path in paths], [GOOD] * 3, "plays")
        bester.same(done.stdout.count("+++ "), 2, "diffs")
        bester.same([line[:4] for line in done.stdout.splitlines() if " - " in line],
                    ["ok 1", "ok 2", "ok 3"], "TAP")


def test_the_file():
    """Its mode stays, a link stays one, and who still reads the old file reads the old one."""
    with Folder() as folder:
        wrong = changed('"status": "good"', '"status": "bad"')
        path = folder.write(wrong)
        os.chmod(path, 0o640)
        link = os.path.join(folder.path, "link.json")
        os.symlink("play.json", link)
        with open(path, encoding="utf-8") as reader:
            bester.same(run(link).returncode, 0, "accept")
            bester.same(reader.read(), wrong, "the old file")
        bester.same(stat.S_IMODE(os.stat(path).st_mode), 0o640, "mode")
        bester.same(os.path.islink(link), True, "the link")
        bester.same(read(path), GOOD, "the play")


def test_refused():
    with Folder() as folder:
        wrong = changed('"status": "good"', '"status": "bad"')
        path = folder.write(wrong)
        done = run(path, environment={"CI": "true"})
        bester.same((done.returncode, done.stdout), (2, ""), "CI")
        bester.same(done.stderr.count("\n"), 1, done.stderr)
        bester.same("CI" in done.stderr, True, done.stderr)
        bester.same(read(path), wrong, "the play")
        bester.same(run(path, environment={"CI": ""}).returncode, 0, "CI is empty")
        bester.same(run("--repeat", "2", path).returncode, 2, "--repeat")


def test_with_a_report_on_stdout():
    with Folder() as folder:
        path = folder.write(changed('"status": "good"', '"status": "bad"'))
        done = run("--json", "-", path)
        bester.same(json.loads(done.stdout)["plays"][0]["result"], "passed", "the report")
        bester.same("+++ " in done.stderr, True, done.stderr)


def test_colours():
    with Folder() as folder:
        wrong = changed('"status": "good"', '"status": "bad"')
        path = folder.write(wrong)
        shown = terminal_reader.run([HARNESS, "run", "--accept", path], dict(CLEAN, TERM="xterm"))
        bester.same(re.search("\\033\\[31m-.*bad.*\\033\\[0m", shown) is not None, True, shown)
        path = folder.write(wrong)
        shown = terminal_reader.run([HARNESS, "run", "--accept", path],
                                    dict(CLEAN, TERM="xterm", NO_COLOR="1"))
        bester.same("\\033[31m-" in shown, False, shown)
        bester.same(re.search("^-.*bad", shown, re.M) is not None, True, shown)


if __name__ == "__main__":
    bester.run(test_one_text, test_captures_and_wildcards_stay, test_several_lines,
               test_another_kind_of_frame, test_a_layout_of_its_own, test_what_differs_each_time,
               test_other_failures_are_left_alone, test_what_is_included_is_left_alone,
               test_several_plays, test_the_file, test_refused, test_with_a_report_on_stdout,
               test_colours)
