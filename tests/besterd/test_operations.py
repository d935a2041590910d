#!/usr/bin/env python3
"""besterd as those who keep it running see it, from outside. Writes TAP."""
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


run(test_readiness_ends_before_health)
