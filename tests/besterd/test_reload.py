#!/usr/bin/env python3
"""SIGHUP: besterd reads its configuration again, and nobody is lost over it. Writes TAP."""
import os
import pathlib
import signal
import socket
import ssl
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import BUILD, Client, Handler, Server, run, same

RELOADS = 1000


def reload(server, outcome="the configuration was read again"):
    """Writes the configuration as it is now, asks for a reload and waits for its end; the lines of
    the log that it left."""
    begin = server.mark()
    server.write()
    server.signal(signal.SIGHUP)
    server.await_line("reload: " + outcome, begin)
    return [line.split("reload: ", 1)[1] for line in server.lines[begin:] if "reload: " in line]


def has_handler(server, kind, name=None, **more):
    """An entry of the configuration; what is None is left out. NAME: of the socket."""
    handlers = server.config["handlers"]
    if kind not in handlers["availableTypes"]:
        handlers["availableTypes"].append(kind)
    entry = {"unixDomainSocketPath": server.path(name or kind), "protocol": "stream", **more}
    handlers["typeMap"][kind] = {name: value for name, value in entry.items() if value is not None}


def has_no_handler(server, kind):
    server.config["handlers"]["availableTypes"].remove(kind)
    del server.config["handlers"]["typeMap"][kind]


def to_sender(data):
    """An answer that gives the message back to T."""
    return {"header": {"command": {"type": "sendClients", "data": ["T"]}}, "data": data}


class Gate:
    """A handler's answer that waits until the test lets it go."""

    def __init__(self):
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def __call__(self, data):
        self.asked.set()
        self.may_answer.wait()
        return to_sender(data)


def begin(client, kind, data, identity):
    client.say({"header": {}, "payload": {"type": kind, "data": data, "id": identity}})


def hear_reports(client, count):
    """(id, status or reason) of the next reports, in the order that they come."""
    reports = []
    while len(reports) < count:
        message = client.hear()
        if message["header"].get("messageType") == "statusReport":
            payload = message["payload"]
            reports.append((payload["id"], payload.get("reason", message["header"]["status"])))
    return reports


# ---- what a reload changes --------------------------------------------------------------------


def test_handlers_come_and_go():
    server = Server()
    has_handler(server, "a")
    server.write()
    a, b = (Handler(server.path(name), to_sender) for name in "ab")
    with server, server.client("T") as client:
        same(client.send("a", 1)["header"]["status"], "good")
        same(client.send("b", 1)["payload"]["reason"], "noHandler")
        has_handler(server, "b")
        reload(server)
        same(client.send("b", 2)["header"]["status"], "good")
        has_no_handler(server, "a")
        same("the handler of a is gone" in reload(server), True)
        same(client.send("a", 3)["payload"]["reason"], "noHandler")
        same(client.send("b", 4)["header"]["status"], "good")
        same(client.builtin("types")["payload"]["data"]["types"], {"b": {}})
        same('bester_handler_state{type="a"' in server.http()[2], False)
        same(server.metric('bester_messages_total{type="a",result="good"}'), 1)
        has_handler(server, "a")
        reload(server)
        same(client.send("a", 5)["header"]["status"], "good")
        same(len(b.connections), 1, "a handler that stays keeps its connection")
    a.close()
    b.close()


def test_settings_of_a_handler_that_stays():
    server = Server()
    gate = Gate()
    has_handler(server, "a", timeoutMs=60000)
    server.write()
    a = Handler(server.path("a"), lambda data: gate(data) if data == "wait" else to_sender(data))
    with server, server.client("T") as client, server.client("T") as other:
        same(client.send("a", 1)["header"]["status"], "good")
        begin(client, "a", "wait", "w")
        gate.asked.wait()
        has_handler(server, "a", mayCommand=[], timeoutMs=50)
        same([line for line in reload(server) if "handler" in line], [])
        same(other.send("a", 2)["payload"]["reason"], "notAllowed")
        has_handler(server, "a", template=BUILD + "/handlers/chat.json")
        same("is the template of" in "".join(reload(server, "nothing was changed")), True)
        has_handler(server, "a", mayCommand=None, template=None)
        reload(server)
        same(other.send("a", 3)["header"]["status"], "good")
        gate.may_answer.set() # what was asked before keeps its time
        same(hear_reports(client, 1), [("w", "good")])
        same(len(a.connections), 1)
    a.close()


