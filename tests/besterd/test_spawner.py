#!/usr/bin/env python3
"""besterd and the process that starts its handlers: what becomes of the one without the other.
Writes TAP."""
import os
import pathlib
import select
import signal
import sys

SUPPORT = pathlib.Path(__file__).resolve().parents[1] / "support"
sys.path.insert(0, str(SUPPORT))
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


# Ends at once four times, so that the pause before the fifth is a long one; then binds, and listens
# when it is told to.
LATE = f"""#!/usr/bin/env python3
import os, socket, sys
sys.dont_write_bytecode = True
sys.path.insert(0, {str(SUPPORT)!r})
from bester import Client
path, place = sys.argv[1:]
with open(place + "/starts", "a+") as file:
    file.write("x")
    file.flush()
    if file.tell() < 5:
        sys.exit(0)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
print("bound", flush=True)
open(place + "/go").read()
listener.listen()
print("listens", flush=True)
server = Client.of(listener.accept()[0])
while (question := server.hear()) is not None:
    server.say({{"header": {{"exchange": question["header"]["exchange"], "status": "0", "command": {{
        "type": "sendClients", "data": ["T"]}}}}, "data": 1}})
"""


def test_a_program_that_does_not_listen_yet():
    """besterd hears that it was started when others have already asked for it: what it has bound
    stays where it is."""
    server = Server()
    with open(server.path("program"), "w") as file:
        file.write(LATE)
    os.chmod(server.path("program"), 0o700)
    os.mkfifo(server.path("go"))
    server.config["handlers"] = {"availableTypes": ["x"], "typeMap": {"x": {
        "handlerBinary": server.path("program"), "handlerArguments": [server.directory],
        "protocol": "stream", "unixDomainSocketPath": server.path("x"), "timeoutMs": 50}}}
    server.write()
    with server, server.client("T") as client:
        begin = 0
        for _ in range(4):
            begin = server.await_line("handler x: process [0-9]+ ended with status 0", begin)[1]
            while client.send("x", 1)["payload"].get("reason") != "handlerDown":
                pass  # besterd has heard of it now
        server.signal(signal.SIGSTOP)
        server.await_line("handler x says: bound")
        client.say({"header": {}, "payload": {"type": "x", "data": 1, "id": "asked"}})
        server.signal(signal.SIGCONT)
        while client.hear()["payload"].get("id") != "asked":
            pass
        same(os.path.exists(server.path("x")), True, "what the program has bound")
        with open(server.path("go"), "w"):
            pass
        server.await_line("handler x says: listens")
        while client.send("x", 1)["header"]["status"] != "good":
            pass
        for name in ("program", "go", "starts"):
            os.unlink(server.path(name))


run(test_a_program_that_does_not_listen_yet, test_a_spawner_that_is_killed, test_a_besterd_that_is_killed, test_an_orderly_end)
