#!/usr/bin/env python3
"""besterd among hostile, broken and dying peers, from outside. Writes TAP.

Each test ends with a conversation between others that must not have noticed."""
import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import BUILD, Client, Server, frame, run, same

MAX_FRAME = 1 << 20
LOGIN_FRAME = 1 << 14
VALUES = 1 << 17


def serve(changes=None, descriptors=None, **more):
    """A server with the chat handler, which also listens on a TCP socket that it is handed.
    descriptors: how many it may have."""
    listener = socket.create_server(("127.0.0.1", 0))
    given = listener.fileno()
    limit = f"ulimit -n {descriptors};" if descriptors else ""
    close = "" if given == 3 else f"{given}<&-"
    server = Server({
        "network": {"types": ["unix", "tcp4"],
                    "tcp4": {"address": "127.0.0.1", "port": listener.getsockname()[1]}},
        "handlers": {"availableTypes": ["chat"], "typeMap": {"chat": {
            "handlerBinary": BUILD + "/handlers/chat", "unixDomainSocketPath": "chat",
            "protocol": "stream"}}}, **(changes or {})},
        descriptors=(given,), wrap=(
            "sh", "-c", f'{limit} LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&{given} {close}', "sh"),
        **more)
    server.listener = listener  # kept open until the server has it
    return server


def tcp(server):
    return socket.create_connection(server.listener.getsockname())


