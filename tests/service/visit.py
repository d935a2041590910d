#!/usr/bin/env python3
"""besterd as a service of a real systemd, installed and started as docs/operations.md says.
Runs on the machine that tests/service/machine makes, nowhere else. Writes TAP."""
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(HERE / "tests/support"))
from bester import Client, run, same

CONFIG = pathlib.Path("/etc/bester/besterd.json")
SOCKET = "/run/bester/bester.sock"
DROP_IN = pathlib.Path("/run/systemd/system/besterd.service.d/test.conf")


def systemctl(*words, check=True):
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"systemctl {' '.join(words)}: {done.stderr}\n{journal()}")
    return done


def shown(what, unit="besterd.service"):
    return systemctl("show", "--value", "-p", what, unit).stdout.strip()


def main_pid():
    return int(shown("MainPID"))


def journal():
    subprocess.run(["journalctl", "--sync"], check=False)
    return subprocess.run(["journalctl", "-u", "besterd", "-o", "cat", "--no-pager"],
                          capture_output=True, text=True, check=False).stdout


def tcp():
    return Client.of(socket.create_connection(("127.0.0.1", 2223)))


def log_in(client):
    return client.log_in("T", "secret")["header"]["status"]


def greet(client):
    """One message to oneself, there and back."""
    report = client.send("chat", {"to": ["T"], "text": "hello"})
    same(report["header"]["status"], "good", str(report))


def process(pid):
    """The lines of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def members():
    """Every process of the service."""
    group = shown("ControlGroup")
    text = pathlib.Path(f"/sys/fs/cgroup/systemd{group}/cgroup.procs").read_text(encoding="utf-8")
    return [int(word) for word in text.split()]


# ---- the tests, in this order ----


def test_the_commands_of_the_documentation_start_it():
    text = (HERE / "docs/operations.md").read_text(encoding="utf-8")
    block = re.search(r"## As a service\n(?:.*\n)*?\n((?:    .*\n)+)", text)[1]
    done = subprocess.run(["sh", "-e", "-c", block], input="secret\n", capture_output=True,
                          text=True, check=False)
    same(done.returncode, 0, done.stdout + done.stderr + journal())
    same(shown("ActiveState"), "active")
    same(shown("ActiveState", "besterd.socket"), "active")
    same("serves as" in shown("StatusText"), True, shown("StatusText"))


def test_clients_talk_through_it():
    with tcp() as client:
        same(log_in(client), "good")
        greet(client)
    with Client(SOCKET, "T", "secret") as client:
        greet(client)


def test_it_has_nothing_it_does_not_need():
    user = subprocess.run(["id", "-u", "bester"], capture_output=True, text=True, check=True)
    for pid in members():
        facts = process(pid)
        same(facts["Uid"].split(), [user.stdout.strip()] * 4, f"process {pid}")
        same(int(facts["CapEff"], 16) | int(facts["CapBnd"], 16), 0, f"process {pid}")
        same(facts["NoNewPrivs"], "1", f"process {pid}")
        same(facts["Seccomp"], "2", f"process {pid}")
    same(len(members()) >= 2, True, "besterd and its handler")


def test_it_is_in_its_sandbox():
    """The unit lets it have what the kernel has."""
    landlock = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) > 0
    said = journal()
    if landlock:
        same("files are confined by Landlock" in said, True, said)
    same("seccomp is not to be had" in said, False, said)
    same("was refused" in said, False, said)


def test_a_reload_keeps_sessions():
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    config["admin"] = {"info": {"place": "cellar"}}
    CONFIG.write_text(json.dumps(config), encoding="utf-8")
    pid = main_pid()
    with tcp() as client:
        same(log_in(client), "good")
        systemctl("reload", "besterd")
        greet(client)
        while "the configuration was read again" not in journal():
            greet(client) # the signal is sent when systemctl ends, and taken soon after
        greet(client)
    same(main_pid(), pid)


def test_a_reload_of_a_wrong_configuration_fails_and_says_why():
    good = CONFIG.read_text(encoding="utf-8")
    CONFIG.write_text(good.replace('"types"', '"typos"', 1), encoding="utf-8")
    same(systemctl("reload", "besterd", check=False).returncode != 0, True, "systemctl reload")
    CONFIG.write_text(good, encoding="utf-8")
    same("network.typos" in journal(), True, journal())
    with tcp() as client:
        same(log_in(client), "good")


def test_nobody_is_refused_while_it_is_started_again():
    over = threading.Event()
    refused, served = [], []

    def visitor():
        while not over.is_set():
            try:
                with tcp() as client:
                    served.append(client.log_in("T", "secret"))
            except ConnectionRefusedError as error:
                refused.append(error)
            except OSError:
                pass # it was with the old server when that ended

    threads = [threading.Thread(target=visitor, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    before = main_pid()
    for _ in range(3):
        systemctl("restart", "besterd")
    over.set()
    for thread in threads:
        thread.join()
    same(refused, [])
    same(len(served) > 0 and main_pid() != before, True)


def test_a_crash_is_mended():
    for number in (signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT): # more often than 5 times in all
        before = main_pid()
        os.kill(before, number)
        with tcp() as client: # waits in the socket that systemd holds
            same(log_in(client), "good")
            greet(client)
        same(main_pid() != before, True)


def test_one_that_hangs_is_started_again():
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text("[Service]\nWatchdogSec=1\n", encoding="utf-8")
    systemctl("daemon-reload")
    systemctl("restart", "besterd")
    before = main_pid()
    os.kill(before, signal.SIGSTOP)
    served = False
    while not served:
        try:
            with tcp() as client:
                served = log_in(client) == "good"
        except (OSError, TypeError):
            pass # what the old one had taken ends with it
    same(main_pid() != before, True)
    same("Watchdog timeout" in journal(), True, journal())
    DROP_IN.unlink()
    systemctl("daemon-reload")


def test_a_wrong_configuration_is_not_tried_again():
    good = CONFIG.read_text(encoding="utf-8")
    CONFIG.write_text(good.replace('"types"', '"typos"', 1), encoding="utf-8")
    same(systemctl("restart", "besterd", check=False).returncode != 0, True, "systemctl restart")
    same(shown("ExecMainStatus"), "78")
    same(shown("ActiveState"), "failed", journal())
    same(shown("NRestarts"), "0")
    CONFIG.write_text(good, encoding="utf-8")
    systemctl("restart", "besterd.socket", "besterd")
    with tcp() as client:
        same(log_in(client), "good")


def test_the_first_connection_wakes_it():
    systemctl("stop", "besterd.socket", "besterd")
    systemctl("start", "besterd.socket")
    same(shown("ActiveState"), "inactive")
    with tcp() as client:
        same(log_in(client), "good")
    same(shown("ActiveState"), "active")


def test_it_ends_in_order():
    with tcp() as client:
        same(log_in(client), "good")
        handlers = members()
        systemctl("stop", "besterd.socket", "besterd")
        while client.hear() is not None:
            pass
    same(shown("Result"), "success")
    same("info besterd: ended" in journal(), True, journal())
    same([pid for pid in handlers if os.path.exists(f"/proc/{pid}")], [])


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
