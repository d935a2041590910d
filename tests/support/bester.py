"""bester: a besterd of this build in a directory of its own, clients and HTTP, for tests in Python.

Nothing here waits for time: what never comes is ended by whoever runs the tests. A server and what
it started are gone when its `with` ends, however that may be.
"""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

BUILD = os.path.abspath(os.environ.get("BESTER_BUILD", "build"))


def same(found, expected, what=""):
    if found != expected:
        raise AssertionError(f"{what}: {found!r} instead of {expected!r}")


def frame(value):
    text = json.dumps(value).encode()
    return struct.pack("<I", len(text)) + text


class Client:
    """A client on the server's UNIX socket."""

    def __init__(self, path, user=None, password="p"):
        self._use(socket.socket(socket.AF_UNIX))
        self.connection.connect(path)
        if user:
            report = self.log_in(user, password)
            same(report["header"]["status"], "good", "login")

    @classmethod
    def of(cls, connection):
        """Frames on a connection that there is."""
        self = cls.__new__(cls)
        self._use(connection)
        return self

    def _use(self, connection):
        self.connection = connection
        self.ids = 0
        self.closed = threading.Event() # for who reads it in a thread

    def is_open(self):
        return not self.closed.is_set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def hear_until(self, wanted):
        """What comes up to the first message that is wanted."""
        messages = []
        while not messages or not wanted(messages[-1]):
            messages.append(self.hear())
            if messages[-1] is None:
                raise EOFError("the server closed the connection")
        return messages

    def log_in(self, user, password="p"):
        self.say({"header": {"scope": "client", "authentication": {
            "username": user, "password": password}}, "payload": {}})
        return self.hear()

    def say(self, message):
        self.connection.sendall(frame(message))

    def hear(self):
        """The next message, or None at the end of the connection."""
        head = self._read(4)
        return None if head is None else json.loads(self._read(struct.unpack("<I", head)[0]))

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self.connection.recv(size - len(data))
            if not part:
                return None
            data += part
        return data

    def send(self, kind, data):
        """Sends and waits for the report or the answer with the message's id; skips others."""
        self.ids += 1
        identity = f"m{self.ids}"
        self.say({"header": {}, "payload": {"type": kind, "data": data, "id": identity}})
        while True:
            message = self.hear()
            if message is None:
                raise EOFError("the server closed the connection")
            answers = message["payload"].get("type") == "builtin"
            if identity == (message["header"] if answers else message["payload"]).get("id"):
                return message

    def builtin(self, command, args=None):
        return self.send("builtin", {"command": {"type": command, "args": args}})


