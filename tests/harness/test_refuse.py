#!/usr/bin/env python3
"""A `refuse` that nobody felt fails its play: over TCP and UNIX, and also when somebody who was
connected before goes meanwhile. Where the kernel does not tell who is refused, such a play passes,
as docs/harness.md says: which of the two this machine is, is found out here in a way of its own.
Writes TAP."""
import errno
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from bester import BUILD, run, same

NETLINK_SOCK_DIAG = 4
TCP_DESTROY = {socket.AF_INET: 1, socket.AF_INET6: 3}
PATIENCE_S = 2


def knock(place, address):
    with socket.socket(place.family) as one:
        one.setblocking(False)
        one.connect_ex(address)
        select.select([], [one], [], PATIENCE_S)


def hears(told, port):
    """Whether the end of a socket that was to go to that port is told; None: too much was."""
    while select.select([told], [], [], PATIENCE_S)[0]:
        try:
            # struct nlmsghdr, then four bytes of struct inet_diag_msg, then two ports
            if struct.unpack(">H", told.recv(65536)[22:24])[0] == port:
                return True
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                return None
            raise
    return False


def kernel_tells(family, host):
    """Whether the end of a socket of ours that was refused is told."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as told, \
                socket.socket(family) as place:
            told.bind((0, 1 << (TCP_DESTROY[family] - 1)))
            place.bind((host, 0))
            heard = None
            while heard is None:
                knock(place, place.getsockname())
                heard = hears(told, place.getsockname()[1])
            return heard
    except OSError:
        return False


def notes_access():
    with tempfile.TemporaryDirectory(prefix="bester-") as folder, \
            socket.socket(socket.AF_UNIX) as place:
        path = os.path.join(folder, "s")
        place.bind(path)
        os.utime(path, (1, os.stat(path).st_mtime))
        knock(place, path)
        return os.stat(path).st_atime != 1


DUMMY = [{"T > S1": {"type": "dummy", "data": None, "id": "1"}},
         {"S1 > T": {"type": "dummy", "data": None, "id": "1"}}]
LEAVE = [{"T > S1": {"close": True}}]
STEPS = ([], DUMMY, LEAVE)


def play(steps, via):
    return {"play": "refuse", "deadlineMs": 60000,
            "servers": {"S1": {"listen": ["tcp4", "tcp6", "unix"]}},
            "clients": {"T": {"on": "S1", "via": via}},
            "steps": [{"refuse": "T > S1"}, *steps, {"heal": "T > S1", "deadlineMs": 1}]}


def check(via, seen):
    with tempfile.TemporaryDirectory(prefix="bester-") as folder:
        for number, steps in enumerate(STEPS):
            with open(os.path.join(folder, f"{number}.json"), "w") as file:
                json.dump(play(steps, via), file)
        result = subprocess.run([BUILD + "/harness", "run", f"-j{len(STEPS)}", folder],
                                capture_output=True, text=True)
    same(result.returncode, 1 if seen else 0, f"exit status of\n{result.stdout}")
    if seen:
        same(result.stdout.count('cause: "NO EFFECT"'), len(STEPS), result.stdout)
        same(result.stdout.count("nobody tried to connect meanwhile"), len(STEPS), result.stdout)


def test_tcp4():
    check("tcp4", kernel_tells(socket.AF_INET, "127.0.0.1"))


def test_tcp6():
    check("tcp6", kernel_tells(socket.AF_INET6, "::1"))


def test_unix():
    check("unix", notes_access())


run(test_tcp4, test_tcp6, test_unix)
