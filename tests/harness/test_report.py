#!/usr/bin/env python3
"""The reports of `harness run`, read by those who will read them: an XML parser, a JSON parser, a
reader of HTML that is stricter than a browser. Writes TAP."""
import base64, hashlib, json, os, pty, re, select, shutil, signal, subprocess, sys, tempfile
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import bester

HARNESS = os.path.join(os.environ.get("BESTER_BUILD", "build"), "harness")
GOOD = "tests/harness/plays/good.json"
HANGS = "tests/harness/plays/hangs.json"
WRONG = "tests/harness/wrong/"
HOSTILE = "x</script></pre><script>alert(1)</script><img src=x onerror=alert(1)>'\"&amp;]]>\u202e\u0007"


def harness(*arguments, **more):
    return subprocess.run([HARNESS, "run", *arguments], capture_output=True, text=True, **more)


def expect(found, wanted, about=""):
    if found != wanted:
        raise AssertionError(f"{about}: {found!r} instead of {wanted!r}")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text, mode=0o644):
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    os.chmod(path, mode)
    return path


class Reports:
    """A folder in which a run leaves all its reports."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="bester-report-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        self.done = harness(*arguments, *self.options())
        return self.done

    def options(self):
        names = {"junit": "r.xml", "json": "r.json", "html": "r.html", "mermaid": "r.md"}
        return [word for name, file in names.items() for word in ("--" + name, self.path(file))]

    def junit(self):
        return ElementTree.parse(self.path("r.xml")).getroot()

    def json(self):
        def no_duplicates(pairs):
            names = [name for name, _ in pairs]
            expect(len(names), len(set(names)), f"members of {names}")
            return dict(pairs)

        return json.loads(read(self.path("r.json")), object_pairs_hook=no_duplicates)

    def html(self):
        return Page(read(self.path("r.html")))

    def mermaid(self):
        return read(self.path("r.md"))


class Page(HTMLParser):
    """HTML that is closed where it was opened, and refers to nothing outside itself."""

    EMPTY = {"meta", "input"}
    ATTRIBUTES = set(
        """aria-hidden aria-label charset checked class content cx cy d height hidden http-equiv id
        lang markerheight markerunits markerwidth name open orient preserveaspectratio r refx refy
        role rx scope tabindex type viewbox width x x1 x2 y y2""".split()
    )

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.source = text
        self.stack, self.ids, self.texts, self.plays = [], set(), {}, []
        self.tags = {}
        self.policy = None
        self.feed(text)
        self.close()
        expect(self.stack, [], "open elements at the end")

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        expect(len(names), len(set(names)), f"attributes of <{tag}>")
        strangers = set(names) - self.ATTRIBUTES
        expect(strangers, set(), f"attributes of <{tag}>")
        values = dict(attributes)
        self.tags[tag] = self.tags.get(tag, 0) + 1
        if "id" in values:
            assert values["id"] not in self.ids, f"two elements have the id {values['id']}"
            self.ids.add(values["id"])
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if "play" in (values.get("class") or "").split():
            self.plays.append(values["class"].split()[1])
        if tag not in self.EMPTY:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.EMPTY:
            self.stack.pop()

    def handle_endtag(self, tag):
        assert self.stack and self.stack[-1] == tag, f"</{tag}> in {self.stack[-3:]}, {self.getpos()}"
        self.stack.pop()

    def handle_data(self, data):
        inside = self.stack[-1] if self.stack else ""
        self.texts[inside] = self.texts.get(inside, "") + data

    def said(self):
        return "".join(text for tag, text in self.texts.items() if tag not in ("style", "script"))


# ---- all forms at once ---------------------------------------------------------------------------


def all_forms_agree():
    with Reports() as reports:
        wrong = [WRONG + "other_message.json", WRONG + "not_asked.json"]
        expect(reports.run(GOOD, *wrong, GOOD).returncode, 1, "exit status")
        expect(reports.done.stderr, "")
        expect(re.findall(r"^(ok|not ok)", reports.done.stdout, re.M), ["ok", "not ok", "not ok", "ok"])
        counts = reports.json()["counts"]
        expect((counts["planned"], counts["passed"], counts["failed"]), (4, 2, 2))
        suite = reports.junit()
        expect((suite.get("tests"), suite.get("failures"), suite.get("skipped")), ("4", "2", "0"))
        expect(reports.html().plays, ["passed", "failed", "failed", "passed"])
        expect(reports.mermaid().count("```mermaid\n"), 4)
        expect(sorted(os.listdir(reports.folder)), ["r.html", "r.json", "r.md", "r.xml"])


def junit_tells_why():
    with Reports() as reports:
        reports.run(GOOD, WRONG + "other_message.json")
        good, bad = reports.junit().iter("testcase")
        expect(good.attrib["classname"], "tests.harness.plays.good")
        expect(good.attrib["name"], "Short and good")
        expect(len(good), 0)
        assert re.fullmatch(r"\d+\.\d{3}", good.attrib["time"]), good.attrib
        expect(bad.attrib["file"], WRONG + "other_message.json")
        failure = bad.find("failure")
        expect(failure.get("type"), "OTHER MESSAGE")
        expect(failure.get("message"), "OTHER MESSAGE at line 11: J said something else to G.")
        for part in [WRONG + "other_message.json:11: J > G: J said", "payload.data.teks: expected "
                     '"Goeie môre", got "Goeie more"', "expected:\n", "got:\n", "timeline:\n", "J > G {"]:
            assert part in failure.text, f"no {part!r} in {failure.text}"


def json_holds_everything():
    with Reports() as reports:
        reports.run(GOOD, WRONG + "near_miss.json")
        run = reports.json()
        expect((run["form"], run["version"], run["good"], run["interrupted"]),
               ("bester-harness-report", 1, False, False))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", run["started"]), run["started"]
        good, bad = run["plays"]
        expect((good["number"], good["file"], good["play"], good["result"]),
               (1, GOOD, "Short and good", "passed"))
        said = [event for event in good["attempts"][0]["timeline"] if event["kind"] == "said"]
        expect(said[0]["text"], '{"login": {"user": "T"}}')
        expect(said[0]["frame"]["header"]["authentication"], {"username": "T", "password": "(hidden)"})
        expect((said[1]["from"], said[1]["to"], said[1]["frame"]["payload"]["type"]), ("T", "J", "dummy"))
        assert said[1]["line"] > 0 and said[1]["bytes"] > 20
        attempt = bad["attempts"][0]
        failure = attempt["failure"]
        expect((failure["cause"], failure["headline"], failure["line"], failure["step"]),
               ("SILENCE", "SILENCE", 11, "J > G"))
        expect(failure["differences"], [])
        expect([difference["path"] for difference in failure["nearestDifferences"]],
               ["payload.data.teks", "payload.data.aan"])
        marked = [event for event in attempt["timeline"] if event.get("mark") == "nearest"]
        expect([(event["from"], event["to"], event["unasked"]) for event in marked], [("J", "H", True)])
        kinds = {event["kind"] for event in attempt["timeline"]}
        expect(kinds, {"said", "frame", "end", "log", "note"})
        times = [event["ms"] for event in attempt["timeline"]]
        expect(times, sorted(times), "times")


# ---- the page ------------------------------------------------------------------------------------


def page_needs_nothing_else():
    with Reports() as reports:
        reports.run(GOOD, WRONG + "other_message.json", WRONG + "stopped.json")
        page = reports.html()
        for tag in ["link", "img", "iframe", "object", "embed", "a", "base", "form", "image", "use"]:
            assert tag not in page.tags, f"a <{tag}>"
        expect((page.tags["script"], page.tags["style"]), (1, 1))
        for address in re.findall(r"url\(([^)]*)\)", page.source):
            assert re.fullmatch(r"#[a-z-]+", address), f"url({address})"
        assert "@import" not in page.source and "@font-face" not in page.source
        assert not re.search(r"https?:|//[a-z]", page.source.replace("tcp4://", "")), "an address"


def policy_names_style_and_script():
    with Reports() as reports:
        reports.run(GOOD)
        page = reports.html()
        for tag in ["style", "script"]:
            digest = hashlib.sha256(page.texts[tag].encode()).digest()
            wanted = f"'sha256-{base64.b64encode(digest).decode()}'"
            assert f"{tag}-src {wanted};" in page.policy, f"report_html.c must say {wanted} for {tag}"
        assert page.policy.startswith("default-src 'none';") and "unsafe" not in page.policy


def page_tells_a_failure():
    with Reports() as reports:
        reports.run(WRONG + "other_message.json", WRONG + "stopped.json")
        page = reports.html()
        said = page.said()
        for part in ["2 of 2 plays failed", "OTHER MESSAGE", "payload.data.teks", "J said something else",
                     "signal 19", "This came where another was expected.", "did not come",
                     "handler on J", '"messageType": "receivedMessage"', "logged in as T"]:
            assert part in said, f"no {part!r}"
        assert page.tags["mark"] >= 2 and page.tags["svg"] > 20


def no_markup_of(reports, path):
    """What holds for every report of a play that would like to be more than a text."""
    expect(reports.run(path).returncode, 1, reports.done.stderr)
    page = reports.html()
    expect((page.tags["script"], "img" in page.tags), (1, False))
    for text in [page.source, read(reports.path("r.xml")), reports.mermaid(), reports.done.stdout]:
        assert not re.search("[\u202e\x07\x1b]", text), "a character that acts"
    assert "<" not in reports.mermaid()
    case = reports.junit().find(".//testcase")
    expect(case.get("file"), path)
    return page, case


def strangers_stay_text():
    """Names, data and expectations that would like to be markup, in a file with such a name."""
    play = {
        "play": HOSTILE,
        "servers": {"J": {}},
        "handlers": {"S": {"on": "J", "type": HOSTILE}},
        "clients": {"T": "J"},
        "steps": [{"T > J": {"type": HOSTILE, "data": {HOSTILE: HOSTILE}, "id": "1"}},
                  {"J > S": {HOSTILE: "other " + HOSTILE}}],
    }
    with Reports() as reports:
        page, case = no_markup_of(
            reports, write(reports.path("a<b>&'\"c.json"), json.dumps(play)))
        assert page.said().count("alert(1)") > 5, page.said()
        assert case.get("name").startswith("x</script></pre><script>alert(1)"), case.attrib
        assert "alert(1)" in case.find("failure").text
        expect(reports.json()["plays"][0]["play"], HOSTILE)


def logs_stay_text():
    with Reports() as reports:
        noisy = write(reports.path("noisy"),
                      b"#!/bin/sh\nprintf 'evil \\377\\033[31m%s\\n' '</pre><script>alert(2)</script>' >&2\n"
                      b"exit 1\n", 0o755)
        play = {
            "play": "A handler writes more than a log",
            "servers": {"J": {}},
            "handlers": {"N": {"on": "J", "type": "n", "run": noisy}},
            "clients": {"T": "J"},
            "steps": [{"J > T": {"status": "good"}}],
        }
        page, case = no_markup_of(reports, write(reports.path("noisy.json"), json.dumps(play)))
        assert re.search(r"evil \\xff.{1,4}\[31m</pre><script>alert\(2\)", page.said()), page.said()
        assert "<script>alert(2)" in case.find("failure").text


# ---- Mermaid -------------------------------------------------------------------------------------


def mermaid_of_one_play():
    with Reports() as reports:
        reports.run("fixtures/scenarios/worked_example.json")
        lines = reports.mermaid().splitlines()
        expect(lines[:5], ["sequenceDiagram", "    participant p1 as T", "    participant p2 as J",
                           "    participant p3 as S", "    participant p4 as G"])
        for line in ["    p1->>p2: login T", "    p2->>p1: good auth_special",
                     "    p1->>p2: afrikaans {aan: G, teks: Goeie môre}",
                     "    p2->>p3: {aan: G, teks: Goeie môre}",
                     "    p3->>p2: sendClients G: {van: T, teks: Goeie môre}",
                     "    p2->>p4: afrikaans {van: T, teks: Goeie môre}", "    p2->>p1: good m1-1"]:
            assert line in lines, f"no {line!r} in {lines}"
        assert not any("Note over" in line for line in lines), lines


def mermaid_shows_failures():
    with Reports() as reports:
        reports.run(WRONG + "stopped.json")
        text = reports.mermaid()
        assert "Note over p2: ⚡ signal 19 (Stopped (signal))" in text, text
        assert "p2--xp1: did not come: dummy" in text, text
        assert "Note over p1,p2: ✗ line 8, SILENCE" in text, text
        # What is done to an edge stands between the two, and spoils what comes after.
        reports.run(WRONG + "fault_silences.json")
        text = reports.mermaid()
        assert "    p2-xp1: ⚡ cut begins\n" in text, text
        assert text.index("cut begins") < text.index("⚡ cut: a frame of"), text
        faults = [event for event in reports.json()["plays"][0]["attempts"][0]["timeline"]
                  if event["kind"] == "fault"]
        expect([(event["from"], event["to"]) for event in faults], [("J", "T")] * 2, faults)
        expect(faults[0]["line"], 6)
        # What a real client writes stands on its lifeline.
        reports.run(WRONG + "client_other_line.json")
        text = reports.mermaid()
        expect(text.count("    participant "), 2, text)
        assert "    Note over p1: ✗ stdout: one two\n" in text, text


# ---- where reports go ----------------------------------------------------------------------------


def standard_output_in_place_of_tap():
    expect(json.loads(harness("--json", "-", GOOD).stdout)["counts"]["passed"], 1)
    assert harness("--mermaid", "-", GOOD).stdout.startswith("sequenceDiagram\n")
    expect(ElementTree.fromstring(harness("--junit", "-", GOOD).stdout).get("tests"), "1")
    expect(harness("--json", "-", "--junit", "-", GOOD).returncode, 2)
    expect(harness("--json", "-", "--ladder", GOOD).returncode, 2)


def one_file_for_one_report():
    with Reports() as reports:
        path = write(reports.path("x"), "old")
        os.symlink(path, reports.path("y"))
        for other in [path, reports.path("y")]:
            run = harness("--json", path, "--html", other, GOOD)
            expect((run.returncode, run.stdout, read(path)), (2, "", "old"))


def a_file_is_replaced_whole():
    with Reports() as reports:
        path = write(reports.path("r.json"), "old", 0o640)
        os.symlink("r.json", reports.path("link.json"))
        before = os.stat(path).st_ino
        expect(harness("--json", reports.path("link.json"), GOOD).returncode, 0)
        expect(reports.json()["counts"]["passed"], 1)
        assert os.path.islink(reports.path("link.json"))
        assert os.stat(path).st_ino != before, "written in place"
        expect(os.stat(path).st_mode & 0o777, 0o640)
        expect(sorted(os.listdir(reports.folder)), ["link.json", "r.json"])


def a_new_file_is_as_umask_says():
    with Reports() as reports:
        expect(harness("--json", reports.path("r.json"), GOOD, umask=0o027).returncode, 0)
        expect(os.stat(reports.path("r.json")).st_mode & 0o777, 0o640)


def what_cannot_be_written_is_told_first():
    with Reports() as reports:
        for path in ["/nowhere/r.json", reports.folder]:
            run = harness("--json", path, GOOD)
            expect((run.returncode, run.stdout), (74, ""), path)
            assert "can't be written" in run.stderr, run.stderr


def devices_and_full_disks():
    expect(harness("--json", "/dev/null", GOOD).returncode, 0)
    assert not os.path.isfile("/dev/null")
    run = harness("--json", "/dev/full", GOOD)
    expect(run.returncode, 74)
    assert "/dev/full could not be written" in run.stderr, run.stderr
    expect(harness("--json", "/dev/full", WRONG + "not_asked.json").returncode, 1)


# ---- ends before the end -------------------------------------------------------------------------


def start(*arguments, **more):
    return subprocess.Popen([HARNESS, "run", *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **more)


def until_it_hangs(process):
    """The last play hangs once those before it are told."""
    for line in process.stdout:
        if line.startswith("ok 1 "):
            return
    raise AssertionError(process.stderr.read())


def interrupted_reports_are_whole():
    with Reports() as reports:
        process = start("-j1", GOOD, HANGS, GOOD, *reports.options())
        until_it_hangs(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        expect((process.returncode, err), (130, ""))
        assert out.endswith("Bail out! interrupted\n"), out
        run = reports.json()
        expect((run["interrupted"], run["good"]), (True, False))
        expect([play["result"] for play in run["plays"]], ["passed", "notRun", "notRun"])
        expect([play.get("reason") for play in run["plays"]],
               [None, "interrupted while it played", "the run was interrupted before its turn"])
        suite = reports.junit()
        expect((suite.get("tests"), suite.get("failures"), suite.get("skipped")), ("3", "0", "2"))
        expect(reports.html().plays, ["passed", "notrun", "notrun"])
        assert "Interrupted" in reports.html().said()


def killed_leaves_the_old_file():
    with Reports() as reports:
        path = write(reports.path("r.json"), "old")
        process = start("-j1", GOOD, HANGS, "--json", path)
        until_it_hangs(process)
        # Who writes reports is the child of its guard.
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
            os.kill(int(children.read()), signal.SIGKILL)
        process.communicate()
        expect(process.returncode, -signal.SIGKILL)
        expect(read(path), "old")
        expect(os.listdir(reports.folder), ["r.json"])


# ---- trying again --------------------------------------------------------------------------------


def unsteady_play(reports, failures):
    """A play whose handler dies so many times before it does not."""
    script = f"""#!/bin/sh
