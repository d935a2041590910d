#!/usr/bin/env python3
"""bester-send, started with standard descriptors closed: what is meant for them goes
nowhere else. Writes TAP."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import BUILD, Handler, Server, run, same


def test_what_becomes_of_a_message():
    """The exit status tells the truth, and the server hears nothing that was meant for people."""
    server = Server({"handlers": {"availableTypes": ["h"], "typeMap": {"h": {
        "unixDomainSocketPath": "h.sock", "protocol": "stream", "timeoutMs": 60000}}}})
    handler = Handler(server.path("h.sock"), lambda data: {
        "header": {"commands": [{"type": "sendClients", "data": ["T"]}]}, "data": data})
    with open(server.path("password"), "w", opener=lambda *where: os.open(*where, 0o600)) as file:
        file.write("p\n")
    command = [BUILD + "/bester-send", "-S", "unix:" + server.socket, "-u", "T", "--password-file",
               server.path("password"), "-t", "h", "-d", "1", "-v", "--wait-reply", "-W", "60s"]
    with server:
        for closed, status in ("", 0), (">&-", 74), ("2>&-", 0), ("<&-", 0), ("<&- >&- 2>&-", 74):
            ended = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *command], check=False,
                                   capture_output=True, text=True)
            same(ended.returncode, status, closed + ended.stderr)
            same('"data": 1}' in ended.stdout, status == 0, closed)
        same(server.metric('bester_messages_total{type="h",result="good"}'), 5)
        for reason in "malformed", "tooLarge":
            same(server.metric(f'bester_reports_total{{result="{reason}"}}'), 0, reason)
    handler.close()


run(test_what_becomes_of_a_message)