def reset(connection):
    """Closes with a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def login(user):
    return frame({"header": {"scope": "client", "authentication": {
        "username": user, "password": "p"}}, "payload": {}})


def chat(to, text, identity):
    return frame({"header": {}, "payload": {
        "type": "chat", "data": {"to": to, "text": text}, "id": identity}})


def wrap(connection):
    client = Client.__new__(Client)
    client.connection = connection
    client.ids = 0
    return client


def others_still_talk(server):
    with server.client("Else") as one, server.client("Where") as other:
        same(one.send("chat", {"to": "Where", "text": "still?"})["header"]["status"], "good")
        same(other.hear()["payload"]["data"]["text"], "still?")


def refused(client, reason, ends):
    report = client.hear()
    same((report["header"]["status"], report["payload"]["reason"]), ("bad", reason))
    if ends:
        same(client.hear(), None)


# ---- bytes


def test_lengths():
    lengths = {0: "malformed", 1: "malformed", LOGIN_FRAME: "malformed",
               LOGIN_FRAME + 1: "malformed", MAX_FRAME: "malformed", MAX_FRAME + 1: "tooLarge",
               0x7fffffff: "tooLarge", 0xffffffff: "tooLarge"}
    with serve() as server:
        for length, reason in lengths.items():
            for user in (None, "T"):
                wanted = "tooLarge" if not user and length > LOGIN_FRAME else reason
                with server.client(user) as client:
                    with contextlib.suppress(BrokenPipeError):  # it listens no more, and says why
                        client.connection.sendall(
                            struct.pack("<I", length) + b"x" * min(length, MAX_FRAME))
                    refused(client, wanted, not user or wanted == "tooLarge")
        others_still_talk(server)


def test_split_everywhere():
    conversation = login("T") + chat("T", "split", "1")
    with serve() as server:
        for at in range(1, len(conversation)):
            with wrap(tcp(server)) as client:
                client.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.connection.sendall(conversation[:at])
                client.connection.sendall(conversation[at:])
                same(client.hear()["header"]["status"], "good")
                same(client.hear()["payload"]["data"]["text"], "split")
                same(client.hear()["payload"]["id"], "1")
        with wrap(tcp(server)) as client:
            for byte in conversation:
                client.connection.sendall(bytes([byte]))
            for _ in range(3):
                client.hear()


def test_texts_that_are_no_messages():
    envelope = b'{"header":{},"payload":{"type":"chat","id":"x","data":%s}}'
    texts = {
        b"[" * MAX_FRAME: "malformed", b"{" * 1000: "malformed", b'{"a":' * 100000: "tooLarge",
        envelope % (b"[" * 100000 + b"]" * 100000): "tooLarge",
        envelope % b'"\xff\xfe"': "malformed", envelope % b'"\xc0\xaf"': "malformed",
        envelope % b'"\xed\xa0\x80"': "malformed", envelope % b'"\xf4\x90\x80\x80"': "malformed",
        envelope % b'"\\ud800"': "malformed", envelope % b'"\x00"': "malformed",
        envelope % b"01": "malformed", envelope % b"1.": "malformed", envelope % b"NaN": "malformed",
        envelope % b"{\"a\" 1}": "malformed", envelope % b"1, \"id\":\"y\"": "malformed",
        b'{"header":{},"header":{},"payload":{}}': "malformed",
        b'{"payload":{"type":"chat","data":1,"id":"x","i\\u0064":"y"}}': "malformed",
        b"\xef\xbb\xbf{}": "malformed", b"{} {}": "malformed", b'"text"': "malformed",
        b'{"payload":{' + b",".join(b'"m%d":1' % i for i in range(1000)) + b"}}": "tooLarge",
    }
    with serve() as server, server.client("T") as client:
        for text, reason in texts.items():
            client.connection.sendall(struct.pack("<I", len(text)) + text)
            report = client.hear()
            same(report["payload"]["reason"], reason, repr(text[:80]))
        # As many values as there may be: type, id, the list and what is in it.
        for elements, reason in ((VALUES - 3, "handlerError"), (VALUES - 2, "tooLarge")):
            text = envelope % (b"[" + b",".join([b"{}"] * elements) + b"]")
            client.connection.sendall(struct.pack("<I", len(text)) + text)
            refused(client, reason, False)
        others_still_talk(server)


# ---- peers that do not read, do not wait, do not stay


def test_floods_without_reading():
    dummy = frame({"payload": {"type": "dummy", "data": 1, "id": "x" * 100}}) * 500
    with serve({"limits": {"stallMs": 500}}) as server:
        floods = []

        def flood(user):
            client = server.client(user)
            floods.append(client)
            try:
                while True:
                    client.connection.sendall(dummy)
            except OSError:
                pass  # closed by the server: it took nothing for too long

        threads = [threading.Thread(target=flood, args=(f"F{i}",)) for i in range(8)]
        for thread in threads:
            thread.start()
        others_still_talk(server)
        if server.metric("bester_queued_bytes") > 8 * (MAX_FRAME + 1000):
            raise AssertionError("more waits for those who do not read than may")
        for thread in threads:
            thread.join()
        others_still_talk(server)
        for client in floods:
            client.connection.close()


def test_a_flood_that_reads_late_loses_nothing():
    count = 50000
    with serve() as server, server.client("T") as client:
        def send():
            for i in range(0, count, 500):
                client.connection.sendall(b"".join(
                    frame({"payload": {"type": "dummy", "data": 1, "id": str(i + k)}})
                    for k in range(500)))

        sender = threading.Thread(target=send)
        sender.start()
        sender.join(0.2)  # it may be stuck by now, or not: both are right
        for i in range(count):
            same(client.hear()["payload"]["id"], str(i))
        sender.join()


def test_half_closed_gets_every_report():
    with serve() as server, server.client("G") as receiver:
        for connection in (tcp(server), server.client().connection):
            with wrap(connection) as client:
                connection.sendall(login("T") + b"".join(
                    chat("G", str(i), str(i)) for i in range(600)))
                connection.shutdown(socket.SHUT_WR)
                same(client.hear()["header"]["status"], "good")
                for i in range(600):
                    report = client.hear()
                    same((report["header"]["status"], report["payload"]["id"]), ("good", str(i)))
                same(client.hear(), None)
                for i in range(600):
                    same(receiver.hear()["payload"]["data"]["text"], str(i))


def test_connect_and_vanish():
    game = random.Random(20261122)
    conversation = login("V") + chat("V", "a", "1") + chat("Nobody", "b", "2")
    with serve() as server:
        for _ in range(1500):
            connection = tcp(server) if game.random() < 0.5 else server.client().connection
            connection.sendall(conversation[:game.randrange(len(conversation) + 1)])
            game.choice([reset, socket.socket.close])(connection)
        while server.metric("bester_connections_open") > 0:
            pass
        others_still_talk(server)
        same(server.metric("bester_messages_in_flight"), 0)


def test_vanishing_while_the_password_is_checked():
    with serve(accounts={"T": "right"}) as server:
        for _ in range(30):
            connection = server.client().connection
            connection.sendall(login("T"))
            connection.close()
        while server.metric("bester_connections_open") > 0:
            pass
        with server.client("T", "right") as client:
            same(client.send("chat", {"to": "T", "text": "x"})["header"]["status"], "good")


# ---- means that run out


def test_no_descriptors_left():
    """A hundred idle strangers take what descriptors there are; who is in goes on talking through
    a handler that needs a new connection for each message."""
    def answer(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            peer = wrap(connection)
            data = peer.hear()
            peer.say({"header": {"status": "0", "command": {
                "type": "sendClients", "data": ["T"]}}, "data": data})
            connection.close()

    server = serve(descriptors=64)
    server.config["handlers"]["availableTypes"].append("once")
    server.config["handlers"]["typeMap"]["once"] = {"unixDomainSocketPath": server.path("once")}
    server.write()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(server.path("once"))
    listener.listen()
    threading.Thread(target=answer, args=(listener,), daemon=True).start()
    with server, server.client("T") as client:
        same(client.send("once", 0)["header"]["status"], "good")
        strangers = [server.client().connection for _ in range(100)]
        for i in range(20):
            same(client.send("once", i)["header"]["status"], "good")
        for stranger in strangers[:-1]:
            stranger.close()
        with wrap(strangers[-1]) as late:  # it waited outside, and is let in now
            same(late.log_in("L")["header"]["status"], "good")
        others_still_talk(server)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


# ---- handlers


def test_a_stopped_handler():
    server = serve()
    server.config["handlers"]["typeMap"]["chat"].update(timeoutMs=1000, breakerFailures=0)
    server.write()
    with server, server.client("T") as client:
        same(client.send("chat", {"to": "T", "text": "1"})["header"]["status"], "good")
        handler, = server.programs()
        os.kill(handler, signal.SIGSTOP)
        for i in range(300):
            client.connection.sendall(chat("T", "x", str(i)))
        for i in range(300):
            report = client.hear()
            same((report["payload"]["id"], report["payload"]["reason"]), (str(i), "handlerTimeout"))
        same(client.builtin("ping")["payload"]["type"], "builtin")
        os.kill(handler, signal.SIGCONT)
        same(client.send("chat", {"to": "T", "text": "2"})["header"]["status"], "good")


def tell(processes, number):
    """A signal to each; one that ended after it was looked for is no mistake."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def kill_a_handler_that_has_a_message(server, other):
    """Stops the handler, so that it can answer nothing, has other give it a message, and kills it when
    that message has gone out to it: what is asked after it (ping, a type of its own) was answered."""
    family = server.programs()
    tell(family, signal.SIGSTOP)
    other.connection.sendall(chat("H", "met", "met"))
    other.builtin("ping")
    tell(family, signal.SIGKILL)


