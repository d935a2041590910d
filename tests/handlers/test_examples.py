#!/usr/bin/env python3
"""The handlers of docs/examples do what docs/handlers.md says. Writes TAP."""
import json, os, shutil, socket, struct, subprocess, sys, tempfile


class Handler:
    """A handler that runs, as the server would start it."""

    def __init__(self, example):
        self.directory = tempfile.mkdtemp(prefix="bester-")
        self.path = os.path.join(self.directory, "h.sock")
        self.process = subprocess.Popen([sys.executable, "docs/examples/" + example, self.path])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory)

    def connect(self):
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(self.path)
                return connection
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                if self.process.poll() is not None:
                    raise RuntimeError("the handler has ended")
                os.sched_yield()


def frame(value):
    text = json.dumps(value).encode()
    return struct.pack("<I", len(text)) + text


def read(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError(f"{len(data)} bytes of {size}, then the end")
        data += part
    return data


def hear(connection):
    return json.loads(read(connection, struct.unpack("<I", read(connection, 4))[0]))


def same(found, expected):
    if found != expected:
        raise AssertionError(f"{found!r} instead of {expected!r}")


def oneshot_answers():
    with Handler("shout.py") as handler:
        handler.connect().close()  # the server looks whether somebody listens
        for text in ["hello", "", "größer", "x" * 1000000]:
            with handler.connect() as connection:
                connection.sendall(frame({"to": "G", "text": text}))
                same(hear(connection), {
                    "header": {"status": "0", "command": {"type": "sendClients", "data": ["G"]}},
                    "data": {"text": text.upper()}})
                same(connection.recv(1), b"")


NOT_FOR_US = [None, 5, "text", [], {}, {"to": "G"}, {"text": "x"}, {"to": "G", "text": 5}]


def oneshot_refuses():
    with Handler("shout.py") as handler:
        for data in NOT_FOR_US:
            with handler.connect() as connection:
                connection.sendall(frame(data))
                same(hear(connection), {"header": {"status": "1"}})


def oneshot_outlives_impatience():
    with Handler("shout.py") as handler:
        for _ in range(20):
            with handler.connect() as connection:
                connection.sendall(frame({"to": "G", "text": "x" * 1000000}))
        with handler.connect() as connection:
            connection.sendall(frame({"to": "G", "text": "still there"}))
            same(hear(connection)["data"], {"text": "STILL THERE"})


def oneshot_starts_again():
    with Handler("shout.py") as handler:
        handler.connect().close()
        handler.process.kill()
        handler.process.wait()
        handler.process = subprocess.Popen([*handler.process.args])
        with handler.connect() as connection:
            connection.sendall(frame({"to": "G", "text": "again"}))
            same(hear(connection)["data"], {"text": "AGAIN"})


def question(exchange, text):
    origin = {"user": "T", "server": "S1", "scope": "client", "authenticated": True, "via": "S1"}
    return {"header": {"exchange": exchange, "origin": origin, "id": "42", "deadlineMs": 5000},
            "payload": {"type": "shout", "data": {"to": "G", "text": text}}}


def stream_answers():
    with Handler("shout_stream.py") as handler:
        handler.connect().close()
        with handler.connect() as connection:
            connection.sendall(b"".join(frame(question(str(i), f"a{i}")) for i in range(100)))
            for i in range(100):
                same(hear(connection), {
                    "header": {"exchange": str(i), "status": "0",
                               "commands": [{"type": "sendClients", "data": ["G"]}]},
                    "data": {"from": "T", "text": f"A{i}"}})


def stream_refuses():
    with Handler("shout_stream.py") as handler:
        with handler.connect() as connection:
            for data in NOT_FOR_US:
                refused = question("7", "")
                refused["payload"]["data"] = data
                connection.sendall(frame(refused))
                same(hear(connection), {"header": {
                    "exchange": "7", "status": "1",
                    "detail": 'needs a name in "to" and a text in "text"'}})


def stream_byte_by_byte():
    with Handler("shout_stream.py") as handler:
        with handler.connect() as connection:
            for byte in frame(question("1", "slow")):
                connection.sendall(bytes([byte]))
            same(hear(connection)["data"], {"from": "T", "text": "SLOW"})
        with handler.connect() as connection:  # the server was started again
            connection.sendall(frame(question("2", "again")))
            same(hear(connection)["header"]["exchange"], "2")


def main():
    tests = [oneshot_answers, oneshot_refuses, oneshot_outlives_impatience, oneshot_starts_again,
             stream_answers, stream_refuses, stream_byte_by_byte]
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {test.__name__}", flush=True)
        except Exception as error:
            failed += 1
            print(f"not ok {number} - {test.__name__}\n# {error!r}", flush=True)
    return 1 if failed else 0


sys.exit(main())
