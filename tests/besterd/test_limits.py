#!/usr/bin/env python3
"""The limits of besterd at their edges, from outside: N are taken, N + 1 are not. Writes TAP.

The limits on addresses hold on loopback here (alsoLocal); its addresses are the strangers."""
import contextlib
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import Client, Server, run, same


def serve(limits, **changes):
    """A server that also listens on TCP, on a socket that it is handed."""
    listener = socket.create_server(("127.0.0.1", 0))
    given = listener.fileno()
    close = "" if given == 3 else f"{given}<&-"
    server = Server({
        "network": {"types": ["unix", "tcp4"],
                    "tcp4": {"address": "127.0.0.1", "port": listener.getsockname()[1]}},
        "limits": limits, **changes},
        descriptors=(given,), wrap=(
            "sh", "-c", f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&{given} {close}', "sh"))
    server.listener = listener # kept open until the server has it
    return server


def come(server, address="127.0.0.1", user=None):
    """A client from that address."""
    client = Client.of(socket.create_connection(
        server.listener.getsockname(), source_address=(address, 0)))
    if user:
        same(client.log_in(user)["header"]["status"], "good", "login")
    return client


def told(client, user="T"):
    """The first that it is told when it logs in. One that is turned away may be so before it has
    said a word."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        client.say({"header": {"scope": "client", "authentication": {
            "username": user, "password": "p"}}, "payload": {}})
    return client.hear()


def refused(client, reason):
    report = client.hear()
    same((report["header"]["status"], report["payload"]["id"], report["payload"]["reason"]),
         ("bad", "auth_special", reason))
    same(client.hear(), None, "the end")
    return report["payload"]["detail"]


def hits(server, limit):
    return server.metric(f'bester_limit_hits_total{{limit="{limit}"}}')


def still_serves(server):
    with server.client("Else") as client:
        same(client.builtin("whoami")["payload"]["data"]["user"], "Else")


# ---- connections and sessions


def test_sessions_of_an_address():
    with serve({"alsoLocal": True, "sessionsPerAddress": 3}) as server, \
            contextlib.ExitStack() as clients:
        here = [clients.enter_context(come(server)) for _ in range(3)]
        same(here[0].log_in("T")["header"]["status"], "good") # all of them are in
        with come(server) as one_more:
            detail = refused(one_more, "rateLimited")
        same("may have 3" in detail, True, detail)
        same(hits(server, "sessionsPerAddress"), 1.0)
        server.await_line("warning listener: limits.sessionsPerAddress: ")
        with come(server, "127.0.0.2", "G"):
            pass # another address
        here[0].connection.close()
        while True: # until the server has noticed
            with come(server) as one_more:
                if told(one_more)["header"]["status"] == "good":
                    break
        still_serves(server)


def test_sessions_of_a_user():
    with serve({"sessionsPerUser": 2}) as server, contextlib.ExitStack() as clients:
        first = clients.enter_context(server.client("T"))
        clients.enter_context(server.client("T"))
        with server.client() as one_more:
            report = one_more.log_in("T")
            same((report["header"]["status"], report["payload"]["reason"]), ("bad", "rateLimited"))
            same(one_more.hear(), None, "the end")
        same(hits(server, "sessionsPerUser"), 1.0)
        same(server.metric('bester_logins_total{result="rateLimited"}'), 1.0)
        server.await_line("limits.sessionsPerUser")
        clients.enter_context(server.client("G"))
        # The end of one of them makes room, as soon as its report is out.
        first.say({"header": {}, "payload": {"type": "builtin", "data": {
            "command": {"type": "close", "args": None}}, "id": "1"}})
        same(first.hear(), None)
        clients.enter_context(server.client("T"))


def test_connects_in_a_second():
    with serve({"alsoLocal": True, "connectsPerSecond": 1, "connectBurst": 4}) as server:
        admitted = 0
        while True:
            with come(server) as client:
                report = told(client)
                if report["header"]["status"] == "bad":
                    break
                admitted += 1
        same(report["payload"]["reason"], "rateLimited")
        same(admitted >= 4, True, f"{admitted} admitted")
        same(hits(server, "connectsPerSecond"), 1.0)
        server.await_line("limits.connectsPerSecond: a connection was refused")
        with come(server, "127.0.0.2") as other:
            same(told(other)["header"]["status"], "good")


# ---- messages in a second


def flood(client, count):
    for i in range(count):
        client.say({"header": {}, "payload": {"type": "dummy", "data": None, "id": str(i)}})
    return [client.hear()["payload"]["id"] for _ in range(count)]


def test_messages_of_a_user():
    """Who is too fast loses nothing: he is read from more slowly."""
    with serve({"alsoLocal": True, "userMessagesPerSecond": 1000, "userMessageBurst": 20}) as server:
        with come(server, user="T") as client:
            same(flood(client, 19), [str(i) for i in range(19)])
            same(flood(client, 300), [str(i) for i in range(300)])
        same(hits(server, "userMessagesPerSecond") > 0, True, "pauses")
        server.await_line("limits.userMessagesPerSecond: reading pauses")


def test_messages_of_an_address():
    with serve({"alsoLocal": True, "addressMessagesPerSecond": 1000,
                "addressMessageBurst": 20}) as server:
        with come(server, user="T") as one, come(server, user="G") as other:
            for client in (one, other):
                same(flood(client, 150), [str(i) for i in range(150)])
        same(hits(server, "addressMessagesPerSecond") > 0, True, "pauses")
        same(hits(server, "userMessagesPerSecond"), 0.0)


def test_loopback_is_free():
    with serve({"userMessagesPerSecond": 1, "userMessageBurst": 1, "connectsPerSecond": 1,
                "connectBurst": 1, "addressMessagesPerSecond": 1, "addressMessageBurst": 1,
                "sessionsPerAddress": 1}) as server:
        for connect in (come, lambda server, user: server.client(user)):
            with connect(server, user="T") as one, connect(server, user="G") as other:
                for client in (one, other):
                    same(flood(client, 500), [str(i) for i in range(500)])


if __name__ == "__main__":
    run(*(value for name, value in list(globals().items()) if name.startswith("test_")))
