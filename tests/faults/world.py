"""world: a besterd under the shim, and people who take whatever becomes of them and remember it.

Nothing here fails because a connection ends: that is what a fault may do. What may not be is told by
World.verdict: a message with neither report nor end of connection, a good one that nobody got, a
server that ended without a word. Only what hangs meets DEADLINE_S.
"""
import fcntl
import glob
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import bester
from bester import BUILD, frame, merge
from board import Board

DEADLINE_S = float(os.environ.get("FAULTS_DEADLINE", "30"))
FAILED_STARTS = {1: "a fault of the program", 74: "a file or a socket", 78: "the configuration"}
CLOSED = "closed"
HANDED_FROM = 100 # descriptors on their way to besterd, out of the way of those it expects


class Trouble(Exception):
    """What besterd may not do, in a sentence that begins with its kind: crash, leak, hang, loss,
    silence (it ended without saying why) or wrong."""


def within(seconds, done, what):
    """Waits for what has no event to wait for, in a world outside of ours: a number of /proc."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise Trouble(what() if callable(what) else what)
        time.sleep(0.002)


class Line(bester.Client):
    """A connection that may end at any time; then it hears None for ever."""

    def __init__(self, world, name, connect):
        self.world = world
        self.name = name
        self.inbox = []
        self.ids = 0
        self.ended = False
        self.is_logged_in = False
        self.settles = True # it is a client's: what it is sent can be waited for
        try:
            self._use(connect())
            self.connection.settimeout(DEADLINE_S)
        except TimeoutError as error:
            raise Trouble(f"hang: {name} cannot connect") from error
        except OSError:
            self.connection = None
            self.ended = True

    def say(self, message):
        if self.ended:
            return
        try:
            self.connection.sendall(frame(message))
        except TimeoutError as error:
            raise Trouble(f"hang: nothing is read from {self.name}") from error
        except OSError:
            pass # what was said to it before may still come

    def _read(self, size):
        if self.ended:
            return None
        try:
            data = super()._read(size)
        except TimeoutError as error:
            raise Trouble(f"hang: {self.name} hears nothing more") from error
        except OSError:
            data = None
        if data is None:
            self.ended = True
        return data

    def hear(self):
        head = self._read(4)
        body = self._read(int.from_bytes(head, "little")) if head else None
        if body is None:
            return None
        try:
            message = json.loads(body)
        except ValueError as error:
            raise Trouble(f"wrong: {self.name} gets what is no JSON: {body!r}") from error
        header = message.get("header", {})
        received = header.get("messageType") == "receivedMessage"
        if received and message["payload"]["type"] != "builtin":
            self.inbox.append(message["payload"]["data"])
        return message

    def hear_report(self, identity):
        """What became of the message with that id: good, a reason, or that the connection ended."""
        while (message := self.hear()) is not None:
            header, payload = message["header"], message["payload"]
            if payload.get("type") == "builtin" and header.get("id") == identity:
                return "good"
            if payload.get("id") == identity:
                return "good" if header["status"] in ("good", "0") else payload["reason"]
            if "status" in header and not payload.get("id"):
                continue # it is shown out, with a reason; the end comes next
        return CLOSED

    def log_in(self, user, password="p"):
        self.say({"header": {"scope": "client", "authentication": {
            "username": user, "password": password}}, "payload": {}})
        came = self.hear_report("auth_special")
        self.is_logged_in = came == "good"
        return came

    def hear_exchange(self, number):
        """What became of a message that another server has sent over its link."""
        while (message := self.hear()) is not None:
            if message["header"].get("exchange") == str(number):
                return "good" if message["header"]["status"] == "good" else "bad"
        return CLOSED

    def _polled(self, what):
        if self.ended:
            return True
        poller = select.poll()
        poller.register(self.connection, what)
        return bool(poller.poll(0))

    def is_over(self):
        """Whether the other side has ended it; nothing is read."""
        return self._polled(select.POLLRDHUP)

    def has_something(self):
        """Whether something waits to be heard, or the end."""
        return self._polled(select.POLLIN | select.POLLRDHUP)

    def tell(self, kind, data, to=()):
        """Sends one message; to: lines that must have its data, once, if it is reported good."""
        self.ids += 1
        identity = f"{self.name}{self.ids}"
        promise = [identity, data, to, None]
        self.world.promises.append(promise)
        self.say({"header": {}, "payload": {"type": kind, "data": data, "id": identity}})
        promise[3] = self.hear_report(identity)
        return promise[3]

    def command(self, command, args=None):
        return self.tell("builtin", {"command": {"type": command, "args": args}})

    def settle(self):
        """All that was on the way to it has come."""
        if not self.ended and self.settles:
            self.ids += 1
            identity = f"fence{self.ids}"
            self.say({"header": {}, "payload": {"type": "builtin", "id": identity,
                                                "data": {"command": {"type": "ping"}}}})
            self.hear_report(identity)

    def close(self):
        if self.connection:
            self.connection.close()
            self.ended = True


def tls_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class World:
    """One server, from its start to its end. template: a directory with the files it is to find."""

    def __init__(self, changes=None, template=None, listeners=()):
        self.directory = tempfile.mkdtemp(prefix="bester-")
        if template:
            shutil.copytree(template, self.directory, dirs_exist_ok=True)
        self.board = Board(self.directory)
        self.promises = []
        self.lines = []
        self.helpers = []
        self.process = None
        self.said = ""
        self.sockets = {kind: self._listener() for kind in listeners}
        self.ports = {kind: made.getsockname()[1] for kind, made in self.sockets.items()}
        self.config = {
            "server": {"name": "S1", "identity": self.path("identity.pem")},
            "network": {"types": ["unix", *listeners], "unix": {"address": self.path("sock")},
                        "tls": {"certificate": self.path("c.pem"), "key": self.path("k.pem")}},
            "handlers": {"availableTypes": [], "typeMap": {}},
            "database": {"type": "open"},
            "informer": {"address": self.path("informer")},
            "metrics": {"address": "unix:" + self.path("metrics")},
        }
        for kind, port in self.ports.items():
            self.config["network"][kind] = {"address": "127.0.0.1", "port": port}
        merge(self.config, changes(self) if callable(changes) else changes or {})
        self.write()

    @staticmethod
    def _listener():
        made = socket.socket()
        made.bind(("127.0.0.1", 0))
        made.listen(16)
        return made

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self):
        with open(self.path("config.new"), "w") as file:
            json.dump(self.config, file)
        os.rename(self.path("config.new"), self.path("config"))

    # ---- its life ----

    def launch(self, *arguments, stdin=subprocess.DEVNULL):
        """Starts it. Its listening sockets are its own from then on: they end with it."""
        numbers = [fcntl.fcntl(made, fcntl.F_DUPFD, HANDED_FROM) for made in self.sockets.values()]
        moves = " ".join(f"{3 + i}<&{number} {number}<&-" for i, number in enumerate(numbers))
        command = [BUILD + "/besterd", *(arguments or (self.path("config"),))]
        if numbers:
            command = ["bash", "-c", f'exec {moves}; LISTEN_PID=$$ LISTEN_FDS={len(numbers)} '
                       'exec "$@"', "sh", *command]
        with open(self.path("stderr"), "wb") as errors, open(self.path("stdout"), "wb") as output:
            self.process = subprocess.Popen(
                command, stdin=stdin, stdout=output, stderr=errors, pass_fds=numbers,
                cwd=self.directory, env={**os.environ, **self.board.environment("besterd")})
        for made in self.sockets.values():
            made.close()
        for number in numbers:
            os.close(number)

    def start(self):
        """Serves, or has ended."""
        self.launch()
        within(DEADLINE_S, lambda: not self.runs() or self._answers(), "hang: it does not start")
        return self.serves()

    def serves(self):
        """Its start has not failed; of one that has ended its words tell."""
        return self.runs() or " serves as " in self.words()

    def _answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(self.path("sock"))
                return True
        except OSError:
            return False

    def runs(self):
        return self.process.poll() is None

    def stop(self):
        """Asks it to end; its exit status."""
        if self.runs():
            self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        try:
            return self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired as error:
            raise Trouble("hang: it does not end") from error

    def words(self):
        with open(self.path("stderr"), errors="replace") as file:
            return file.read()

    def remove(self):
        for line in self.lines:
            line.close()
        for helper in self.helpers:
            helper.close()
        if self.process and self.runs():
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- people ----

    def _line(self, name, connect):
        line = Line(self, name, connect)
        self.lines.append(line)
        return line

    def connect(self, path):
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(DEADLINE_S)
        made.connect(self.path(path))
        return made

    def unix_line(self, name):
        return self._line(name, lambda: self.connect("sock"))

    def peer_line(self, name, connect):
        """Of somebody who is no client."""
        line = self._line(name, connect)
        line.settles = False
        return line

    def tcp_line(self, name):
        return self._line(name, lambda: socket.create_connection(
            ("127.0.0.1", self.ports["tcp4"]), DEADLINE_S))

    def tls_line(self, name):
        return self._line(name, lambda: tls_context().wrap_socket(
            socket.create_connection(("127.0.0.1", self.ports["tls4"]), DEADLINE_S)))

    def user(self, name, password="p", line=None):
        """Somebody who has tried to log in."""
        line = line or self.unix_line(name)
        line.log_in(name, password)
        return line

    def http(self, target):
        """What comes as an answer until the end; b"" where nothing does."""
        answer = b""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(DEADLINE_S)
            try:
                connection.connect(self.path("metrics"))
                connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                while part := connection.recv(65536):
                    answer += part
            except TimeoutError as error:
                raise Trouble(f"hang: no answer to GET {target}") from error
            except OSError:
                pass
        return answer

    def descriptors(self):
        return len(glob.glob(f"/proc/{self.process.pid}/fd/*"))

    def show_descriptors(self):
        return " ".join(os.readlink(name) for name in glob.glob(f"/proc/{self.process.pid}/fd/*"))

    # ---- the verdict ----

    def check_promises(self):
        """All have come to where they were going, or somebody was told."""
        for line in self.lines:
            line.settle()
        for identity, data, to, outcome in self.promises:
            for line in to:
                count = line.inbox.count(data)
                if outcome == "good" and count == 0:
                    raise Trouble(f"loss: {identity} was reported good, and {line.name} has it not")
                if count > 1:
                    raise Trouble(f"wrong: {line.name} has {identity} {count} times")

    def check_end(self, status, started):
        """Whether it ended as it may; says whether it ended as it was asked."""
        words = self.words()
        if re.search("Sanitizer|runtime error:", words):
            kind = "leak" if "detected memory leaks" in words else "crash"
            raise Trouble(f"{kind}: {words[-4000:]}")
        if status < 0 or status > 128:
            name = signal.Signals(-status).name if status < 0 else status
            raise Trouble(f"crash: ended by {name}: {words[-2000:]}")
        if status == 0:
            return True
        if status not in FAILED_STARTS or (started and status != 1):
            raise Trouble(f"wrong: ended with status {status}: {words[-2000:]}")
        said = [line for line in words.splitlines() if not re.search("Z (info|warning) ", line)]
        if not said or (started and not re.search("Z error ", words)):
            raise Trouble(f"silence: ended with status {status}, and said only: {words[-2000:]!r}")
        return False


sys.setswitchinterval(0.001)
assert threading.main_thread()
