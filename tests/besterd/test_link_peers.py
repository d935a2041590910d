#!/usr/bin/env python3
"""Pinned servers that the test plays, honest and hostile. Writes TAP."""
import json
import pathlib
import select
import signal
import socket
import ssl
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import Client, run, same
from links import (STREAM, Linked, Played, forward, good, hear_words, message, one_with_a_peer,
                   report_of, say)


# ---- who is let in


def test_strangers():
    server, _, handler = one_with_a_peer()
    stranger = Played(server.directory, "S9")
    with server:
        for _ in range(3):
            try:
                peer = stranger.call(server, hello=False)
                same(peer.hear(), None)
                raise AssertionError("a stranger was let in")
            except ssl.SSLError as error:
                same("alert" in str(error).lower(), True, str(error))
        (unknown,) = server.ask()["unknownPeers"]
        same((unknown["pin"], unknown["count"]), (stranger.pin, 3))
        same(server.metric("bester_peer_strangers_total"), 3)
        lines = [line for line in server.lines if stranger.pin in line]
        same(len(lines), 1, "lines of the log")
        # As the log has it, it can be pasted.
        server.config["peers"]["S9"] = json.loads(lines[0][lines[0].index('{"pin'):].rsplit(
            " to the peers", 1)[0])
        server.write()
        server.signal(signal.SIGHUP)
        server.await_line("was read again")
        same(server.ask()["unknownPeers"], [])
        with stranger.call(server) as peer:
            same(peer.hello["payload"]["server"]["name"], "S1")
    handler.close()


def test_many_strangers():
    server, _, handler = one_with_a_peer()
    strangers = [Played(server.directory, f"X{number}") for number in range(40)]
    with server:
        for stranger in strangers:
            try:
                stranger.call(server, hello=False).hear()
            except ssl.SSLError:
                pass
        unknown = [one["pin"] for one in server.ask()["unknownPeers"]]
        same(len(unknown), 32)
        same(strangers[-1].pin in unknown, True)
        same(strangers[0].pin in unknown, False)
    handler.close()


def test_how_often_one_may_knock():
    """Whom nobody knows costs a handshake only so often; the others are closed before it."""
    server, _, handler = one_with_a_peer()
    server.config["limits"].update(alsoLocal=True, connectsPerSecond=1, connectBurst=3)
    server.write()
    with server:
        knocks = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(6)]
        closed = select.select(knocks, [], [])[0] # who is let in hears nothing before he speaks
        same(closed[0].recv(1), b"")
        same(server.metric('bester_limit_hits_total{limit="connectsPerSecond"}') >= 1, True)
        for knock in knocks:
            knock.close()
    handler.close()


def test_without_tls_without_certificate_and_older():
    server, peer, handler = one_with_a_peer()
    with server:
        for bytes_ in (b"\x02\0\0\0{}", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100, b""):
            with socket.create_connection(("127.0.0.1", server.port)) as raw:
                raw.sendall(bytes_)
                raw.shutdown(socket.SHUT_WR)
                try:
                    while raw.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        raw = socket.create_connection(("127.0.0.1", server.port))
        try:
            Client.of(peer.context(certificate=False).wrap_socket(raw)).hear()
            raise AssertionError("no certificate was asked for")
        except ssl.SSLError:
            pass
        context = peer.context()
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        raw = socket.create_connection(("127.0.0.1", server.port))
        try:
            context.wrap_socket(raw)
            raise AssertionError("TLS 1.2 was taken")
        except ssl.SSLError:
            pass
        with peer.call(server) as there:
            same(there.hello["header"]["messageType"], "hello")
    handler.close()


def test_the_one_that_is_called_shows_another_key():
    """We do not say a word to it, and the administrator is told."""
    server = Linked("S1", STREAM)
    right, wrong = Played(server.directory, "S2"), Played(server.directory, "S2", "other")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server.config["peers"]["S2"] = {
        "pin": right.pin, "address": f"127.0.0.1:{listener.getsockname()[1]}"}
    server.write()
    with server:
        raw, _ = listener.accept()
        try:
            wrong.context(True).wrap_socket(raw, server_side=True).recv(1)
            raise AssertionError("it talked to another key")
        except ssl.SSLError:
            pass
        server.await_line("shows another key than it is known by: " + wrong.pin)
        raw, _ = listener.accept()  # it tries again
        peer = Client.of(right.context(True).wrap_socket(raw, server_side=True))
        peer.say(right.hello())
        same(peer.hear()["header"]["messageType"], "hello")
        server.await_link("S2")
        peer.connection.close()
    listener.close()