# Dies before it has listened, until it has been tried often enough.
echo >>'{reports.path("tries")}'
[ "$(wc -l <'{reports.path("tries")}')" -gt {failures} ] || exit 3
exec '{os.path.abspath(os.path.join(os.path.dirname(HARNESS), "handlers", "chat"))}' "$@"
"""
    play = {
        "play": "Now so, now otherwise",
        "servers": {"J": {}},
        "handlers": {"chat": {"on": "J", "protocol": "stream",
                              "run": write(reports.path("unsteady"), script, 0o755)}},
        "clients": {"T": "J"},
        "steps": [{"T > J": {"type": "chat", "data": {"to": "T", "text": "x"}, "id": "<m1>"}},
                  {"J > T": {"type": "chat", "data": {"text": "x", "...": True}}},
                  {"J > T": {"status": "good", "id": "<m1>"}}],
    }
    return write(reports.path("unsteady.json"), json.dumps(play))


def flaky_fails():
    with Reports() as reports:
        expect(reports.run("--retry", "3", unsteady_play(reports, 2)).returncode, 1, reports)
        out = reports.done.stdout
        assert re.search(r"^not ok 1 - .*; FLAKY: passed at attempt 3\)$", out, re.M), out
        assert "    1: PEER DIED: exited with 3 at line 1" in out and "    3: passed (" in out, out
        play = reports.json()["plays"][0]
        expect((play["result"], [attempt["passed"] for attempt in play["attempts"]]),
               ("flaky", [False, False, True]))
        case = reports.junit().find(".//testcase")
        expect([child.tag for child in case], ["failure", "flakyFailure"])
        expect(case.find("failure").get("type"), "flaky")
        expect(reports.junit().get("failures"), "1")
        expect(reports.html().plays, ["flaky"])
        assert "## ≈ Now so" in harness("--retry", "1", "--mermaid", "-", GOOD,
                                        reset(reports, 1)).stdout


def reset(reports, failures):
    os.unlink(reports.path("tries"))
    return unsteady_play(reports, failures)


def flaky_may_be_allowed():
    with Reports() as reports:
        run = reports.run("--retry", "1", "--allow-flaky", unsteady_play(reports, 1))
        expect(run.returncode, 0, run.stdout)
        assert re.search(r"^ok 1 - .*FLAKY", run.stdout, re.M), run.stdout
        expect([child.tag for child in reports.junit().find(".//testcase")], ["flakyFailure"])
        expect((reports.junit().get("failures"), reports.json()["good"]), ("0", True))


def what_never_passes_failed():
    with Reports() as reports:
        expect(reports.run("--retry", "2", WRONG + "not_asked.json").returncode, 1)
        assert re.search(r"^not ok 1 .*; failed 3 times\)$", reports.done.stdout, re.M)
        case = reports.junit().find(".//testcase")
        expect([child.tag for child in case], ["failure", "rerunFailure", "rerunFailure"])
        expect(reports.json()["plays"][0]["result"], "failed")


def what_passes_is_not_tried_again():
    with Reports() as reports:
        expect(reports.run("--retry", "5", "--allow-flaky", GOOD).returncode, 0)
        expect(len(reports.json()["plays"][0]["attempts"]), 1)


# ---- progress ------------------------------------------------------------------------------------


def at_terminal(*arguments, **environment):
    """What the harness writes to its standard error when that is a terminal; its exit status."""
    master, slave = pty.openpty()
    changed = {**os.environ, "TERM": "xterm", **environment}
    changed = {name: value for name, value in changed.items() if value is not None}
    process = subprocess.Popen([HARNESS, "run", *arguments], stdout=subprocess.DEVNULL, stderr=slave,
                               env=changed)
    os.close(slave)
    seen = b""
    while True:
        select.select([master], [], [])
        try:
            seen += os.read(master, 65536)
        except OSError:  # nobody has the terminal open any more
            break
    os.close(master)
    return seen.decode(), process.wait()


def progress_at_a_terminal():
    seen, status = at_terminal(GOOD, WRONG + "silence.json", GOOD, NO_COLOR=None)
    expect(status, 1)
    lines = [line for line in seen.split("\r\x1b[K") if line]
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert "\x1b[31m1 failed" in lines[-1], lines[-1]
    assert re.fullmatch(r"3 plays: 2 passed, 1 failed, \d+\.\d s\r\n", plain[-1]), plain[-1]
    running = [line for line in plain if "running" in line]
    assert len(running) > 3, "not drawn again while a play is silent"
    assert any(re.match(r"2/3 2 passed, 1 running, \d+\.\d s  tests/harness/wrong/sil", line)
               for line in running), running
    for line in plain[:-1]:
        assert len(line) < 80 and "\n" not in line, line


def progress_without_colour():
    for colour in ["1", "always"]:
        seen, _ = at_terminal(GOOD, NO_COLOR=colour)
        assert "1 play: 1 passed" in seen and not re.search(r"\x1b\[[0-9;]*m", seen), seen
    assert "\x1b[32m" in at_terminal(GOOD, NO_COLOR="")[0], "an empty NO_COLOR is none"


def progress_only_where_it_can_be():
    expect(at_terminal(GOOD, TERM="dumb"), ("", 0))
    expect(at_terminal(GOOD, TERM=None), ("", 0))
    expect(at_terminal("--ladder", GOOD), ("", 0))
    expect(harness(GOOD).stderr, "")


TESTS = [
    all_forms_agree, junit_tells_why, json_holds_everything, page_needs_nothing_else,
    policy_names_style_and_script, page_tells_a_failure, strangers_stay_text, logs_stay_text, mermaid_of_one_play,
    mermaid_shows_failures, standard_output_in_place_of_tap, one_file_for_one_report,
    a_file_is_replaced_whole, a_new_file_is_as_umask_says, what_cannot_be_written_is_told_first,
    devices_and_full_disks, interrupted_reports_are_whole, killed_leaves_the_old_file, flaky_fails,
    flaky_may_be_allowed, what_never_passes_failed, what_passes_is_not_tried_again,
    progress_at_a_terminal, progress_without_colour, progress_only_where_it_can_be,
]


bester.run(*TESTS)
