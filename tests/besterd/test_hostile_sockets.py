#!/usr/bin/env python3
"""Frames that are none, on every socket of besterd: of clients before and after their login, of
handlers of both kinds, of who asks the informer. Writes TAP.

Each gets the answer that docs/protocol.md promises ("Bad input"), and others are served."""
import contextlib
import pathlib
import socket
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import Client, Server, frame, run, same

LOGIN_CAP = 1 << 14
CAP = 1 << 20
HANDLER_CAP = CAP + (64 << 10)  # the envelope is not counted
INFORMER_CAP = 64 << 10
MIB = 1 << 20


def bytes_of(text):
    return struct.pack("<I", len(text)) + text


def texts(cap):
    """Texts in frames that are whole, and mean nothing."""
    return {
        "nothing": b"", "one byte": b"x", "the cap": b" " * cap, "brackets": b"[" * min(cap, MIB),
        "braces and commas": (b"{}," * MIB)[:min(cap, MIB)], "no UTF-8": b'{"header":{},"payload":"\xff\xfe"}',
        "overlong UTF-8": b'{"command":{"type":"\xc0\xaf"}}', "half a surrogate": b'{"header":"\xed\xa0\x80"}',
        "twice": b'{"header":{"status":"0"},"header":{"status":"0"},'
                 b'"command":{"type":"listClients"},"command":{"type":"listClients"}}',
        "two texts": b'{"header":{}} {"header":{}}',
    }


def too_long(cap):
    """Frames whose end nobody waits for."""
    return {"over the cap": struct.pack("<I", cap + 1), "as long as can be": b"\xff\xff\xff\xff",
            "over the cap, and there": struct.pack("<I", cap + 1) + b" " * (cap + 1)}


def give(connection, data):
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it listens no more, and says why
        connection.sendall(data)


# ---- clients


def reason_of(client):
    report = client.hear()
    same(report["header"]["status"], "bad")
    return report["payload"]["reason"]


def test_before_the_login():
    with Server() as server:
        rows = [(name, bytes_of(text), "malformed") for name, text in texts(LOGIN_CAP).items()]
        rows += [(name, data, "tooLarge") for name, data in too_long(LOGIN_CAP).items()]
        rows += [(f"1 MiB of {text}", bytes_of((text * MIB)[:MIB]), "tooLarge") for text in (b"[", b"{},")]
        for name, data, reason in rows:
            with server.client() as client:
                give(client.connection, data)
                same(reason_of(client), reason, name)
                same(client.hear(), None, name)
        with server.client("T") as client:
            same(client.builtin("whoami")["payload"]["data"]["user"], "T")


def test_after_the_login():
    with Server() as server, server.client("T") as client:
        for name, text in texts(CAP).items():
            client.connection.sendall(bytes_of(text))
            same(reason_of(client), "malformed", name)
        same(client.builtin("whoami")["payload"]["data"]["user"], "T")  # it stays
        for name, data in too_long(CAP).items():
            with server.client("G") as other:
                give(other.connection, data)
                same(reason_of(other), "tooLarge", name)
                same(other.hear(), None, name)


# ---- handlers


@contextlib.contextmanager
def served_by_us(protocol):
    """A server, and the socket where its handler listens: this test."""
    server = Server({"limits": {"maxFrame": CAP}})
    server.config["handlers"] = {"availableTypes": ["own"], "typeMap": {"own": {
        "unixDomainSocketPath": server.path("own"), "protocol": protocol, "timeoutMs": 600000, "breakerFailures": 0}}}
    server.write()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(server.path("own"))
        listener.listen()
        with server, server.client("T") as client:
            yield client, listener


def accept(listener):
    return Client.of(listener.accept()[0])


def ask(client):
    client.say({"payload": {"type": "own", "data": 1, "id": "x"}})


ANSWER = {"header": {"status": "0", "command": {"type": "sendClients", "data": ["T"]}}, "data": "é"}


def expect_good(client):
    same(client.hear()["payload"]["data"], "é")
    same(client.hear()["header"]["status"], "good")


def test_a_oneshot_handler():
    with served_by_us("oneshot") as (client, listener):
        rows = [(name, bytes_of(text)) for name, text in texts(HANDLER_CAP).items()]
        for name, data in rows + list(too_long(HANDLER_CAP).items()):
            ask(client)
            with accept(listener) as asked:
                same(asked.hear(), 1, name)
                give(asked.connection, data)
                same(reason_of(client), "badReply", name)
        answer = frame(ANSWER)
        for at in range(1, len(answer)):
            ask(client)
            with accept(listener) as asked:
                asked.hear()
                asked.connection.sendall(answer[:at])
                asked.connection.sendall(answer[at:])
                expect_good(client)


def test_a_stream_handler():
    with served_by_us("stream") as (client, listener):
        here = accept(listener)
        for name, text in texts(HANDLER_CAP).items():
            ask(client)
            same(here.hear()["payload"]["data"], 1, name)
            here.connection.sendall(bytes_of(text))
            same(reason_of(client), "badReply", name)
        for name, data in too_long(HANDLER_CAP).items():
            ask(client)
            here.hear()
            give(here.connection, data)
            same(reason_of(client), "badReply", name)
            here.connection.close()
            here = accept(listener)  # the server has hung up, and comes again
        at, length = 1, 2
        while at < length:  # each answer has a number of its own
            ask(client)
            question = here.hear()["header"]["exchange"]
            answer = frame({**ANSWER, "header": {**ANSWER["header"], "exchange": question}})
            here.connection.sendall(answer[:at])
            here.connection.sendall(answer[at:])
            expect_good(client)
            at, length = at + 1, len(answer)
        here.connection.close()


# ---- the informer


def test_the_informer():
    question = {"command": {"type": "isClient", "data": "T"}}
    with Server() as server, server.client("T"):
        with Client(server.path("informer")) as asker:
            for name, text in texts(INFORMER_CAP).items():
                asker.connection.sendall(bytes_of(text))
                answer = asker.hear()
                same((answer["status"], answer["data"]), ("1", None), name)
            asker.say(question)
            same(asker.hear(), {"status": "0", "data": True}, "it stays")
            whole = frame(question)
            for at in range(1, len(whole)):
                asker.connection.sendall(whole[:at])
                asker.connection.sendall(whole[at:])
                same(asker.hear(), {"status": "0", "data": True}, f"split at {at}")
        for name, data in too_long(INFORMER_CAP).items():
            with Client(server.path("informer")) as asker:
                give(asker.connection, data)
                same(asker.hear()["status"], "1", name)
                same(asker.hear(), None, name)


run(test_before_the_login, test_after_the_login, test_a_oneshot_handler, test_a_stream_handler, test_the_informer)