def test_pinned_is_never_legacy():
    """Neither outward nor inward, whatever else the configuration allows."""
    server, peer, handler = one_with_a_peer()
    server.config["peers"]["*"] = {"legacy": True}
    server.write()
    with server, server.client("G") as g:
        for claim, reason in (("S2", "notAllowed"), ("S1", "notAllowed"), ("S7", None)):
            with server.client() as legacy:
                legacy.say({"header": {"scope": "server", "origin": {"user": "T", "server": claim}},
                            "payload": {"type": "h", "data": 1, "id": "1"}})
                same(legacy.hear()["payload"].get("reason"), reason)
        same(g.hear()["header"]["authenticated"], False)
        del server.config["peers"]["*"]
        server.write()
        server.signal(signal.SIGHUP)
        server.await_line("was read again")
        with server.client() as legacy:
            legacy.say({"header": {"scope": "server"}, "payload": {"type": "h", "data": 1, "id": "1"}})
            same(legacy.hear()["payload"]["reason"], "notAllowed")
    handler.close()
    same(peer.name, "S2")


# ---- what a known server may say


def test_lies_about_the_origin():
    server, peer, handler = one_with_a_peer()
    with server, server.client("G") as g, peer.call(server) as there:
        for number, (origin, reason) in enumerate((
                ("T@S1", "notAllowed"), ("T@S3", "notAllowed"), ("T@S2", None), (None, None)), 1):
            there.say(message(number, number, origin=origin))
            report = report_of(there, number)
            same(report["payload"].get("reason"), reason, origin)
            same(report["payload"]["id"], f"id{number}")
        same(g.hear()["header"]["from"], "T@S2")
        same("from" in g.hear()["header"], False)
    handler.close()


def test_relays():
    server, peer, handler = one_with_a_peer(relaysFor=["S3"])
    with server, server.client("G") as g, peer.call(server) as there:
        there.say(message(1, 1, origin="T@S3"))
        same(report_of(there, 1)["header"]["status"], "good")
        heard = g.hear()
        same((heard["header"]["from"], "authenticated" in heard["header"]), ("T@S3", False))
        unsure = message(2, 1, origin="T@S3")
        unsure["header"]["origin"]["authenticated"] = False
        there.say(unsure)
        same(g.hear()["header"]["authenticated"], False)
        there.say(message(3, 1, origin="T@S4"))
        same(report_of(there, 3)["payload"]["reason"], "notAllowed")
    handler.close()


def test_duplicates():
    """The same exchange on one connection, and on the next: carried out once, reported each time."""
    server, peer, handler = one_with_a_peer()
    with server, server.client("G") as g:
        with peer.call(server) as there:
            for _ in range(3):
                there.say(message(1, "one"))
                same(report_of(there, 1)["header"]["status"], "good")
        with peer.call(server) as there:
            there.say(message(1, "one"))
            first = report_of(there, 1)
            same((first["header"]["status"], first["payload"]["id"]), ("good", "id1"))
            there.say({"header": {"messageType": "reported", "ack": "2"}})
            there.say(message(1, "one"))  # forgotten, and no report: nobody may ask so
            there.say(message(2, "two"))
            same(report_of(there, 2)["header"]["status"], "good")
        same([g.hear()["payload"]["data"] for _ in range(2)], ["one", "two"])
        same(server.metric('bester_peer_duplicates_total{peer="S2"}'), 4)
        peer.instance = "two"  # it was started anew, and counts from 1
        with peer.call(server) as there:
            there.say(message(1, "three"))
            same(report_of(there, 1)["header"]["status"], "good")
        same(g.hear()["payload"]["data"], "three")
    handler.close()


def test_a_duplicate_of_what_is_under_way():
    """The connection is lost in the middle: the report comes on the next one."""
    server, peer, handler = one_with_a_peer()
    go = threading.Event()
    handler.targets = lambda data: go.wait() and ["G"]
    with server, server.client("G") as g:
        with peer.call(server) as there:
            there.say(message(1, "one"))
            handler.await_questions(1)
        with peer.call(server) as there:
            there.say(message(1, "one"))
            there.say(message(2, "two"))
            handler.await_questions(2)
            go.set()
            same(report_of(there, 1)["header"]["status"], "good")
            same(report_of(there, 2)["header"]["status"], "good")
        same([g.hear()["payload"]["data"] for _ in range(2)], ["one", "two"])
    handler.close()


