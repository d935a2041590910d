#!/usr/bin/env python3
"""A play of three servers, many times and many at once: it never fails, and nothing is left behind:
no process, no socket, no file, no port. ENDURANCE_ROUNDS says how often (default 64). `harness bench`
on the way. Writes TAP."""
import json, os, re, signal, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import bester

HARNESS = os.path.join(os.environ.get("BESTER_BUILD", "build"), "harness")
PLAY = "tests/harness/plays/three.json"
ROUNDS = int(os.environ.get("ENDURANCE_ROUNDS", "64"))


def expect(found, wanted, about=""):
    if found != wanted:
        raise AssertionError(f"{about}: {found!r} instead of {wanted!r}")


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:  # gone, or a process of somebody else
        return b""


def processes(folder):
    """Whoever has our TMPDIR in his environment: all that the harness starts inherit it."""
    wanted = f"TMPDIR={folder}".encode()
    return [int(pid) for pid in os.listdir("/proc")
            if pid.isdigit() and wanted in read(f"/proc/{pid}/environ").split(b"\0")]


def inodes(pids):
    """The sockets that these have."""
    found = set()
    for pid in pids:
        try:
            links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        found |= {link[8:-1] for link in links if link.startswith("socket:[")}
    return found


def listening(sockets):
    """Of these, the ones that listen somewhere: their addresses."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in read(table).decode().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in sockets:
                found.add(words[1])
    return found


def all_listeners():
    return {line.split()[1] for table in ("/proc/net/tcp", "/proc/net/tcp6")
            for line in read(table).decode().splitlines()[1:] if line.split()[3] == "0A"}


class Run:
    """The harness in a TMPDIR of its own; what it and its children listened at is remembered."""

    def __init__(self, *arguments):
        self.folder = tempfile.mkdtemp(prefix="bester-endurance-")
        self.process = subprocess.Popen([HARNESS, *arguments], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "TMPDIR": self.folder})
        self.places, self.children = set(), set()

    def look(self):
        pids = processes(self.folder)
        self.children |= set(pids)
        self.places |= listening(inodes(pids))

    def assert_nothing_left(self):
        expect(processes(self.folder), [], "processes")
        expect(os.listdir(self.folder), [], "files")
        paths = [line for line in read("/proc/net/unix").decode().splitlines() if self.folder in line]
        expect(paths, [], "UNIX sockets")
        expect(self.places & all_listeners(), set(), "ports")
        os.rmdir(self.folder)


def nothing_is_left():
    run = Run("run", "-j32", "--deadline", "60s", "--repeat", str(ROUNDS), PLAY)
    told = []
    for line in run.process.stdout:
        told.append(line)
        if line.startswith(("ok", "not ok")) and len(told) % 16 == 3:
            run.look()
    errors = run.process.stderr.read()
    expect(run.process.wait(), 0, "".join(told)[-3000:] + errors)
    expect(sum(line.startswith("ok ") for line in told), ROUNDS)
    assert len(run.children) > 3 and run.places, "nothing was seen while it ran"
    run.assert_nothing_left()


def nothing_is_left_after_an_interruption():
    for number in (signal.SIGINT, signal.SIGTERM):
        run = Run("run", "-j32", "--deadline", "60s", "--repeat", "100000", PLAY)
        for line in run.process.stdout:
            if line.startswith(("ok ", "not ok")):
                break
        expect(line.startswith("ok "), True, line)
        run.look()
        run.process.send_signal(number)
        run.process.communicate()
        expect(run.process.returncode, 130)
        run.assert_nothing_left()


def a_bench():
    run = Run("bench", "-n", "9", PLAY)
    out, errors = run.process.communicate()
    expect((run.process.returncode, errors), (0, ""), out)
    for pattern in [r"^\d+ processors?, \d+ plays at once, 9 plays$",
                    r"^  server ready +[\d.]+ ms at the median, [\d.]+ ms at most; at most 20 ms asked for: ",
                    r"^  plays +[\d.e+]+ per second; at least \d00 per second asked for: ",
                    r"^  all plays named +[\d.]+ s; at most [16]0 s asked for: "]:
        assert re.search(pattern, out, re.M), out
    run.assert_nothing_left()
    run = Run("bench", "-n", "3", "-j2", "--json", "-")
    bench = json.loads(run.process.communicate()[0])
    expect((bench["form"], bench["jobs"], bench["plays"]), ("bester-harness-bench", 2, 3))
    expect(sorted(bench["figures"]), ["playsPerSecond", "serverReadyMs"])
    ready, plays = bench["figures"]["serverReadyMs"], bench["figures"]["playsPerSecond"]
    assert 0 < ready["value"] <= ready["most"] and plays["value"] > 0, bench
    expect((ready["good"], plays["good"]),
           (ready["value"] <= ready["asked"], plays["value"] >= plays["asked"]))
    run.assert_nothing_left()


def a_bench_that_fails():
    for status, arguments in [(1, ["tests/harness/wrong/not_asked.json"]), (74, ["--besterd", "/nowhere"]),
                              (2, ["-n", "0"]), (74, ["--json", "/nowhere/x.json"])]:
        run = Run("bench", "-n", "1", *arguments)
        _, errors = run.process.communicate()
        expect(run.process.returncode, status, errors)
        assert errors, arguments
        run.assert_nothing_left()
    run = Run("bench", "-n", "1000000")
    while len(processes(run.folder)) < 2:
        assert run.process.poll() is None
    run.process.send_signal(signal.SIGTERM)
    run.process.communicate()
    expect(run.process.returncode, 130)
    run.assert_nothing_left()


TESTS = [nothing_is_left, nothing_is_left_after_an_interruption, a_bench, a_bench_that_fails]


bester.run(*TESTS)
