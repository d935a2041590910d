#!/usr/bin/env python3
"""besterd and the process that starts its handlers: what becomes of the one without the other.
Writes TAP."""
import os
import pathlib
import select
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import Server, run, same


def serve(server):
    """The server has a handler whose program waits for ever."""
    with open(server.path("program"), "w") as file:
        file.write("#!/bin/sh\necho \"id $$\"\nwhile :; do read x <\"$2\"; done\n")
    os.chmod(server.path("program"), 0o700)
    os.mkfifo(server.path("block"))
    server.config["handlers"] = {"availableTypes": ["x"], "typeMap": {"x": {
        "handlerBinary": server.path("program"), "handlerArguments": [server.path("block")],
        "protocol": "stream", "unixDomainSocketPath": server.path("x")}}}
    server.write()
    server.start()
    return int(server.await_line("handler x says: id ")[0].split()[-1])


def spawner_of(server):
    with open(f"/proc/{server.spawner()}/comm") as file:
        same(file.read(), "besterd-spawner\n")
    return server.spawner()


def watch(pid):
    """Something to give to await_ends, for a process that lives."""
    return os.pidfd_open(pid)


def await_ends(*watched):
    for descriptor in watched:
        select.select([descriptor], [], [])
        os.close(descriptor)


def test_a_spawner_that_is_killed():
    """besterd says so and ends in order, with a status that has it started again."""
    server = Server()
    handler = serve(server)
    spawner = spawner_of(server)
    watched = watch(handler), watch(spawner)
    client = server.client("T")
    os.kill(spawner, signal.SIGKILL)
    server.await_line("error spawner: process [0-9]+ was ended by signal 9")
    server.await_line("error besterd: cannot go on without")
    same(client.hear(), None)
    client.connection.close()
    same(server.process.wait(), 1)
    same(server.stop(), 1)
    await_ends(*watched)


def test_a_besterd_that_is_killed():
    """Whoever takes the log sees it end: nobody is left who holds it open."""
    server = Server()
    handler = serve(server)
    spawner = spawner_of(server)
    watched = watch(handler), watch(spawner)
    server.signal(signal.SIGKILL)
    server.reader.join()
    same(server.stop(), -signal.SIGKILL)
    await_ends(*watched)


def test_an_orderly_end():
    server = Server()
    handler = serve(server)
    spawner = spawner_of(server)
    watched = watch(handler), watch(spawner)
    same(server.stop(), 0)
    await_ends(*watched)


run(test_a_spawner_that_is_killed, test_a_besterd_that_is_killed, test_an_orderly_end)