def test_a_broken_duplicate():
    """Under the number of a message that is under way, or done: one message has one report."""
    server, peer, handler = one_with_a_peer()
    go = threading.Event()
    handler.targets = lambda data: go.wait() and ["G"]
    with server, server.client("G"):
        with peer.call(server) as there:
            broken = json.dumps(message(1, "one"))[:-1].encode()
            frame = struct.pack("<I", len(broken)) + broken
            there.say(message(1, "one"))
            handler.await_questions(1)
            there.connection.sendall(frame)
            there.say({"header": {"messageType": "ping"}})
            heard = there.hear_until(lambda frame: frame["header"]["messageType"] == "pong")
            same([frame for frame in heard if frame["header"]["messageType"] == "statusReport"], [])
            go.set()
            same(report_of(there, 1)["header"]["status"], "good")
            there.connection.sendall(frame)
            same(report_of(there, 1)["header"]["status"], "good", "the same again")
        same(server.metric('bester_peer_duplicates_total{peer="S2"}'), 2)
    handler.close()


def test_an_old_instance_is_forgotten():
    """What it was still working on has no report for its successor's message of that number."""
    server, peer, handler = one_with_a_peer()
    go = {"old": threading.Event(), "new": threading.Event()}
    handler.targets = lambda data: go[data].wait() and ["G" if data == "old" else "Nobody"]
    with server, server.client("G") as g:
        with peer.call(server) as there:
            there.say(message(1, "old"))
            handler.await_questions(1)
        peer.instance = "two"
        with peer.call(server) as there:
            there.say(message(1, "new"))
            handler.await_questions(2)
            go["old"].set()
            same(g.hear()["payload"]["data"], "old")
            there.say({"header": {"messageType": "ping"}})
            while (word := there.hear()["header"]["messageType"]) != "pong":
                same(word, "reported")
            go["new"].set()
            same(report_of(there, 1)["header"]["status"], "bad")
    handler.close()


def test_garbage():
    """Whatever a known server says: its own connection ends, and others do not notice."""
    server, peer, handler = one_with_a_peer()
    good = message(1, 1)
    no_order = message(1, 1)
    del no_order["header"]["order"]
    texts = [b"", b"{", b"[]", b"7", b'"x"', b"\xff", b"{}", b'{"header":{}}', b"[" * 100000,
             json.dumps(no_order).encode(),
             json.dumps({**good, "header": {"scope": "server", "order": "1"}}).encode(),
             json.dumps({**good, "header": {"scope": "server", "order": "1", "exchange": "x"}}).encode(),
             json.dumps({**good, "header": {"scope": "server", "order": "1", "exchange": "0"}}).encode(),
             b'{"header":{"messageType":"statusReport"}}',
             b'{"header":{"messageType":"statusReport","status":"good"}}',
             b'{"header":{"messageType":"statusReport","status":"fine","exchange":"1"}}',
             b'{"header":{"messageType":"reported"}}', b'{"header":{"messageType":"reported","ack":-1}}',
             b'{"header":{"messageType":"notTaken"}}', b'{"header":{"messageType":7}}']
    hellos = [b"", b"{}", json.dumps(good).encode(), b'{"header":{"messageType":"hello"}}',
              json.dumps({**peer.hello(), "header": {"messageType": "hello"}}).encode(),
              json.dumps(peer.hello(inFlight=0)).encode(), json.dumps(peer.hello(span="x")).encode(),
              b" " * 20000]

    def ends(there, text):
        try:
            there.connection.sendall(len(text).to_bytes(4, "little") + text)
            while there.hear() is not None:
                pass
        except (ConnectionError, ssl.SSLError):
            pass

    with server, server.client("G") as g:
        for text in texts:
            with peer.call(server) as there:
                ends(there, text)
        for text in hellos:
            with peer.call(server, hello=False) as there:
                there.hear()
                ends(there, text)
        with peer.call(server) as there:
            there.connection.sendall(b"\xff\xff\xff\xff")
            same(hear_words(there, "never"), None)
        peer.name = "S3"  # with the key of S2
        with peer.call(server) as there:
            same(there.hear(), None)
        peer.name = "S2"
        server.await_line("it calls itself S3")
        # What is no message of ours ends nothing, and neither does what is not known yet.
        with peer.call(server) as there:
            there.say({"header": {"messageType": "somethingNew", "x": [1]}})
            there.say({"header": {"messageType": "statusReport", "status": "good", "exchange": "77"}})
            there.say({"header": {"messageType": "notTaken", "exchange": "77"}})
            there.say({"header": {"messageType": "pong"}})
            there.say({"header": {"messageType": "ping"}})
            same(hear_words(there, "pong") is not None, True)
            bad = message(1, 1)
            bad["payload"]["type"] = 7
            there.say(bad)
            same(report_of(there, 1)["payload"]["reason"], "malformed")
            there.say(message(2, 1, kind="nothing"))
            same(report_of(there, 2)["payload"]["reason"], "noHandler")
            there.say(message(3, {"command": {"type": "whoami"}}, kind="builtin"))
            same(report_of(there, 3)["payload"]["reason"], "notAllowed")
            there.say(message(4, None, kind="dummy"))
            same(report_of(there, 4)["header"]["status"], "good")
            deep = json.dumps(message(5, 1)).replace(": 1,", ": " + "[" * 200 + "]" * 200 + ",").encode()
            there.connection.sendall(len(deep).to_bytes(4, "little") + deep)
            same(report_of(there, 5)["payload"]["reason"], "tooLarge")
            there.say(message(6, "after all", hops=1))
            same(report_of(there, 6)["header"]["status"], "good")
            there.say(message(7, "too far", hops=100))
            same(report_of(there, 7)["payload"]["reason"], "loop")
        same(g.hear()["payload"]["data"], "after all")
        with server.client("T") as t:
            same(t.send("h", "still here")["header"]["status"], "good")
    handler.close()


