#!/usr/bin/env python3
"""The limits of besterd at their edges, from outside: N are taken, N + 1 are not. Writes TAP.

The limits on addresses hold on loopback here (alsoLocal); its addresses are the strangers."""
import contextlib
import json
import pathlib
import signal
import socket
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import BUILD, Client, Handler, Server, run, same


# For tests of other reasons to be disconnected than that one reads nothing.
PATIENT = {"stallMs": 3600000}


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


def test_who_is_turned_away_hears_why():
    """Also one whose login has come before he is looked at: the end is none of a fault."""
    with serve({"alsoLocal": True, "sessionsPerAddress": 1}) as server, come(server, user="T"):
        server.signal(signal.SIGSTOP)
        with come(server) as one_more:
            one_more.say({"header": {"authentication": {"username": "T", "password": "p"}}})
            server.signal(signal.SIGCONT)
            refused(one_more, "rateLimited")


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


# ---- memory


CHAT = {"availableTypes": ["chat"], "typeMap": {"chat": {
    "handlerBinary": BUILD + "/handlers/chat", "unixDomainSocketPath": "chat",
    "protocol": "stream"}}}


def padded_login(user, size):
    """A login of so many bytes."""
    text = json.dumps({"header": {"authentication": {"username": user, "password": "p"}}}).encode()
    return struct.pack("<I", size) + text + b" " * (size - len(text))


def test_login_frame():
    with serve({"loginFrame": 5000}) as server:
        for size, reason in ((5000, None), (5001, "tooLarge")):
            with server.client() as client:
                client.connection.sendall(padded_login("T", size))
                same(client.hear()["payload"].get("reason"), reason)
    with serve({"loginFrame": 5000, "maxFrame": 6000}, peers={
            "S2": {"address": "127.0.0.1:9", "legacy": True}}) as server, server.client() as client:
        client.connection.sendall(padded_login("T", 6000)) # it might be a peer's
        same(client.hear()["payload"].get("reason"), None)


def test_json_values():
    """type, id, data and what is in it."""
    with serve({"jsonValues": 64}) as server, server.client("T") as client:
        for data, reason in (([0] * 61, "noHandler"), ([0] * 62, "tooLarge"), ([[]] * 61, "noHandler"),
                             ({str(i): 0 for i in range(62)}, "tooLarge")):
            client.say({"payload": {"type": "none", "id": "1", "data": data}})
            report = client.hear()
            same((report["payload"]["id"], report["payload"]["reason"]), ("1", reason))


def test_json_values_of_another_server():
    """What a client may send comes through the next server, too, whatever that wrote around it."""
    header = {"scope": "server", "hops": 1, "origin": {"user": "T", "server": "S2"}, "trace": "a"}
    with serve({"jsonValues": 64}, peers={"*": {"legacy": True}}) as server:
        for data, reason in (([0] * 61, "noHandler"), ([0] * 200, "tooLarge")):
            with server.client() as peer:
                peer.say({"header": header, "payload": {"type": "none", "id": "1", "data": data}})
                same(peer.hear()["payload"]["reason"], reason)


def test_unfinished_bytes_of_strangers():
    size = 60000
    with serve({"strangersBytes": 200000, "loginFrame": size}) as server, \
            contextlib.ExitStack() as clients:
        def begin(sent):
            client = clients.enter_context(server.client())
            client.connection.sendall(padded_login("T", size)[:sent])
            return client
        greedy = begin(55000)
        others = []
        while hits(server, "strangersBytes") == 0:
            others.append(begin(30000))
        report = greedy.hear() # who held most
        same((report["payload"]["reason"], greedy.hear()), ("overloaded", None))
        same(hits(server, "strangersBytes"), 1.0)
        server.await_line("limits.strangersBytes: memory runs out")
        for other in others: # they can still log in
            other.connection.sendall(padded_login("T", size)[30000:])
            same(other.hear()["header"]["status"], "good")


def test_memory_of_all():
    """Who takes nothing of a lot is disconnected; the others go on."""
    with serve({"totalBytes": 1 << 20, "maxFrame": 4096, "inFlightPerSession": 1000000, **PATIENT},
               handlers=CHAT) as server:
        with server.client("T") as sender, server.client("G") as lazy, \
                server.client("H") as honest:
            # The handler is there: what waits for one that starts is memory, too.
            same(honest.send("chat", {"to": "H", "text": "?"})["header"]["status"], "good")
            sent, reports = 0, []
            while not any("this one of G holds most" in line for line in list(server.lines)):
                sent += 1
                sender.say({"payload": {"type": "chat", "id": str(sent), "data": {
                    "to": "G", "text": "x" * 3500}}})
                sender.say({"payload": {"type": "dummy", "id": "dummy", "data": None}})
                reports += sender.hear_until(lambda message: message["payload"]["id"] == "dummy")[:-1]
            reports += [sender.hear() for _ in range(sent - len(reports))]
            same([report["payload"]["id"] for report in reports] ==
                 [str(i + 1) for i in range(sent)], True, "the order of reports")
            same({report["payload"].get("reason") for report in reports} >= {"offline"}, True)
            with contextlib.suppress(ConnectionResetError):
                while lazy.connection.recv(1 << 16):
                    pass # it ends, maybe within a frame
            same(honest.send("chat", {"to": "H", "text": "?"})["header"]["status"], "good")
        same(hits(server, "totalBytes") >= 1, True, "totalBytes")
        same(server.metric("bester_held_bytes"), 0.0)


