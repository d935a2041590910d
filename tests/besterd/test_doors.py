#!/usr/bin/env python3
"""Who may come in to besterd at all: listeners without TLS, from outside. Writes TAP."""
import pathlib
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


run(test_a_configuration_of_the_reference_starts_and_serves_this_machine_alone,
    test_a_configuration_of_ours_is_refused,
    test_a_reload_cannot_open_it_to_others)