def test_flood():
    """More than it may: it is not read from, and nobody else waits."""
    server, peer, handler = one_with_a_peer({"limits": {"peerInFlight": 4}})
    go = threading.Event()
    handler.targets = lambda data: [] if data != "flood" or go.wait() else None
    with server, server.client("T") as t, peer.call(server) as there:
        same(there.hello["payload"]["server"]["limits"]["inFlight"], 4)

        def flood():
            for number in range(1, 201):
                there.say(message(number, "flood", order=number))

        thread = threading.Thread(target=flood)
        thread.start()
        handler.await_questions(8)  # twice as many, in case that it has forgotten some
        for number in range(20):
            same(t.send("h", number)["header"]["status"], "good")
        same(server.link("S2")["working"], 8)
        same(len([q for q in handler.questions if q["payload"]["data"] == "flood"]), 8)
        go.set()
        thread.join()
        for _ in range(200):
            same(hear_words(there, "statusReport")["header"]["status"], "good")
        # And more than can be remembered: it never says that it has the reports.
        for number in range(201, 300):
            try:
                there.say(message(number, "more", order=number))
            except (ConnectionError, ssl.SSLError):
                break
        server.await_line("more messages than it was allowed")
    handler.close()


def refused(number, id_bytes):
    """A message that is refused at once, for its origin."""
    whole = message(number, None, origin="T@S9")
    whole["payload"]["id"] = "x" * id_bytes
    return whole


def test_what_is_remembered_is_bounded():
    """A peer that never says which reports it has fills neither the memory with them nor the log."""
    server, peer, handler = one_with_a_peer()
    with server, peer.call(server) as there:
        count = 2600  # times 3500 are over the 8 MiB that are kept whole
        for number in range(1, count + 1):
            there.say(refused(number, 3500))
            same(len(report_of(there, number)["payload"]["id"]), 3500)
        there.say(refused(count + 1, 100000))
        same(len(report_of(there, count + 1)["payload"]["id"]), 100000)
        for number, kept in (1, True), (count, False), (count + 1, False):
            there.say(refused(number, 10))
            payload = report_of(there, number)["payload"]
            same((payload["reason"], "id" in payload), ("notAllowed", kept), number)
        told = len([line for line in server.lines if "a message was refused" in line])
        same(told < count / 2, True, "lines in the log")  # 5 in a second
    handler.close()


