#!/usr/bin/env python3
"""besterd as those who keep it running see it, from outside. Writes TAP."""
import json
import os
import pathlib
import signal
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import Handler, Server, run, same


def serve(server, kind, answer, **more):
    """The server has a handler of that type, a stream one, played by the test."""
    handler = Handler(server.path(kind), answer)
    server.config["handlers"]["availableTypes"].append(kind)
    server.config["handlers"]["typeMap"][kind] = {
        "unixDomainSocketPath": server.path(kind), "protocol": "stream", **more}
    server.write()
    return handler


def test_readiness_ends_before_health():
    asked, may_answer = threading.Event(), threading.Event()

    def answer(data):
        asked.set()
        may_answer.wait()
        return {"header": {"command": {"type": "sendClients", "data": ["T"]}}, "data": data}

    server = Server()
    handler = serve(server, "slow", answer)
    with server:
        with server.client("T") as client:
            same(server.http("/readyz")[::2], (200, "ready\n"))
            client.say({"header": {}, "payload": {"type": "slow", "data": 1, "id": "m"}})
            asked.wait()
            same(server.metric("bester_messages_in_flight"), 1)
            same(server.metric('bester_handler_questions{type="slow",state="sent"}'), 1)
            server.signal(signal.SIGTERM)
            server.await_line("stopping")
            same(server.http("/readyz")[::2], (503, "draining\n"))
            same(server.http("/healthz")[::2], (200, "ok\n"))
            may_answer.set()
            same(client.hear()["payload"]["data"], 1)
            same(client.hear()["header"]["status"], "good")
            same(client.hear(), None)
    handler.close()


def test_a_handler_that_stops_who_started_it():
    """The server ends all the same."""
    server = Server()
    with open(server.path("program"), "w") as file:
        file.write("#!/bin/sh\nkill -STOP $PPID; echo done >fifo; exec sleep 1000\n")
    os.mkfifo(server.path("fifo"))
    os.chmod(server.path("program"), 0o700)
    server.config["handlers"] = {"availableTypes": ["x"], "typeMap": {"x": {
        "handlerBinary": server.path("program"), "protocol": "stream",
        "unixDomainSocketPath": server.path("x")}}}
    server.write()
    with server:
        with open(server.path("fifo")) as file:
            same(file.read(), "done\n")


def test_a_handler_that_says_too_much():
    """What it says first and nobody can be given does not fill the log."""
    server = Server()
    handler = serve(server, "h", lambda data: {"header": {"commands": []}, "data": data})
    with server, server.client("T") as client:
        same(client.send("h", 1)["header"]["status"], "good")
        for _ in range(1000):
            handler.connections[-1].say({"header": {"status": "0", "commands": [
                {"type": "sendClients", "data": ["nobody"]}]}, "data": 1})
        same(client.send("h", 2)["header"]["status"], "good")
        told = [line for line in server.lines if "what a handler said first failed" in line]
        same(0 < len(told) < 500, True, "5 lines in a second")
    handler.close()


def test_what_a_handler_writes():
    """Its lines stand in the log under its name, whatever it writes; text and JSON alike."""
    for form in "text", "json":
        server = Server({"log": {"format": form}})
        with open(server.path("program"), "w") as file:
            file.write("#!/bin/sh\nprintf 'ready \\033\"\\n'; echo 'on fire' >&2; exit 3\n")
        os.chmod(server.path("program"), 0o700)
        server.config["handlers"] = {"availableTypes": ["x"], "typeMap": {"x": {
            "handlerBinary": server.path("program"), "protocol": "stream",
            "unixDomainSocketPath": server.path("x")}}}
        server.write()
        with server:
            _, end = server.await_line("process [0-9]+ ended with status 3")
            lines = [line for line in server.lines[:end] if "handler x says" in line]
            if form == "json":
                lines = [json.loads(line) for line in lines]
                same([(line["subject"], line["level"], line["message"]) for line in lines],
                     [("handler x says", "info", 'ready \\x1b"'),
                      ("handler x says", "info", "on fire")])
            else:
                same([line.split(" ", 1)[1] for line in lines],
                     ['info handler x says: ready \\x1b"', "info handler x says: on fire"])


run(test_a_handler_that_stops_who_started_it, test_a_handler_that_says_too_much,
    test_what_a_handler_writes, test_readiness_ends_before_health)
