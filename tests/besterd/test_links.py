#!/usr/bin/env python3
"""Pinned servers, real ones: conversations, restarts, identities, reloads. Writes TAP."""
import os
import pathlib
import signal
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import BUILD, run, same
from links import (CHAT, STREAM, Both, Linked, Played, commands, deliver, forward, identity,
                   one_with_a_peer, say, swallow, to_s1, to_s2)


def chat(client, to, text):
    return client.send("chat", {"to": to, "text": text})["payload"]


# ---- two servers


def test_conversation():
    with Both(CHAT) as (one, two):
        one.await_link("S2")
        with one.client("T") as t, two.client("G") as g:
            same(chat(t, ["G@S2"], "hi")["outcome"], "delivered")
            heard = g.hear()
            same(heard["header"]["from"], "T@S1")
            same("authenticated" in heard["header"], False)
            same(heard["payload"]["data"]["text"], "hi")
            same(chat(g, ["T@S1"], "ho")["servers"], {"S1": "delivered"})
            same(t.hear()["header"]["from"], "G@S2")
            report = chat(t, ["X@S2"], "hi")
            same((report["reason"], report["servers"]), ("serverRefused", {"S2": "serverRefused"}))
            same("offline" in report["detail"], True)
        same(one.link("S2")["state"], "up")
        same(one.ask()["identity"], identity(one)["S1"]["pin"])
        same(two.metric('bester_peer_up{peer="S1"}'), 1)


def test_named_by_its_address():
    both = Both(STREAM, second=deliver)
    both.first = forward(both.one, [f"127.0.0.1:{both.two.port}"])
    with both as (one, two):
        with one.client("T") as t, two.client("G") as g:
            same(t.send("h", 1)["header"]["status"], "good")
            same(g.hear()["header"]["from"], "T@S1")


def test_order_and_many_at_once():
    with Both(STREAM, to_s2, deliver) as (one, two):
        with one.client("T") as t, one.client("U") as u, two.client("G") as g:
            for number in range(500):
                for client in (t, u):
                    client.say({"header": {}, "payload": {"type": "h", "data": number,
                                                          "id": str(number)}})
            heard = [g.hear() for _ in range(1000)]
            for client, user in ((t, "T@S1"), (u, "U@S1")):
                same([h["payload"]["data"] for h in heard if h["header"]["from"] == user],
                     list(range(500)), user)
                same([client.hear()["payload"]["id"] for _ in range(500)],
                     [str(number) for number in range(500)])


def test_the_other_is_started_later():
    both = Both(STREAM, to_s2, deliver, start=False)
    with both as (one, two):
        one.start()
        with one.client("T") as t:
            t.say({"header": {}, "payload": {"type": "h", "data": 1, "id": "1"}})
            both.first.await_questions(1)
            two.start()
            same(t.hear()["payload"]["reason"], "serverRefused")  # G is not there


def test_deadline():
    with Both({**STREAM, "limits": {"peerMs": 50}}, to_s2, start=False) as (one, two):
        two.listener.close()
        one.start()
        with one.client("T") as t:
            report = t.send("h", 1)["payload"]
            same(report["reason"], "serverUnreachable")
            same("no connection in 50 ms" in report["detail"], True, report["detail"])


def test_one_is_killed():
    """What it was sent and did not report is reported bad; what comes after is delivered."""
    go = threading.Event()
    both = Both(STREAM, to_s2, lambda server: commands(
        server, "sendClients", lambda data: go.wait() and []))
    with both as (one, two), one.client("T") as t:
        say(t, 1)
        both.second.await_questions(1)
        two.kill()
        say(t, 2)
        both.first.await_questions(2)
        go.set()
        two.start()
        report = t.hear()["payload"]
        same((report["id"], report["reason"]), ("1", "serverUnreachable"))
        same("not known" in report["detail"], True, report["detail"])
        report = t.hear()["payload"]
        same((report["id"], report.get("outcome")), ("2", "delivered"), report)
        same([question["payload"]["data"] for question in both.second.questions], [1, 2])


def test_a_restart_loses_nothing():
    """Ended in order and started again: what comes meanwhile waits for the successor."""
    both = Both(STREAM, to_s2, swallow)
    stop = threading.Event()
    reports = []

    def talk(server):
        with server.client("T") as t:
            while not stop.is_set():
                reports.append(t.send("h", len(reports)))

    with both as (one, two):
        one.await_link("S2")
        talker = threading.Thread(target=talk, args=(one,))
        talker.start()
        for _ in range(3):
            mark = one.mark()
            same(two.stop(), 0)
            two.start()
            one.await_link("S2", mark)
        stop.set()
        talker.join()
        same([report for report in reports if report["header"]["status"] != "good"], [])
        same([question["payload"]["data"] for question in both.second.questions],
             list(range(len(reports))))