def test_silence():
    """One that does not answer is given up; one that does is asked again."""
    server, peer, handler = one_with_a_peer({"limits": {"peerHeartbeatMs": 50}})

    def is_asked_twice():
        with peer.call(server) as there:
            if not hear_words(there, "ping"):
                return False
            there.say({"header": {"messageType": "pong"}})
            return hear_words(there, "ping") is not None

    with server:
        # A test that is slow for once is given up too, and calls again.
        same(any(is_asked_twice() for _ in range(100)), True)
        with peer.call(server) as there:
            while there.hear() is not None:
                pass
        server.await_line("it says nothing any more")
    handler.close()


def test_half_open():
    """Connections without a hello end; they do not keep out who is known."""
    server, peer, handler = one_with_a_peer({"limits": {"loginMs": 60000}})
    with server:
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(80)]
        with peer.call(server) as there:
            there.say(message(1, 1))
            same(report_of(there, 1)["payload"]["reason"], "offline")
            same(idle[0].recv(1), b"")  # the oldest made room
        for raw in idle:
            raw.close()
    handler.close()
    server, peer, handler = one_with_a_peer({"limits": {"loginMs": 100}})
    with server:
        try:
            with peer.call(server, hello=False) as there:
                while there.hear() is not None:
                    pass
        except (OSError, ssl.SSLError):
            pass  # it took too long for a hello of the server, even
        server.await_line("no hello in time")
    handler.close()


# ---- what is sent to one that the test plays


def out_to_a_peer(changes=None):
    server = Linked("S1", {**STREAM, **(changes or {})})
    peer = Played(server.directory, "S2")
    server.config["peers"]["S2"] = {"pin": peer.pin}
    server.write()
    return server, peer, forward(server, ["S2"])


def test_resent_until_reported():
    server, peer, handler = out_to_a_peer()
    with server, server.client("T") as t:
        for number in range(3):
            say(t, number)
        seen = []
        for _ in range(3):
            with peer.call(server) as there:
                seen.append([hear_words(there, "server") for _ in range(3)])
        same(seen[1], seen[0])
        same(seen[2], seen[0])
        exchanges = [one["header"]["exchange"] for one in seen[0]]
        with peer.call(server) as there:
            for exchange in (exchanges[1], exchanges[0]):
                same(hear_words(there, "server")["header"]["origin"], {"user": "T", "server": "S1"})
                good(there, exchange)
            same([t.hear()["payload"]["id"] for _ in range(2)], ["0", "1"])
        with peer.call(server) as there:  # what is reported is not sent again
            same(hear_words(there, "reported")["header"]["ack"], exchanges[2])
            same(hear_words(there, "server")["header"]["exchange"], exchanges[2])
            there.say({"header": {"messageType": "statusReport", "status": "bad",
                                  "exchange": exchanges[2]},
                       "payload": {"reason": "offline", "detail": "gone"}})
            report = t.hear()["payload"]
            same((report["id"], report["reason"], report["detail"]),
                 ("2", "serverRefused", "S2: reported bad: offline: gone"))
    handler.close()


def test_not_resent_to_a_successor():
    server, peer, handler = out_to_a_peer()
    with server, server.client("T") as t:
        say(t, 0)
        with peer.call(server) as there:
            hear_words(there, "server")
        say(t, 1)
        handler.await_questions(2)
        peer.instance = "two"
        with peer.call(server) as there:
            same(t.hear()["payload"]["reason"], "serverUnreachable")
            second = hear_words(there, "server")
            same(second["payload"]["id"], "1")
            good(there, second["header"]["exchange"])
            same(t.hear()["header"]["status"], "good")
    handler.close()


def test_not_taken():
    """It waits for the successor, and is no fault."""
    server, peer, handler = out_to_a_peer()
    with server, server.client("T") as t:
        with peer.call(server) as there:
            say(t, 0)
            exchange = hear_words(there, "server")["header"]["exchange"]
            there.say({"header": {"messageType": "notTaken", "exchange": exchange}})
            there.say({"header": {"messageType": "bye"}})
            say(t, 1)
            handler.await_questions(2)
            there.say({"header": {"messageType": "ping"}})
            same(there.hear()["header"]["messageType"], "pong")  # and nothing before it
        peer.instance = "two"
        with peer.call(server) as there:
            for number in range(2):
                one = hear_words(there, "server")
                same(one["payload"]["id"], str(number))
                good(there, one["header"]["exchange"])
                same(t.hear()["header"]["status"], "good")
    handler.close()