def test_handlers_killed_under_load():
    count = 2500
    reports, received, met = {}, [], []
    with serve() as server, server.client("T") as client, server.client("H") as other:
        def send():
            for i in range(count):
                client.connection.sendall(chat("T", str(i), str(i)))

        sender = threading.Thread(target=send)
        sender.start()
        while len(reports) < count:
            message = client.hear()
            if message["header"]["messageType"] == "receivedMessage":
                received.append(int(message["payload"]["data"]["text"]))
                continue
            identity = int(message["payload"]["id"])
            same(identity, len(reports), "the order of reports")
            reports[identity] = message["payload"].get("reason", "good")
            if identity % 500 == 250:
                kill_a_handler_that_has_a_message(server, other)
                while (answer := other.hear())["header"]["messageType"] != "statusReport":
                    pass
                met.append(answer["payload"].get("reason", "good"))
        sender.join()
        # What was reported good was delivered, once; what was delivered was reported good.
        same(received, [i for i in range(count) if reports[i] == "good"])
        same(set(reports.values()) - {"good", "handlerDown"}, set())
        same("good" in reports.values(), True, "a message that was delivered")
        # A kill may come before the handler's connection does: then the message waits for the next one.
        same(set(met) - {"good", "handlerDown"}, set())
        same("handlerDown" in met, True, "a kill that met a message")
        # Besterd may have connected once more to the one that was killed last, on its way out.
        with server.client("Again") as again:
            while again.send("chat", {"to": "Again", "text": "?"})["payload"].get("reason") == "handlerDown":
                pass
        others_still_talk(server)


