#!/usr/bin/env python3
"""From root to the user whom the configuration names; only where root runs the tests. Writes TAP."""
import os
import pathlib
import pwd
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import BUILD, Server, listening, run, same

NOBODY = pwd.getpwnam("nobody")
PROGRAM = """#!/bin/sh
echo "id $$ home $HOME user $USER $LOGNAME"
while :; do read x <"$2"; done
"""


def of_nobody(**more):
    """A server that is to become nobody, in a directory that is nobody's."""
    server = Server({"server": {"user": "nobody"}}, **more)
    with open(server.path("program"), "w") as file:
        file.write(PROGRAM)
    os.chmod(server.path("program"), 0o755)
    os.mkfifo(server.path("block"))
    os.chmod(server.path("block"), 0o666)
    server.config["handlers"] = {"availableTypes": ["x"], "typeMap": {"x": {
        "handlerBinary": server.path("program"), "handlerArguments": [server.path("block")],
        "protocol": "stream", "unixDomainSocketPath": server.path("x")}}}
    server.write()
    os.chown(server.path("config"), NOBODY.pw_uid, NOBODY.pw_gid)
    os.chown(server.directory, NOBODY.pw_uid, NOBODY.pw_gid)
    return server


def same_ids(pid):
    """Real, effective, saved and of the file system; and the other groups."""
    with open(f"/proc/{pid}/status") as file:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    same(lines["Uid"].split(), [str(NOBODY.pw_uid)] * 4, f"users of {pid}")
    same(lines["Gid"].split(), [str(NOBODY.pw_gid)] * 4, f"groups of {pid}")
    same(lines["Groups"].split(), [str(NOBODY.pw_gid)], f"other groups of {pid}")
    same(int(lines["CapEff"], 16) | int(lines["CapPrm"], 16), 0, f"capabilities of {pid}")


def owner(server, name):
    status = os.stat(server.path(name))
    return status.st_uid, status.st_gid


def test_all_of_it_is_nobody():
    server = of_nobody()
    with server:
        line, _ = server.await_line("handler x says: id ")
        same(line.split("home ")[1], f"{NOBODY.pw_dir} user nobody nobody")
        same_ids(server.process.pid)
        same_ids(server.spawner())
        same_ids(server.programs()[0])
        with server.client("T") as client:
            same(client.builtin("ping")["payload"]["type"], "builtin")
        for name in "sock", "informer", "metrics":
            same(owner(server, name), (NOBODY.pw_uid, NOBODY.pw_gid), name)
        same(bool(server.metric("process_resident_memory_bytes")), True, "what /proc/self tells")
        same([line for line in server.lines if " warning besterd: " in line], [])
    same(os.path.exists(server.directory), False)


def test_files_that_root_alone_has():
    """They are read at the start, and what will be missed later is told then; those that are made
    belong to nobody from the start."""
    listener, port, given = listening()
    made = of_nobody(**given)
    pinned = {"S2": {"pin": "sha256:" + "0" * 64}}
    tls = {"certificate": made.path("c.pem"), "key": made.path("k.pem"), "selfSigned": True}
    made.config["network"] = {"types": ["unix", "tls4"], "unix": {"address": made.socket},
                              "tls4": {"port": port}, "tls": tls}
    made.config["peers"] = pinned
    made.config["server"]["identity"] = made.path("identity.pem")
    made.write()
    os.chown(made.path("config"), NOBODY.pw_uid, NOBODY.pw_gid)
    made.start()
    same(made.stop(), 0)
    for name in "c.pem", "k.pem", "identity.pem":
        same(owner(made, name), (NOBODY.pw_uid, NOBODY.pw_gid), name)
        os.chown(made.path(name), 0, 0)
        os.chmod(made.path(name), 0o600)
    os.chown(made.directory, 0, 0)
    os.chmod(made.directory, 0o755)
    os.mkdir(made.path("run"))
    os.chown(made.path("run"), NOBODY.pw_uid, NOBODY.pw_gid)
    for place, name in ("informer", "i"), ("metrics", "m"):
        made.config[place]["address"] = ("unix:" if name == "m" else "") + made.path("run/" + name)
    made.config["network"]["unix"]["address"] = made.path("run/sock")
    made.write()
    os.chown(made.path("config"), 0, 0)
    os.chmod(made.path("config"), 0o600)
    with made:
        warnings = " ".join(line for line in made.lines if " warning besterd: " in line)
        for name in "config", "c.pem", "k.pem", "identity.pem":
            same(f"{made.path(name)}, cannot be read by nobody" in warnings, True, name)
        same("run/" in warnings, False, warnings)
    listener.close()


def test_root_without_a_user():
    server = Server()
    with server:
        server.await_line("warning besterd: runs as root, and so do its handlers")


def test_somebody_who_cannot_become_another():
    server = Server({"server": {"user": "root"}})
    shutil.copy(BUILD + "/besterd", server.path("besterd"))
    os.chmod(server.directory, 0o755)
    os.chmod(server.path("besterd"), 0o755)
    os.chmod(server.path("config"), 0o644)
    ended = subprocess.run([server.path("besterd"), server.path("config")], stderr=subprocess.PIPE,
                           text=True, user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[],
                           check=False)
    same(ended.returncode, 78, ended.stderr)
    same('server.user is "root" (0, group 0), and only root can become that' in ended.stderr, True,
         ended.stderr)
    shutil.rmtree(server.directory)


if os.geteuid() == 0:
    run(test_all_of_it_is_nobody, test_files_that_root_alone_has, test_root_without_a_user,
        test_somebody_who_cannot_become_another)
print("1..0 # SKIP only root can become somebody else")
