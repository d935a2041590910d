#!/usr/bin/env python3
"""The demonstrations of `make soak` in a hundredth of their size; that they notice what they are
there to notice; and that nothing is left when they are interrupted. Writes TAP."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

SUPPORT = pathlib.Path(__file__).resolve().parents[1] / "support"
sys.path.insert(0, str(SUPPORT))
from bester import BUILD, run, same

SOAK = BUILD + "/soak/soak"

# A chat handler that gives out the message before once more in place of each twentieth, so that the
# server reports good what reaches nobody.
CONFUSED = f"""#!/usr/bin/env python3
import signal, sys
sys.dont_write_bytecode = True
sys.path.insert(0, {str(SUPPORT)!r})
from bester import Handler
def answer(data):
    seen.append(data)
    data = seen[-2] if len(seen) % 20 == 0 else data
    return {{"header": {{"command": {{"type": "sendClients", "data": [data["to"]]}}}}, "data": data}}
seen = []
handler = Handler(sys.argv[1], answer)
signal.pause()
"""


def processes(folder):
    """Whoever has our TMPDIR in his environment: all that the soak starts inherit it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if f"TMPDIR={folder}".encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(int(pid))
        except OSError:  # gone, or a process of somebody else
            pass
    return found


class Soak:
    """A run with a folder of its own, in which nothing may be left."""

    def __init__(self, *args):
        self.folder = tempfile.mkdtemp(prefix="soak-", dir="/tmp")
        self.process = subprocess.Popen(
            [SOAK, "--build", BUILD, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=dict(os.environ, TMPDIR=self.folder))

    def end(self, status):
        """What it said, if it ended so and left nothing behind."""
        text = self.process.stdout.read()
        found = self.process.wait()
        left = os.listdir(self.folder)
        shutil.rmtree(self.folder)
        same((found, processes(self.folder), left), (status, [], []),
             f"exit status, processes and files that are left, after\n{text}\n")
        return text


def test_all_demonstrations():
    text = Soak("--part", "100", "--seconds", "1").end(0)
    same(re.findall(r"^(\w+): ", text, re.M), ["clients", "idle", "slow", "kills", "reloads", "frames"])
    same(text.splitlines()[-1], "6 passed, 0 failed")
    same("kills       10 in " in text and "reloads     10 in " in text, True, text)


def test_one_that_does_not_hold():
    folder = tempfile.mkdtemp()
    build = pathlib.Path(folder, "build")
    (build / "handlers").mkdir(parents=True)
    (build / "besterd").symlink_to(BUILD + "/besterd")
    (build / "handlers" / "chat").write_text(CONFUSED)
    (build / "handlers" / "chat").chmod(0o755)
    text = Soak("--part", "100", "--seconds", "1", "--build", str(build), "clients").end(1)
    same(bool(re.search(r"FAILED: message \d+ came a second time", text)), True, text)
    same(text.splitlines()[-1], "0 passed, 1 failed")
    shutil.rmtree(folder)


def test_interrupted():
    soak = Soak("--part", "100", "--seconds", "1000", "clients")
    while "all in after" not in soak.process.stdout.readline():
        pass
    same(len(processes(soak.folder)) >= 4, True, "the soak, its guard, besterd and chat")
    soak.process.send_signal(signal.SIGINT)
    soak.end(130)


def test_wrong_names():
    text = Soak("clients", "nonsense").end(2)
    same(text, "soak: there is no demonstration nonsense\n")


run(test_all_demonstrations, test_one_that_does_not_hold, test_interrupted, test_wrong_names)