def test_who_takes_nothing():
    with serve({"stallMs": 100}, handlers=CHAT) as server, server.client("T") as sender, \
            server.client("G"):
        while True:
            report = sender.send("chat", {"to": "G", "text": "x" * 100000})
            if report["header"]["status"] == "bad":
                break
        same(report["payload"]["reason"], "offline")
        server.await_line("limits.stallBytes: disconnected: the peer takes too little")
        same(hits(server, "stallBytes"), 1.0)


def fill_queue(server, sender):
    """Until a message for G, who does not read, is refused."""
    count = 0
    while hits(server, "queuedBytesPerSession") == 0:
        for _ in range(100):
            count += 1
            sender.say({"header": {}, "payload": {"type": "chat", "id": str(count), "data": {
                "to": "G", "text": "x" * 1000}}})
    server.await_line("delivery: limits.queuedBytesPerSession: a message for G was refused")


def test_a_full_queue():
    with serve({"queuedBytesPerSession": 70000, "maxFrame": 4096, "inFlightPerSession": 100000,
                **PATIENT}, handlers=CHAT) as server, server.client("T") as sender, server.client("G"):
        fill_queue(server, sender)


def test_a_reload_narrows_the_queues_there_are():
    """Before it, all that the sender may have under way would fit in, and nothing be refused."""
    with serve({"maxFrame": 4096, "inFlightPerSession": 200, **PATIENT}, handlers=CHAT) as server, \
            server.client("T") as sender, server.client("G"):
        server.config["limits"]["queuedBytesPerSession"] = 70000
        server.write()
        server.signal(signal.SIGHUP)
        server.await_line("the configuration was read again")
        fill_queue(server, sender)


# ---- exchanges


@contextlib.contextmanager
def serve_with_handler(limits, answer):
    """A server whose type `own` is answered by a function."""
    server = serve(limits, handlers={"availableTypes": ["own"], "typeMap": {"own": {
        "unixDomainSocketPath": "own", "protocol": "stream", "timeoutMs": 600000}}})
    handler = Handler(server.path("own"), answer)
    with server:
        yield server, handler
    handler.close()


def ask(client, count):
    for i in range(count):
        client.say({"payload": {"type": "own", "id": str(i), "data": i}})


def test_answers_before_their_turn():
    """Two of them may wait for the first, more may not."""
    free = threading.Event()

    def answer(data):
        if data == 0:
            free.wait()
        return {"header": {"command": {"type": "sendClients", "data": ["T"]}}, "data": "x" * 1000}
    with serve_with_handler({"keptBytes": 2500}, answer) as (server, _), server.client("T") as client:
        ask(client, 6)
        while hits(server, "keptBytes") < 3:
            pass
        free.set()
        reports = [message["payload"] for message in
                   client.hear_until(lambda message: message["payload"].get("id") == "5")
                   if message["header"]["messageType"] == "statusReport"]
        same([report["id"] for report in reports], [str(i) for i in range(6)])
        same(reports[0].get("reason"), None)
        same(sorted(report.get("reason", "") for report in reports), 3 * [""] + 3 * ["overloaded"])
        server.await_line("limits.keptBytes: an answer")


def test_a_handler_that_is_full():
    """Nobody is refused: who asks it the most is read from later."""
    free = threading.Event()

    def answer(_):
        free.wait()
        return {"header": {"command": {"type": "sendClients", "data": []}}, "data": None}
    with serve_with_handler({"inFlightPerHandler": 4}, answer) as (server, handler), \
            server.client("T") as one, server.client("G") as other, server.client("H") as third:
        ask(one, 10)
        handler.await_questions(4)
        same(hits(server, "inFlightPerHandler"), 1.0)
        ask(other, 10) # of who has less under way as many are taken, and no more
        handler.await_questions(8)
        flood(third, 10) # others do not wait
        same(len(handler.questions), 8)
        same(hits(server, "inFlightPerHandler"), 2.0)
        free.set()
        for client, count in ((one, 10), (other, 10)):
            for i in range(count):
                report = client.hear()
                same((report["header"]["status"], report["payload"]["id"]), ("good", str(i)))
        server.await_line("limits.inFlightPerHandler: reading from who asks own pauses")


if __name__ == "__main__":
    run(*(value for name, value in list(globals().items()) if name.startswith("test_")))