class Server:
    """`changes` are merged over a configuration with a UNIX socket and the open database."""

    def __init__(self, changes=None, accounts=None, environment=None, descriptors=(), wrap=()):
        self.directory = tempfile.mkdtemp(prefix="bester-")
        self.socket = self.path("sock")
        self.config = {
            "server": {"name": "S1"},
            "network": {"types": ["unix"], "unix": {"address": self.socket}},
            "handlers": {"availableTypes": [], "typeMap": {}},
            "database": {"type": "open"},
            "informer": {"address": self.path("informer")},
            "metrics": {"address": "unix:" + self.path("metrics")},
        }
        if accounts:
            self.config["database"] = {"type": "sqlite", "sqlite": {"path": self.path("accounts.db")}}
        merge(self.config, changes or {})
        self.write()
        for user in accounts or {}:
            subprocess.run([BUILD + "/besterd", "user", "add", user, "--config", self.path("config")],
                           input=accounts[user].encode() + b"\n", check=True,
                           stdout=subprocess.DEVNULL)
        self.environment = dict(os.environ, **(environment or {}))
        self.descriptors = descriptors
        self.process = None
        self.may_be_refused = False  # system calls, by the sandbox: what the test is about
        self.wrap = wrap

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, text=None):
        """Writes the configuration, as it is now or as the text given, all at once."""
        with open(self.path("config.new"), "w") as file:
            file.write(json.dumps(self.config) if text is None else text)
        os.rename(self.path("config.new"), self.path("config"))

    def start(self):
        self.lines = []
        self.arrived = threading.Condition()
        self.process = subprocess.Popen(
            [*self.wrap, BUILD + "/besterd", self.path("config")], stderr=subprocess.PIPE, text=True,
            env=self.environment, pass_fds=self.descriptors, cwd=self.directory)
        self.reader = threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True)
        self.reader.start()
        self.await_line("serves as")
        return self

    def _read(self, pipe):
        for line in pipe:
            with self.arrived:
                self.lines.append(line.rstrip("\n"))
                self.arrived.notify_all()
        with self.arrived:
            self.lines.append(None)
            self.arrived.notify_all()

    def await_line(self, pattern, begin=0):
        """The first line of the log from `begin` on that matches, and the index behind it."""
        with self.arrived:
            while True:
                while begin == len(self.lines):
                    self.arrived.wait()
                if self.lines[begin] is None:
                    raise AssertionError(f"the log ended without {pattern!r}: {self.lines}")
                if re.search(pattern, self.lines[begin]):
                    return self.lines[begin], begin + 1
                begin += 1

    def mark(self):
        """Where the log ends now."""
        with self.arrived:
            return len(self.lines)

    def signal(self, number):
        self.process.send_signal(number)

    def spawner(self):
        """The process that starts the programs of handlers."""
        process, = children_of(self.process.pid)
        return process

    def programs(self):
        """The processes of handlers that it has started."""
        return children_of(self.spawner())

    def stop(self):
        """Ends it in order; its exit status."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        status = self.process.wait()
        self.reader.join()
        self.process.stderr.close()
        if not self.may_be_refused:
            same([line for line in self.lines if line and "was refused: a fault" in line], [])
        return status

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        status = self.stop()
        shutil.rmtree(self.directory)
        if kind is None:
            same(status, 0, "exit status of besterd")
        else:
            print("\n".join(f"# {line}" for line in self.lines if line))

    def client(self, user=None, password="p"):
        return Client(self.socket, user, password)

    def http(self, target="/metrics", method="GET", fields=""):
        """(code, fields, body)"""
        answer = self.http_raw(f"{method} {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode())
        head, body = answer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        return (int(lines[0].split()[1]),
                {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])},
                body.decode())

    def http_raw(self, request):
        answer = b""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.path("metrics"))
            connection.sendall(request)
            while part := connection.recv(65536):
                answer += part
        return answer

    def metric(self, name):
        """The value of one sample, as it is written before the value; 0 if it is not there."""
        for line in self.http()[2].splitlines():
            if line.startswith(name + " "):
                return float(line[len(name) + 1:])
        return 0.0


def listening():
    """A TCP socket that listens on loopback, its port, and what a Server needs to be given it: a
    port that was merely free a moment ago may be another's by now."""
    listener = socket.create_server(("127.0.0.1", 0))
    number = listener.fileno()
    return listener, listener.getsockname()[1], {"descriptors": (number,), "wrap": (
        "sh", "-c", f'exec 3<&{number}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh")}


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def merge(into, changes):
    """RFC 7396."""
    for name, value in changes.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, dict):
            merge(into.setdefault(name, {}), value)
        else:
            into[name] = value


class Handler:
    """A handler of the stream protocol that answers every question, each in a thread of its own, by
    a function of its data, which gives the members of the answer."""

    def __init__(self, path, answer):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.answer = answer
        self.connections = []
        self.questions = []
        self.asked = threading.Condition()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(Client.of(connection))
            threading.Thread(target=self._talk, args=(self.connections[-1],), daemon=True).start()

    def _talk(self, peer):
        try:
            while (question := peer.hear()) is not None:
                with self.asked:
                    self.questions.append(question)
                    self.asked.notify_all()
                threading.Thread(target=self._answer, args=(peer, question), daemon=True).start()
        except OSError:
            pass
        peer.closed.set()
        peer.connection.close()

    def _answer(self, peer, question):
        answer = dict(self.answer(question["payload"]["data"]))
        header = {"exchange": question["header"]["exchange"], "status": "0"}
        header.update(answer.pop("header", {}))
        try:
            peer.say({"header": header, **answer})
        except OSError:
            pass # the server has gone

    def await_questions(self, count):
        with self.asked:
            while len(self.questions) < count:
                self.asked.wait()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def run(*tests):
    """Runs functions as tests and writes TAP; ends the program."""
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        name = test.__name__.removeprefix("test_").replace("_", " ")
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            lines = f"{type(error).__name__}: {error}".splitlines()
            print("\n".join(f"# {line}" for line in lines))
            print(f"not ok {number} - {name}", flush=True)
    sys.exit(1 if failed else 0)