# ---- the end


def end_under_load(stopped_handler):
    """Every message that was taken has its report, in order, and what was reported good was
    delivered; nothing is left behind."""
    server = serve({"limits": {"drainMs": 1000}})
    with server:
        receiver = server.client("G")
        senders = [server.client(f"T{i}") for i in range(4)]
        reports = [[] for _ in senders]
        received = []
        under_way = threading.Semaphore(0)

        def send(client):
            try:
                for i in range(100000):
                    client.connection.sendall(chat("G", f"{id(client)}/{i}", str(i)))
            except OSError:
                pass

        def listen(client, into):
            while (message := client.hear()) is not None:
                into.append(message)
                under_way.release()

        threads = [threading.Thread(target=send, args=(client,)) for client in senders]
        threads += [threading.Thread(target=listen, args=pair)
                    for pair in [(receiver, received), *zip(senders, reports)]]
        for thread in threads:
            thread.start()
        for _ in range(2000):
            under_way.acquire()
        if stopped_handler:
            for child in server.programs():
                os.kill(child, signal.SIGSTOP)
            for _ in range(20):
                under_way.acquire(timeout=0.01)
        family = server.programs()
        same(server.stop(), 0)
        for thread in threads:
            thread.join()
        texts = {message["payload"]["data"]["text"] for message in received}
        for client, mine in zip(senders, reports):
            for i, report in enumerate(mine):
                same(report["payload"]["id"], str(i), "a report is missing")
                good = report["header"]["status"] == "good"
                same(f"{id(client)}/{i}" in texts, good, "delivered, and reported good")
                if not good:
                    same(report["payload"]["reason"] in (
                        "shuttingDown", "handlerTimeout", "handlerDown"), True, str(report))
        for child in family:
            same(os.path.exists(f"/proc/{child}/cmdline") and
                 pathlib.Path(f"/proc/{child}/cmdline").read_bytes(), b"" if os.path.exists(
                     f"/proc/{child}") else False, "a process is left")
        same(sorted(os.listdir(server.directory)), ["config"], "files that are left")
        for client in [receiver, *senders]:
            client.connection.close()


def test_the_end_under_load():
    end_under_load(False)


def test_the_end_with_a_stopped_handler():
    end_under_load(True)


run(test_lengths,
    test_split_everywhere,
    test_texts_that_are_no_messages,
    test_floods_without_reading,
    test_a_flood_that_reads_late_loses_nothing,
    test_half_closed_gets_every_report,
    test_connect_and_vanish,
    test_vanishing_while_the_password_is_checked,
    test_no_descriptors_left,
    test_a_stopped_handler,
    test_handlers_killed_under_load,
    test_the_end_under_load,
    test_the_end_with_a_stopped_handler)
