#!/usr/bin/env python3
"""Who may listen where a handler should: root, besterd's own user, and socketOwner. Writes TAP.
Only root can be somebody else for a moment."""
import contextlib
import os
import pathlib
import pwd
import shutil
import socket
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import BUILD, Server, run, same

NOBODY = pwd.getpwnam("nobody")


def listen_as_nobody(path):
    """A process of another user that answers every question with sendClients; its id."""
    listener = socket.socket(socket.AF_UNIX)
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(NOBODY.pw_gid)
        os.setuid(NOBODY.pw_uid)
        listener.bind(path)
        listener.listen()
        os.write(told, b"1")
        answer = b'{"header":{"status":"0","command":{"type":"sendClients","data":["T"]}},"data":1}'
        while True:
            connection, _ = listener.accept()
            with contextlib.suppress(OSError):
                connection.sendall(struct.pack("<I", len(answer)) + answer)
            connection.close()
    os.read(ready, 1)
    os.close(ready)
    os.close(told)
    listener.close()
    return child


def ask(owner):
    """What becomes of a message to a handler that runs as nobody; and the server's log."""
    handler = {"timeoutMs": 500}
    if owner:
        handler["socketOwner"] = owner
    server = Server({"handlers": {"availableTypes": ["h"], "typeMap": {"h": handler}}})
    os.chmod(server.directory, 0o777)
    handler["unixDomainSocketPath"] = server.path("h")
    server.config["handlers"]["typeMap"]["h"] = handler
    server.write()
    child = listen_as_nobody(server.path("h"))
    try:
        with server, server.client("T") as client:
            reports = [client.send("h", 1) for _ in range(3)]
        results = {(report["header"]["status"], report["payload"].get("reason")) for report in reports}
        return results, [line for line in server.lines if line]
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_a_stranger_is_told_nothing():
    results, log = ask(None)
    same(results, {("bad", "handlerDown")})
    # Said once, however many messages come.
    same(sum(f"the user with the id {NOBODY.pw_uid} listens on" in line for line in log), 1, str(log))


def test_who_is_named_is_trusted():
    same(ask("nobody")[0], {("good", None)})


def test_an_owner_who_does_not_exist():
    server = Server({"handlers": {"availableTypes": ["h"], "typeMap": {"h": {
        "unixDomainSocketPath": "h", "socketOwner": "no-such-user-here"}}}})
    checked = subprocess.run([BUILD + "/besterd", "check", server.path("config")], text=True,
                             capture_output=True, check=False)
    shutil.rmtree(server.directory)
    same(checked.returncode, 78)
    text = checked.stdout + checked.stderr
    same('handlers.typeMap.h.socketOwner: "no-such-user-here" is no user of this machine' in text,
         True, text)


if os.geteuid() != 0:
    print("1..0 # SKIP only root can be somebody else")
    sys.exit(0)
run(test_a_stranger_is_told_nothing, test_who_is_named_is_trusted, test_an_owner_who_does_not_exist)