def test_a_loop_ends():
    both = Both({**STREAM, "limits": {"hops": 4}}, to_s2, to_s1)
    both.one.know(both.two, relaysFor=["S1"])
    both.two.know(both.one, relaysFor=["S1"])
    with both as (one, _), one.client("T") as t:
        report = t.send("h", 1)["payload"]
        same(report["reason"], "serverRefused")
        same("loop" in report["detail"], True, report["detail"])


# ---- identity and reloads


def test_keys_change_without_losing_a_message():
    with Both(STREAM, to_s2, swallow, mutual=False) as (one, two):
        one.await_link("S2")
        stop = threading.Event()
        bad = []

        def talk():
            with one.client("T") as t:
                while not stop.is_set():
                    report = t.send("h", 1)
                    if report["header"]["status"] != "good":
                        bad.append(report)

        talker = threading.Thread(target=talk)
        talker.start()

        def reload(server):
            mark = server.mark()
            server.signal(signal.SIGHUP)
            return server.await_line("was read again", mark)[1]

        old = identity(one)["S1"]["pin"]
        two.config["peers"]["S1"] = identity(one, "--next")["S1"]
        same(len(two.config["peers"]["S1"]["pins"]), 2)
        two.write()
        connects = two.metric('bester_peer_connects_total{peer="S1"}')
        reload(two)
        two.config["peers"]["S1"] = identity(one, "--promote")["S1"]
        new = two.config["peers"]["S1"]["pin"]
        same(new != old, True)
        reload(one)
        same(one.ask()["identity"], new)
        same(two.metric('bester_peer_connects_total{peer="S1"}'), connects, "it was kept")
        two.write()
        two.await_link("S1", reload(two))
        same(two.ask()["unknownPeers"], [])
        stop.set()
        talker.join()
        same(bad, [])


def test_reload_keeps_what_is_the_same():
    with Both(CHAT, mutual=False) as (one, two):
        one.await_link("S2")
        with one.client("T") as t:
            connects = one.metric('bester_peer_connects_total{peer="S2"}')
            stranger = Played(one.directory, "S3")
            one.config["peers"]["S3"] = {"pin": stranger.pin}
            one.write()
            one.signal(signal.SIGHUP)
            one.await_line("was read again")
            same(one.link("S3")["state"], "listening")
            same(one.metric('bester_peer_connects_total{peer="S2"}'), connects)
            del one.config["peers"]["S2"]
            one.write()
            mark = one.mark()
            one.signal(signal.SIGHUP)
            one.await_line("was read again", mark)
            same(list(one.ask()["peers"]), ["S3"])
            same(chat(t, ["G@S2"], "x")["reason"], "unknownServer")


def test_a_bad_identity_is_told():
    server, _, handler = one_with_a_peer()
    with open(server.path("identity.pem"), "w") as file:
        file.write("no key\n")
    ended = subprocess.run([BUILD + "/besterd", server.path("config")], capture_output=True,
                           text=True, check=False, cwd=server.directory)
    same(ended.returncode, 74)
    same("identity.pem: holds no certificate (PEM)" in ended.stderr, True, ended.stderr)
    os.remove(server.path("identity.pem"))
    with server:
        same([line for line in server.lines if "everybody may read" in line], [])
        os.chmod(server.path("identity.pem"), 0o644)
        server.signal(signal.SIGHUP)
        server.await_line("identity.pem: a private key that everybody may read")
        with open(server.path("identity.pem"), "w") as file:
            file.write("no key\n")
        server.signal(signal.SIGHUP)
        server.await_line("nothing was changed")
        same(server.ask()["peers"]["S2"]["state"], "listening")
    handler.close()


def test_identity_command():
    server = Linked("S 1".replace(" ", "_"))
    line = identity(server)
    same(line["S_1"]["address"], f"127.0.0.1:{server.port}")
    same(os.stat(server.path("identity.pem")).st_mode & 0o777, 0o600)
    same(identity(server), line)
    command = [BUILD + "/besterd", "identity", "--config", server.path("config")]
    same(subprocess.run([*command, "--promote"], capture_output=True, check=False).returncode, 1)
    same(subprocess.run([*command, "--promote", "--next"], capture_output=True,
                        check=False).returncode, 2)
    same(subprocess.run([*command, "x"], capture_output=True, check=False).returncode, 2)
    both = identity(server, "--next")["S_1"]["pins"]
    same(both[0], line["S_1"]["pin"])
    same(identity(server)["S_1"]["pins"], both)
    same(identity(server, "--promote")["S_1"]["pin"], both[1])
    server.remove()

TESTS = (
    test_conversation, test_named_by_its_address, test_order_and_many_at_once,
    test_the_other_is_started_later, test_deadline, test_one_is_killed,
    test_a_restart_loses_nothing, test_a_loop_ends, test_keys_change_without_losing_a_message,
    test_reload_keeps_what_is_the_same, test_a_bad_identity_is_told, test_identity_command)
run(*[test for test in TESTS if sys.argv[1:] in ([], [test.__name__])])
