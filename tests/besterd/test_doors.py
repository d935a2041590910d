#!/usr/bin/env python3
"""Who may come in to besterd: listeners without TLS, and guesses at passwords, from outside. Writes TAP."""
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import BUILD, Client, Server, run, same


def handed(address="127.0.0.1"):
    """A listening socket, and what hands it over to a besterd."""
    listener = socket.create_server((address, 0))
    given = listener.fileno()
    close = "" if given == 3 else f"{given}<&-"
    return listener, {"descriptors": (given,), "wrap": (
        "sh", "-c", f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&{given} {close}', "sh")}


def as_the_reference(port, directory):
    """A configuration that the reference could have had."""
    return {"network": {"types": ["tcp4", "unix"], "tcp4": {"address": "0.0.0.0", "port": str(port)},
                        "unix": {"address": directory + "/sock"}},
            "handlers": {"availableTypes": [], "typeMap": {}}, "admin": {"info": {"name": "T"}}}


def test_a_configuration_of_the_reference_starts_and_serves_this_machine_alone():
    listener, given = handed()
    port = listener.getsockname()[1]
    server = Server(**given)
    server.environment["XDG_STATE_HOME"] = server.directory
    server.config = as_the_reference(port, server.directory)
    server.write()
    with server:
        server.await_line('warning listener: network.tcp4.address: "0.0.0.0" is not on loopback.*127.0.0.1 alone '
                          'is listened on.*"insecure": true')
        server.await_line(f"listening on tcp4://127.0.0.1:{port} .handed over")
        with Client.of(socket.create_connection(("127.0.0.1", port))) as client:
            same(client.log_in("T", "")["payload"]["reason"], "authFailed", "it serves")
        server.config["network"]["insecure"] = True
        server.write()
        mark = server.mark()
        server.signal(signal.SIGHUP)
        server.await_line("network.*is changed by the next start", mark)
    listener.close()


def besterd(server, *arguments):
    return subprocess.run([BUILD + "/besterd", *arguments, server.path("config")], capture_output=True, text=True)


def test_a_configuration_of_ours_is_refused():
    server = Server({"network": {"types": ["unix", "tcp6"], "tcp6": {"address": "::"}},
                     "database": {"type": "sqlite", "sqlite": {"path": "accounts.db"}}})
    for arguments in ("check",), ():
        ended = besterd(server, *arguments)
        same(ended.returncode, 78, f"exit status of {arguments}")
        told = ended.stdout + ended.stderr
        for part in "network.tcp6.address: is not on loopback", '"tls6" in network.types', '"insecure": true':
            same(part in told, True, told)
    server.config["network"]["insecure"] = True
    server.write()
    same(besterd(server, "check").returncode, 0, "and is taken with insecure")
    shutil.rmtree(server.directory)


def test_a_reload_cannot_open_it_to_others():
    with Server() as server:
        server.config["network"]["types"].append("tcp4")
        server.config["network"]["tcp4"] = {"address": "0.0.0.0"}
        server.write()
        mark = server.mark()
        server.signal(signal.SIGHUP)
        server.await_line("network.tcp4.address: is not on loopback", mark)
        same(server.metric('bester_reloads_total{result="bad"}'), 1.0, "reloads refused")


# ---- who guesses passwords


def serve(limits, accounts):
    """A server with accounts on TCP, where loopback counts as any address."""
    listener, given = handed()
    server = Server({"network": {"types": ["unix", "tcp4"], "tcp4": {
        "address": "127.0.0.1", "port": listener.getsockname()[1]}}, "limits": {
            "alsoLocal": True, "loginMs": 3600000, **limits}},
        accounts=accounts, **given)
    server.listener = listener # kept open until the server has it
    return server


def log_in(server, address, user, password):
    """"good" or the reason, and the detail."""
    with Client.of(socket.create_connection(server.listener.getsockname(), source_address=(address, 0))) as client:
        payload = client.log_in(user, password)["payload"]
        return payload.get("reason", "good"), payload.get("detail")


def hits(server, limit):
    return server.metric(f'bester_limit_hits_total{{limit="{limit}"}}')


def test_failed_logins_are_throttled():
    with serve({"failedLoginBurst": 3, "failedLoginsPerMinute": 1}, {"T": "secret", "G": "other"}) as server:
        for i in range(3):
            same(log_in(server, "127.0.0.1", "T", "wrong")[0], "authFailed")
            server.await_line(f'session: {i + 1} failed logins as "T" from 127.0.0.1')
        for password in "wrong", "secret": # the right one is not looked at either
            reason, detail = log_in(server, "127.0.0.1", "T", password)
            same(reason, "rateLimited")
            wait_s = int(re.fullmatch(r"too many failed logins; try again in (\d+) seconds", detail)[1])
            same(0 < wait_s <= 60, True, detail)
        same(hits(server, "failedLoginsPerMinute"), 2.0)
        same(server.metric('bester_logins_total{result="rateLimited"}'), 2.0)
        server.await_line('warning session: limits.failedLoginsPerMinute: a login as "T" from 127.0.0.1 was refused')
        same(log_in(server, "127.0.0.2", "T", "secret")[0], "good", "the user, from elsewhere")
        same(log_in(server, "127.0.0.1", "G", "other")[0], "good", "another user, from there")
        server.config["limits"]["failedLoginBurst"] = 4
        server.write()
        mark = server.mark()
        server.signal(signal.SIGHUP)
        server.await_line("read again|reload", mark)
        same(log_in(server, "127.0.0.1", "T", "secret")[0], "good", "one more, after a reload")
        same(log_in(server, "127.0.0.1", "T", "wrong")[0], "authFailed", "and all anew")


def test_a_flood_of_guesses_counts_each():
    """Many at once, before the first is known to have failed: no more are tried than may be."""
    with serve({"failedLoginBurst": 5, "failedLoginsPerMinute": 1}, {"T": "secret"}) as server:
        connections = [Client.of(socket.create_connection(server.listener.getsockname())) for _ in range(60)]
        for client in connections:
            client.say({"header": {"scope": "client", "authentication": {"username": "T", "password": "wrong"}},
                        "payload": {}})
        reasons = [client.hear()["payload"]["reason"] for client in connections]
        same((reasons.count("authFailed"), reasons.count("rateLimited")), (5, 55))
        for client in connections:
            client.connection.close()


def test_many_logins_at_once_are_no_guesses():
    with serve({"failedLoginBurst": 5, "failedLoginsPerMinute": 1}, {"T": "secret"}) as server:
        connections = [Client.of(socket.create_connection(server.listener.getsockname())) for _ in range(60)]
        for client in connections:
            client.say({"header": {"scope": "client", "authentication": {"username": "T", "password": "secret"}},
                        "payload": {}})
        same([client.hear()["header"]["status"] for client in connections], 60 * ["good"])
        for client in connections:
            client.connection.close()


run(test_a_configuration_of_the_reference_starts_and_serves_this_machine_alone,
    test_a_configuration_of_ours_is_refused,
    test_a_reload_cannot_open_it_to_others,
    test_failed_logins_are_throttled,
    test_a_flood_of_guesses_counts_each,
    test_many_logins_at_once_are_no_guesses)