def test_one_that_takes_leave_and_stays():
    """What waits for its successor is told why, when none comes."""
    server, peer, handler = out_to_a_peer({"limits": {"peerMs": 50}})
    with server, server.client("T") as t, peer.call(server) as there:
        there.say({"header": {"messageType": "bye"}})
        there.say({"header": {"messageType": "ping"}})
        same(hear_words(there, "pong") is not None, True)
        say(t, 1)
        same(t.hear()["payload"]["detail"], "S2: it is about to end, and takes nothing for 50 ms")
    handler.close()


def test_window():
    server, peer, handler = out_to_a_peer()
    with server, server.client("T") as t, peer.call(server, inFlight=2, span=4, maxFrame=1000) as there:
        for number in range(10):
            say(t, number)
        handler.await_questions(10)

        def quiet():
            there.say({"header": {"messageType": "ping"}})
            heard = []
            while (frame := there.hear())["header"].get("messageType") != "pong":
                if frame["header"].get("scope"):
                    heard.append(frame["header"]["exchange"])
            return heard

        first = [hear_words(there, "server")["header"]["exchange"] for _ in range(2)]
        while server.link("S2")["waiting"] < 10:
            pass
        same(quiet(), [])
        good(there, first[1])
        second = quiet()
        same(len(second), 1)
        good(there, second[0])
        same(len(quiet()), 1)  # the fourth; the first has no report, so there is no fifth
        good(there, str(int(first[0]) + 3))
        same(quiet(), [])
        good(there, first[0])
        same(len(quiet()), 2)
    handler.close()


def test_too_large_for_it():
    server, peer, handler = out_to_a_peer()
    with server, server.client("T") as t:
        say(t, 0, "x" * 2000)
        handler.await_questions(1)
        with peer.call(server, maxFrame=1000):
            report = t.hear()["payload"]
            same((report["id"], report["reason"]), ("0", "tooLarge"))
            same(t.send("h", "x" * 2000)["payload"]["reason"], "tooLarge")
    handler.close()


def test_two_connections_at_once():
    """Of two that the same side has called the newer counts; nothing is lost between them."""
    server, peer, handler = out_to_a_peer()
    with server, server.client("T") as t:
        say(t, 0)
        first = peer.call(server)
        exchange = hear_words(first, "server")["header"]["exchange"]
        second = peer.call(server)
        same(hear_words(second, "server")["header"]["exchange"], exchange)
        while first.hear() is not None:
            pass
        good(second, exchange)
        same(t.hear()["header"]["status"], "good")
        first.connection.close()
        second.connection.close()
    handler.close()


def test_which_of_two_counts():
    """S1 has called S2; then S2 calls. The call of S1, whose name sorts first, stays; but not when
    S2 is another instance by now."""
    server = Linked("S1", STREAM)
    peer = Played(server.directory, "S2")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server.config["peers"]["S2"] = {
        "pin": peer.pin, "address": f"127.0.0.1:{listener.getsockname()[1]}"}
    server.write()
    with server:
        raw, _ = listener.accept()
        called = Client.of(peer.context(True).wrap_socket(raw, server_side=True))
        called.say(peer.hello())
        same(called.hear()["header"]["messageType"], "hello")
        server.await_link("S2")
        with peer.call(server) as there:
            same(there.hear(), None)
        called.say({"header": {"messageType": "ping"}})
        same(hear_words(called, "pong") is not None, True)
        peer.instance = "two"
        with peer.call(server) as there:
            there.say({"header": {"messageType": "ping"}})
            same(hear_words(there, "pong") is not None, True)
            while called.hear() is not None:
                pass
        called.connection.close()
    listener.close()

TESTS = (
    test_strangers, test_many_strangers, test_how_often_one_may_knock,
    test_without_tls_without_certificate_and_older,
    test_the_one_that_is_called_shows_another_key, test_pinned_is_never_legacy,
    test_lies_about_the_origin, test_relays, test_duplicates,
    test_a_duplicate_of_what_is_under_way,
    test_a_broken_duplicate, test_an_old_instance_is_forgotten, test_garbage,
    test_flood, test_what_is_remembered_is_bounded, test_silence, test_half_open,
    test_resent_until_reported, test_not_resent_to_a_successor, test_not_taken,
    test_one_that_takes_leave_and_stays, test_window, test_too_large_for_it,
    test_two_connections_at_once, test_which_of_two_counts)
run(*[test for test in TESTS if sys.argv[1:] in ([], [test.__name__])])
