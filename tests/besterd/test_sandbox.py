#!/usr/bin/env python3
"""What a server that runs in its sandbox still can, what it cannot, and what it tells. Writes TAP."""
import json
import os
import pathlib
import shutil
import signal
import ssl
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import BUILD, Client, Server, listening, run, same


def told(server):
    with Client(server.path("informer")) as client:
        client.say({"command": {"type": "serverInfo"}})
        return client.hear()["data"]["sandbox"]


def is_confined(server):
    """Whether this kernel lets it confine its files; then all must say so."""
    with open(f"/proc/{server.process.pid}/status") as file:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    sandbox = told(server)
    same(sandbox["systemCalls"], lines["Seccomp"] == "2", "seccomp")
    same(lines["NoNewPrivs"], "1")
    same(server.metric('bester_sandbox{part="files"}'), float(sandbox["landlock"] > 0))
    same(server.metric('bester_sandbox{part="systemCalls"}'), float(sandbox["systemCalls"]))
    same((sandbox["refused"], server.metric("bester_refused_system_calls_total")), (0, 0))
    return sandbox["landlock"] > 0


def test_what_is_in_force():
    server = Server()
    with server:
        if is_confined(server) and told(server)["systemCalls"]:
            server.await_line("info sandbox: files are confined by Landlock [0-9]+, system calls by")
        with open(f"/proc/{server.spawner()}/status") as file:
            same("Seccomp:\t2" in file.read(), False, "handlers are not confined")


def test_none():
    server = Server({"server": {"sandbox": False}})
    with server:
        same(told(server), {"landlock": 0, "systemCalls": False, "refused": 0})
        server.await_line("warning sandbox: there is none: server.sandbox is false")
        same(server.metric('bester_sandbox{part="files"}'), 0)


def test_a_template_elsewhere():
    """It cannot be read: the reload says why, and changes nothing."""
    elsewhere = tempfile.mkdtemp(prefix="bester-")
    shutil.copy(BUILD + "/handlers/chat.json", elsewhere)
    server = Server()
    with server:
        confined = is_confined(server)
        server.config["handlers"] = {"availableTypes": ["chat"], "typeMap": {"chat": {
            "unixDomainSocketPath": server.path("x"), "template": elsewhere + "/chat.json"}}}
        server.config["log"] = {"level": "debug"}
        server.write()
        server.signal(signal.SIGHUP)
        if confined:
            server.await_line("reload: handlers.typeMap.chat.template: .* Permission denied")
            server.await_line("reload: server.sandbox: what lies in a directory that the config")
            server.await_line("reload: nothing was changed")
            shutil.copy(BUILD + "/handlers/chat.json", server.directory)
            server.config["handlers"]["typeMap"]["chat"]["template"] = server.path("chat.json")
            server.write()
            begin = server.mark()
            server.signal(signal.SIGHUP)
            server.await_line("reload: the configuration was read again", begin)
        else:
            server.await_line("reload: the configuration was read again")
        with server.client("T") as client:
            types = client.builtin("types")["payload"]["data"]
            same("chat" in json.dumps(types), True, types)
    shutil.rmtree(elsewhere)


def certificate(directory, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2",
                    "-subj", "/CN=" + name, "-keyout", directory + "/key.new",
                    "-out", directory + "/cert.new"], check=True, stderr=subprocess.DEVNULL)
    os.rename(directory + "/key.new", directory + "/key.pem")
    os.rename(directory + "/cert.new", directory + "/cert.pem")
    with open(directory + "/cert.pem") as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


def shown(port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port)) as raw, \
            context.wrap_socket(raw) as connection:
        return connection.getpeercert(binary_form=True)


def test_a_certificate_is_renewed():
    """As those who renew them do it: another file, in another directory, behind a link."""
    listener, port, given = listening()
    server = Server(**given)
    os.mkdir(server.path("archive"))
    os.mkdir(server.path("live"))
    first = certificate(server.path("archive"), "first")
    for name in "key.pem", "cert.pem":
        os.symlink("../archive/" + name, server.path("live/" + name))
    server.config["network"] = {"types": ["unix", "tls4"], "unix": {"address": server.socket},
                                "tls4": {"port": port}, "tls": {
                                    "certificate": server.path("live/cert.pem"),
                                    "key": server.path("live/key.pem")}}
    server.write()
    with server:
        same(shown(port), first)
        second = certificate(server.path("archive"), "second")
        server.signal(signal.SIGHUP)
        server.await_line("reload: the configuration was read again")
        same(shown(port), second)
    listener.close()


def test_a_handler_comes_with_a_reload():
    """Its program and its socket lie where besterd cannot reach: the spawner can."""
    elsewhere = tempfile.mkdtemp(prefix="bester-")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(elsewhere + "/x")
    stale.close()  # its file stays, and nobody listens
    with open(elsewhere + "/program", "w") as file:
        file.write(f'#!/bin/sh\n[ -e "$1" ] && echo "something is in the way"\n'
                   f'exec {BUILD}/handlers/chat "$1"\n')
    os.chmod(elsewhere + "/program", 0o700)
    server = Server()
    with server:
        server.config["handlers"] = {"availableTypes": ["chat"], "typeMap": {"chat": {
            "handlerBinary": elsewhere + "/program", "protocol": "stream",
            "unixDomainSocketPath": elsewhere + "/x"}}}
        server.write()
        server.signal(signal.SIGHUP)
        server.await_line("handler chat: connected")
        same([line for line in server.lines if "in the way" in line], [])
        with server.client("T") as client:
            report = client.send("chat", {"to": "T", "text": "1"})
            same(report["header"]["status"], "good")
    shutil.rmtree(elsewhere)


def test_accounts():
    """SQLite writes its journal, passwords are hashed on threads, accounts come and go."""
    server = Server({"database": {"register": "anybody"}}, accounts={"A": "secret"})
    server.config["admin"] = {"users": ["A"]}
    server.write()
    with server, server.client("A", "secret") as client:
        for i in range(3):
            answer = client.builtin("addUser", {"user": f"u{i}", "password": "a password"})
            same(answer["payload"]["type"], "builtin", answer)
            with server.client(f"u{i}", "a password") as other:
                same(other.builtin("ping")["payload"]["type"], "builtin")
        same(client.builtin("removeUser", {"user": "u1"})["payload"]["type"], "builtin")


run(test_what_is_in_force, test_none, test_a_template_elsewhere, test_a_certificate_is_renewed,
    test_a_handler_comes_with_a_reload, test_accounts)
