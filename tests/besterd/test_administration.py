#!/usr/bin/env python3
"""Administrators, and users about their accounts, in bad company and in a hurry. Writes TAP.
What they may and what comes of it is in fixtures/scenarios/administrators.json."""
import json
import pathlib
import sqlite3
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import Server, run, same


def serve(**more):
    return Server({"admin": {"users": ["A"]}, **more}, accounts={"A": "aa", "T": "tt"})


def say(client, identity, command, args=None):
    client.say({"header": {}, "payload": {"id": identity, "type": "builtin", "data": {
        "command": {"type": command, "args": args}}}})


def answer(client):
    """(id, what became of it)"""
    message = client.hear()
    if message["payload"].get("type") == "builtin":
        return message["header"]["id"], "good"
    return message["payload"].get("id"), message["payload"]["reason"]


def test_many_at_once():
    """Each is answered, in the order sent; what waits is bounded."""
    count = 600
    with serve() as server, server.client("A", "aa") as client:
        for i in range(count):
            say(client, str(i), "addUser" if i % 2 else "whoami", {"user": f"u{i}", "password": "p"})
        answers = [answer(client) for _ in range(count)]
        same([identity for identity, _ in answers], [str(i) for i in range(count)])
        same(set(result for _, result in answers), {"good"})
        same(client.builtin("removeUser", {"user": "u1"})["payload"]["data"]["ended"], 0)


def test_many_sessions_at_once():
    """More than are taken at a time are told so, each of them."""
    with serve(limits={"sessionsPerUser": 1000}) as server:
        clients = [server.client("A", "aa") for _ in range(300)]
        for i, client in enumerate(clients):
            say(client, "x", "addUser", {"user": f"v{i}", "password": "p"})
        results = [answer(client) for client in clients]
        same({identity for identity, _ in results}, {"x"})
        same({result for _, result in results} <= {"good", "overloaded"}, True, str(results[:3]))
        same(("x", "good") in results, True)
        for client in clients:
            client.connection.close()


def test_gone_before_the_answer():
    """What was asked is done all the same; nobody is there to be told."""
    with serve() as server:
        with server.client("A", "aa") as client:
            say(client, "1", "addUser", {"user": "late", "password": "p"})
        server.await_line("has added the user late")
        with server.client("late", "p") as late, server.client("A", "aa") as client:
            # An administrator who removes his own account is told before he is shown out.
            same(late.builtin("whoami")["payload"]["data"]["user"], "late")
            say(client, "2", "removeUser", {"user": "A"})
            same(answer(client), (None, "authFailed"))
            same(answer(client), ("2", "good"))
            same(client.hear(), None)


def test_locked_accounts():
    """SQLite held by somebody else: the report says so, and nobody waits for ever."""
    with serve() as server, server.client("A", "aa") as client, server.client("T", "tt") as other:
        holder = sqlite3.connect(server.path("accounts.db"), isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        say(client, "1", "addUser", {"user": "N", "password": "p"})
        same(other.builtin("ping")["payload"]["type"], "builtin")
        same(answer(client), ("1", "overloaded"))
        holder.execute("ROLLBACK")
        holder.close()
        same(client.builtin("addUser", {"user": "N", "password": "p"})["payload"]["type"], "builtin")


def test_the_end_while_accounts_are_changed():
    with serve() as server, server.client("A", "aa") as client, server.client("A", "aa") as other:
        for i in range(20):
            say(client, str(i), "addUser", {"user": f"w{i}", "password": "p"})
        say(other, "end", "shutdown")
        same(answer(other), ("end", "good"))
        # What was read before the end has its report, and was read from the first on.
        results = []
        while (message := client.hear()) is not None:
            results.append((message["header"].get("id") or message["payload"]["id"],
                            message["payload"].get("reason", "good")))
        same([identity for identity, _ in results], [str(i) for i in range(len(results))])
        same({result for _, result in results} <= {"good", "shuttingDown"}, True, str(results))


def test_reload_with_a_mistake():
    with serve() as server, server.client("A", "aa") as client:
        server.config["limits"] = {"hops": "many"}
        server.write()
        report = client.builtin("reload")
        same(report["payload"]["reason"], "malformed")
        same("limits.hops" in report["payload"]["detail"], True, report["payload"]["detail"])
        # No administrator any more, with the next configuration.
        server.config["limits"] = {}
        server.config["admin"] = {"users": ["T"]}
        server.write()
        same(client.builtin("reload")["payload"]["type"], "builtin")
        same(client.builtin("reload")["payload"]["reason"], "notAllowed")


def test_open_accounts():
    """Nobody can be an administrator where anybody can be anybody."""
    with Server() as server, server.client("T") as client:
        same(client.builtin("changePassword", {"old": "p", "new": "q"})["payload"]["reason"],
             "notAllowed")
        server.config["admin"] = {"users": ["T"]}
        server.write()
        begin = server.mark()
        server.signal(1)
        server.await_line('admin.users: .*anybody can log in', begin)


def test_arguments_without_sense():
    with serve() as server, server.client("A", "aa") as client:
        wrong = [5, "x", [], {"user": ""}, {"user": "a@b"}, {"user": "a\u202eb"}, {"user": None},
                 {"session": 0}, {"session": -1}, {"session": 1.5}, {"session": "1"}, {"x": 1}]
        for args in wrong:
            same(client.builtin("kick", args)["payload"]["reason"], "malformed", json.dumps(args))
        for args in ({"user": "n"}, {"password": "p"}, {"user": "n", "password": ""},
                     {"user": "n", "password": "p\0q"}, {"user": "n", "password": "p" * 1025},
                     {"user": "n" * 65, "password": "p"}):
            same(client.builtin("addUser", args)["payload"]["reason"], "malformed")
        twice = (b'{"payload":{"type":"builtin","id":"t","data":{"command":{"type":"kick",'
                 b'"args":{"user":"T","user":"A"}}}}}')
        client.connection.sendall(struct.pack("<I", len(twice)) + twice)
        same(answer(client), ("t", "malformed"))
        same(client.builtin("kick", {"session": 2 ** 62})["payload"]["data"]["ended"], 0)


def test_no_password_in_the_log():
    with serve(log={"level": "debug"}) as server, server.client("A", "aa") as client:
        client.builtin("addUser", {"user": "N", "password": "very-secret-1"})
        client.builtin("changePassword", {"old": "very-secret-2", "new": "very-secret-3"})
        client.builtin("addUser", {"user": "N", "passwort": "very-secret-4"})
        server.stop()
        same([line for line in server.lines if line and "very-secret" in line], [])


run(test_many_at_once, test_many_sessions_at_once, test_gone_before_the_answer,
    test_locked_accounts, test_the_end_while_accounts_are_changed, test_reload_with_a_mistake,
    test_open_accounts, test_arguments_without_sense, test_no_password_in_the_log)