def test_limits_hold_at_once():
    server = Server({"limits": {"maxFrame": 2048, "recipients": 2}})
    has_handler(server, "a")
    server.write()
    a = Handler(server.path("a"), lambda data: {
        "header": {"command": {"type": "sendClients", "data": ["T"] * data[0]}}, "data": data[1]})
    with server, server.client("T") as client, server.client("T") as other:
        same(client.send("a", [3, 0])["payload"]["reason"], "notAllowed")
        server.config["limits"] = {"recipients": 3}
        reload(server)
        same(client.send("a", [3, 0])["header"]["status"], "good")
        # A larger frame is for those too who are logged in already, and goes through the handler.
        same(client.send("a", [1, "x" * 500000])["header"]["status"], "good")
        same(len(other.hear_until(lambda m: m["payload"].get("data") == "x" * 500000)), 2)
        # A smaller one is not: they were told another.
        server.config["limits"] = {"maxFrame": 1024}
        reload(server)
        same(client.send("a", [1, "x" * 500000])["header"]["status"], "good")
        same(len(a.connections), 1)
        with server.client("U") as later:
            later.say({"header": {}, "payload": {"type": "a", "data": "x" * 2000, "id": "m"}})
            same(later.hear()["payload"]["reason"], "tooLarge")
    a.close()


def test_peers_log_and_templates():
    server = Server()
    has_handler(server, "chat")
    server.config["peers"] = {"S2": {"address": "127.0.0.1:9", "legacy": True}}
    server.write()
    chat = Handler(server.path("chat"), lambda data: {
        "header": {"command": {"type": "sendServers", "data": [data]}}, "data": 1})
    listener = socket.create_server(("127.0.0.1", 0))
    with server, server.client("T") as client:
        same(client.send("chat", "S2")["payload"]["reason"], "serverUnreachable")
        same(client.send("chat", "S3")["payload"]["reason"], "unknownServer")
        server.config["peers"] = {
            name: {"address": f"127.0.0.1:{listener.getsockname()[1]}", "legacy": True}
            for name in ("S2", "S3")}
        server.config["log"] = {"level": "debug"}
        has_handler(server, "chat", template=BUILD + "/handlers/chat.json")
        reload(server)
        for peer in ("S2", "S3"):
            begin(client, "chat", peer, peer)
            connection = Client.of(listener.accept()[0])
            same(connection.hear()["payload"]["data"], 1)
            connection.say({"header": {"messageType": "statusReport", "status": "good"},
                            "payload": {}})
            same(hear_reports(client, 1), [(peer, "good")])
            connection.connection.close()
        server.await_line("debug pipeline .*reported good")
        types = client.builtin("types")["payload"]["data"]["types"]
        same(types["chat"]["template"]["type"], "chat")
    listener.close()
    chat.close()


