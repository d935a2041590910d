#!/usr/bin/env python3
"""besterd and `besterd user` with a real redis-server, from outside: a configuration of the
reference, Redis killed and started again. Writes TAP."""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

BESTERD = pathlib.Path(os.environ["BESTER_BUILD"]) / "besterd"
SERVES = "serves as"
PATIENCE_S = 60
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def die_with_us():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """A program of which we read what it says, until it has said what we wait for."""

    def __init__(self, argv, text):
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, preexec_fn=die_with_us, text=True)
        self.said = ""
        self.await_text(text)

    def await_text(self, text):
        while text not in self.said:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"{self.process.args[0]} ended: {self.said}")
            self.said += line
        self.said = self.said.split(text, 1)[1]

    def end(self, number):
        self.process.send_signal(number)
        rest = self.process.communicate(timeout=PATIENCE_S)[0]
        self.said += rest
        return self.process.returncode


class Place:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.redis_socket = self.directory / "redis"
        self.config = self.directory / "config.json"
        # All of it is the reference's, but for the UNIX socket in place of a TCP port.
        self.config.write_text(json.dumps({
            "network": {"types": ["unix"], "unix": {"address": str(self.directory / "bester")}},
            "handlers": {"availableTypes": [], "typeMap": {}},
            "database": {"type": "redis",
                         "redis": {"address": str(self.redis_socket), "port": "6379"}},
            "informer": {"address": str(self.directory / "informer")},
            "admin": {"info": {}}}))

    def redis(self):
        return Program(["redis-server", "--port", "0", "--unixsocket", str(self.redis_socket),
                        "--dir", str(self.directory), "--save", "", "--appendonly", "yes",
                        "--appendfsync", "always"], "eady to accept connections")

    def server(self):
        return Program([str(BESTERD), str(self.config)], SERVES)

    def say(self, *words):
        """What Redis answers, as the bytes of its protocol."""
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(str(self.redis_socket))
            stream.sendall(b"*%d\r\n" % len(words) + b"".join(
                b"$%d\r\n%s\r\n" % (len(word), word) for word in map(str.encode, words)))
            stream.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := stream.recv(4096):
                answer += piece
            return answer.decode()

    def user(self, *arguments, text=""):
        done = subprocess.run([str(BESTERD), "user", *arguments, "--config", str(self.config)],
                              input=text, capture_output=True, text=True, timeout=PATIENCE_S,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def log_in(self, username, password):
        """The payload of the report, and its status."""
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(PATIENCE_S)
            stream.connect(str(self.directory / "bester"))
            frame = json.dumps({
                "header": {"scope": "client",
                           "authentication": {"username": username, "password": password}},
                "payload": {"type": "dummy", "data": None, "id": "0"}}).encode()
            stream.sendall(struct.pack("<I", len(frame)) + frame)
            answer = b""
            while len(answer) < 4 or len(answer) < 4 + struct.unpack("<I", answer[:4])[0]:
                piece = stream.recv(4096)
                if not piece:
                    return "closed"
                answer += piece
            report = json.loads(answer[4:])
            return report["payload"].get("reason", report["header"]["status"])

    def log_in_in_the_end(self, username, password, server):
        """Once besterd has said that Redis is back."""
        server.await_text("works again")
        return self.log_in(username, password)


def check_users(place):
    yield "add", place.user("add", "T", text="secret\n"), (0, "", "")
    yield ("add again", place.user("add", "T", text="x\n"),
           (1, "", 'besterd user: the user "T" exists already\n'))
    place.say("HSET", "R", "password", "plain")
    yield "list", place.user("list"), (0, "R\nT\n", "")
    yield "passwd", place.user("passwd", "T", text="new\n"), (0, "", "")
    yield "remove", place.user("remove", "R"), (0, "", "")
    yield "list after", place.user("list"), (0, "T\n", "")


def check_logins(place):
    place.say("HSET", "R", "password", "plain")
    server = place.server()
    yield "right", place.log_in("T", "new"), "good"
    yield "wrong", place.log_in("T", "secret"), "authFailed"
    yield "nobody", place.log_in("G", "new"), "authFailed"
    yield "plain text, wrong", place.log_in("R", "x"), "authFailed"
    yield "plain text", place.log_in("R", "plain"), "good"
    yield "plain text is gone", place.say("HKEYS", "R"), "*1\r\n$8\r\nargon2id\r\n"
    yield "its hash", place.log_in("R", "plain"), "good"
    yield "ends well", server.end(signal.SIGTERM), 0
    yield "no password in the log", "plain\n" in server.said or "secret" in server.said, False


def check_redis_dies(place, redis):
    server = place.server()
    yield "at first", place.log_in("T", "new"), "good"
    redis.end(signal.SIGKILL)
    yield "away", place.log_in("T", "new"), "overloaded"
    yield "away, wrong", place.log_in("T", "x"), "overloaded"
    yield "user", place.user("list")[0], 74
    again = place.redis()
    yield "back", place.log_in_in_the_end("T", "new", server), "good"
    yield "back, wrong", place.log_in("T", "x"), "authFailed"
    again.end(signal.SIGKILL)
    place.redis_socket.unlink()
    yield "gone", place.log_in("T", "new"), "overloaded"
    yield "ends while it is away", server.end(signal.SIGTERM), 0


def check_start_without(place):
    server = place.server()
    server.await_text("nobody can log in meanwhile")
    yield "no Redis", place.log_in("T", "new"), "overloaded"
    redis = place.redis()
    yield "now there is", place.log_in_in_the_end("T", "new", server), "good"
    yield "ends well", server.end(signal.SIGTERM), 0
    redis.end(signal.SIGKILL)


def all_checks(place):
    redis = place.redis()
    yield from check_users(place)
    yield from check_logins(place)
    yield from check_redis_dies(place, redis)
    yield from check_start_without(place)


directory = tempfile.mkdtemp(prefix="bester-redis-")
number = failed = 0
try:
    for name, got, wanted in all_checks(Place(directory)):
        number += 1
        good = got == wanted
        failed += not good
        print("ok" if good else "not ok", number, "-", name, flush=True)
        if not good:
            print(f"# got {got!r}, wanted {wanted!r}")
finally:
    shutil.rmtree(directory)
print(f"1..{number}")
sys.exit(1 if failed else 0)