def test_certificates():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    number = listener.fileno()
    server = Server({"network": {"types": ["unix", "tls4"], "tls4": {"port": port}}},
                    descriptors=(number,), wrap=(
        "sh", "-c", f'exec 3<&{number}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh"))

    def certificate(name):
        server.config["network"]["tls"] = {
            "certificate": server.path(name + ".pem"), "key": server.path(name + ".key"),
            "selfSigned": True}

    def shown():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
        return connection, ssl.DER_cert_to_PEM_cert(connection.getpeercert(True))

    def written(name):
        return pathlib.Path(server.path(name + ".pem")).read_text()

    certificate("one")
    server.write()
    with server:
        connection, text = shown()
        same(text, written("one"))
        client = Client.of(connection)
        same(client.log_in("T")["header"]["status"], "good")
        certificate("two")
        reload(server)
        other, text = shown()
        same(text, written("two"))
        same(written("one") == written("two"), False)
        same(client.send("dummy", None)["header"]["status"], "0")
        pathlib.Path(server.path("three.pem")).write_text("no certificate")
        pathlib.Path(server.path("three.key")).write_text("no key")
        certificate("three")
        same("network.tls: " in "\n".join(reload(server, "nothing was changed")), True)
        third, text = shown()
        same(text, written("two"))
        for end in (".pem", ".key"): # the same files, renewed
            os.replace(server.path("one" + end), server.path("two" + end))
        certificate("two")
        reload(server)
        fourth, text = shown()
        same(text, written("two"))
        for each in (connection, other, third, fourth):
            each.close()
    listener.close()


# ---- what it does not -------------------------------------------------------------------------


def test_mistakes_change_nothing():
    server = Server()
    has_handler(server, "a")
    server.write()
    a = Handler(server.path("a"), to_sender)
    with server, server.client("T") as client:
        good = dict(server.config)
        server.config = {**good, "handlers": {}, "peers": 7, "limits": {"hops": 0}, "odd": 1,
                         "log": {"level": "error"}}
        lines = reload(server, "nothing was changed")
        same(sorted(line.split(":")[0] for line in lines), [
            "limits.hops", "nothing was changed", "odd", "peers"])
        same(client.send("a", 1)["header"]["status"], "good")
        begin_line = server.mark()
        server.write("{")
        server.signal(signal.SIGHUP)
        server.await_line("reload: line 1, column 1", begin_line)
        os.unlink(server.path("config"))
        server.signal(signal.SIGHUP)
        server.await_line("reload: the configuration cannot be read: No such file", begin_line)
        os.mkfifo(server.path("config"))
        server.signal(signal.SIGHUP)
        server.await_line("reload: the configuration is no regular file", begin_line)
        same(client.send("a", 2)["header"]["status"], "good")
        same(server.metric('bester_reloads_total{result="bad"}'), 4)
        server.config = good
        reload(server)
        same(client.send("a", 3)["header"]["status"], "good")
        same(server.metric('bester_reloads_total{result="good"}'), 1)
    a.close()


def test_what_the_next_start_changes():
    server = Server()
    with server, server.client("T") as client:
        server.config["server"] = {"name": "Another"}
        server.config["network"]["unix"] = {"address": server.path("elsewhere")}
        server.config["database"] = {"type": "sqlite", "sqlite": {"path": server.path("db")}}
        server.config["informer"] = {"address": server.path("other-informer")}
        server.config["metrics"] = {"address": "tcp4://127.0.0.1:1"}
        server.config["admin"] = {"info": "changed"}
        lines = reload(server)
        same([line.split(":")[0] for line in lines if "next start" in line], [
            "server.name", "network", "database", "informer.address", "metrics.address"])
        same(client.builtin("whoami")["payload"]["data"]["server"], "S1")
        with server.client("G") as other: # any password still, at the same place
            same(other.send("dummy", None)["header"]["status"], "0")
        with Client(server.path("informer")) as informer:
            informer.say({"command": {"type": "serverInfo"}})
            same(informer.hear()["data"]["adminInfo"], "changed")
        same(server.http("/readyz")[0], 200)


# ---- what is in flight ------------------------------------------------------------------------


def test_a_handler_that_goes_finishes():
    server = Server()
    gate = Gate()
    has_handler(server, "a")
    server.write()
    a = Handler(server.path("a"), gate)
    with server, server.client("T") as client:
        begin(client, "a", 1, "m1")
        gate.asked.wait()
        has_no_handler(server, "a")
        reload(server)
        same(a.connections[0].is_open(), True)
        gate.may_answer.set()
        same(hear_reports(client, 1), [("m1", "good")])
        same(a.connections[0].closed.wait(60), True, "the connection ends then")
    a.close()


def test_order_holds_across_a_change():
    server = Server()
    gate = Gate()
    has_handler(server, "a", "old")
    server.write()
    old, now = Handler(server.path("old"), gate), Handler(server.path("now"), to_sender)
    with server, server.client("T") as client:
        begin(client, "a", 1, "m1")
        gate.asked.wait()
        has_handler(server, "a", "now")
        same("the handler of a is another now" in reload(server), True)
        begin(client, "a", 2, "m2")
        same(client.send("dummy", None)["header"]["status"], "0")
        while not now.questions: # it was asked, and has answered, before the old one
            same(client.send("dummy", None)["header"]["status"], "0")
        gate.may_answer.set()
        same(hear_reports(client, 2), [("m1", "good"), ("m2", "good")])
        has_no_handler(server, "a") # while an answer of a handler that goes waits for its turn
    old.close()
    now.close()


def test_an_answer_may_outlive_its_handler():
    server = Server()
    gate = Gate()
    has_handler(server, "a")
    server.write()
    a = Handler(server.path("a"), lambda data: gate(data) if data == 1 else to_sender(data))
    with server, server.client("T") as client:
        begin(client, "a", 1, "m1")
        gate.asked.wait()
        begin(client, "a", 2, "m2") # its answer waits for the first
        a.await_questions(2)
        has_no_handler(server, "a")
        reload(server)
        reload(server)
        gate.may_answer.set()
        same(hear_reports(client, 2), [("m1", "good"), ("m2", "good")])
    a.close()


PROGRAM = f"""#!/bin/sh
echo "$2" >>"{{log}}"
exec {BUILD}/handlers/chat "$1"
"""


def has_program(server, version):
    if not os.path.exists(server.path("program")):
        pathlib.Path(server.path("program")).write_text(PROGRAM.format(log=server.path("starts")))
        os.chmod(server.path("program"), 0o755)
    has_handler(server, "chat", handlerBinary=server.path("program"), handlerArguments=[version])


def chat(client):
    return client.send("chat", {"to": "T", "text": "x"})["header"]["status"]


def test_a_program_takes_the_place_of_another():
    server = Server()
    has_program(server, "one")
    server.write()
    with server, server.client("T") as client:
        same(chat(client), "good")
        has_program(server, "two")
        reload(server)
        same(chat(client), "good") # it waited for the new one
        same(pathlib.Path(server.path("starts")).read_text(), "one\ntwo\n")
        same(server.metric('bester_handler_restarts_total{type="chat"}'), 0)
        for version in ("three", "four", "five"): # those that never ran never run
            has_program(server, version)
            reload(server)
        same(chat(client), "good")
        same(pathlib.Path(server.path("starts")).read_text().split()[-1], "five")
        has_no_handler(server, "chat")
        begin_line = server.mark()
        reload(server)
        server.await_line("handler chat: process [0-9]+ ended with status 0", begin_line)


# ---- under load -------------------------------------------------------------------------------


class Talker(threading.Thread):
    """Sends without a pause, on one session; every message must be reported good."""

    def __init__(self, server, kinds):
        super().__init__(daemon=True)
        self.client = server.client("T")
        self.kinds = kinds
        self.count = 0
        self.trouble = None
        self.over = False

    def run(self):
        try:
            while not self.over:
                kind = self.kinds[self.count % len(self.kinds)]
                report = self.client.send(kind, {"to": "nobody", "text": "x"})
                same(report["header"]["status"], "good", kind)
                self.count += 1
        except Exception as error:  # pylint: disable=broad-except
            self.trouble = error


class Caller(threading.Thread):
    """Connects, logs in and goes, again and again."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.count = 0
        self.trouble = None
        self.over = False

    def run(self):
        try:
            while not self.over:
                with self.server.client("G") as client:
                    same(client.send("dummy", None)["header"]["status"], "0")
                self.count += 1
        except Exception as error:  # pylint: disable=broad-except
            self.trouble = error


def test_many_reloads_under_load():
    """Handlers come, go and change, limits change, while clients talk and others come."""
    server = Server()
    has_handler(server, "a")
    has_handler(server, "b", "b1")
    server.write()
    handlers = [Handler(server.path(name), lambda data: {
        "header": {"command": {"type": "sendClients", "data": ["T"]}}, "data": 1})
        for name in ("a", "b1", "b2", "c")]
    with server:
        threads = [Talker(server, kinds) for kinds in ("a", "b", "ab")] + [Caller(server)]
        for thread in threads:
            thread.start()
        for number in range(RELOADS):
            has_handler(server, "b", "b2" if number % 2 else "b1")
            has_handler(server, "a", timeoutMs=1000 + number)
            if number % 3:
                has_handler(server, "c")
            elif number:
                has_no_handler(server, "c")
            server.config["limits"] = {"maxFrame": 65536 + number, "inFlightPerSession": 1 + number}
            reload(server)
        for thread in threads:
            thread.over = True
            thread.join()
            if thread.trouble:
                raise thread.trouble
        print(f"# {RELOADS} reloads, messages {[t.count for t in threads[:-1]]}, "
              f"connections {threads[-1].count}")
        same(min(thread.count for thread in threads) > 10, True, "the load was a load")
        same(server.metric('bester_reloads_total{result="good"}'), RELOADS)
        same(server.metric("bester_sessions"), 3)
        same(server.metric("process_open_fds") < 40, True)
    for handler in handlers:
        handler.close()


run(test_handlers_come_and_go, test_settings_of_a_handler_that_stays, test_limits_hold_at_once,
    test_peers_log_and_templates, test_certificates, test_mistakes_change_nothing,
    test_what_the_next_start_changes, test_a_handler_that_goes_finishes,
    test_order_holds_across_a_change, test_an_answer_may_outlive_its_handler,
    test_a_program_takes_the_place_of_another, test_many_reloads_under_load)
