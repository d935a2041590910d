#!/usr/bin/env python3
"""besterd as a service manager sees it: told how it goes, sockets handed over. Writes TAP."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import BUILD, Client, Handler, Server, run, same


class Manager:
    """The end of the datagrams that systemd would hold."""

    def __init__(self, abstract=False):
        self.directory = tempfile.mkdtemp(prefix="bester-")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f"@bester-test-{os.getpid()}" if abstract else os.path.join(self.directory, "notify")
        self.socket.bind(name.replace("@", "\0", 1))
        self.environment = {"NOTIFY_SOCKET": name}

    def hear(self, name):
        """The values of the next message that has this one; those without are passed over."""
        while True:
            lines = self.socket.recv(4096).decode().split("\n")
            values = dict(line.split("=", 1) for line in lines)
            if name in values:
                return values

    def heard(self):
        """Names in all messages that have come by now."""
        names = []
        try:
            while True:
                message = self.socket.recv(4096, socket.MSG_DONTWAIT).decode()
                names += [line.split("=")[0] for line in message.split("\n")]
        except BlockingIOError:
            return names

    def close(self):
        self.socket.close()
        shutil.rmtree(self.directory)


def test_phases_are_told():
    for abstract in (False, True):
        manager = Manager(abstract)
        server = Server(environment=manager.environment)
        with server, server.client("T") as client:
            same(manager.hear("READY"), {"READY": "1", "STATUS": "serves as S1"})
            server.signal(signal.SIGHUP)
            reloading = manager.hear("RELOADING")
            same(reloading["RELOADING"], "1")
            same(0 < int(reloading["MONOTONIC_USEC"]), True)
            same(manager.hear("READY")["READY"], "1")
            server.write("{")
            server.signal(signal.SIGHUP) # it was not changed, but it serves again
            same(manager.hear("RELOADING")["RELOADING"], "1")
            same(manager.hear("READY")["READY"], "1")
            same(client.send("dummy", None)["header"]["status"], "0")
            server.signal(signal.SIGTERM)
            same(manager.hear("STOPPING")["STOPPING"], "1")
        same("WATCHDOG" in manager.heard(), False, "nobody asked for signs of life")
        manager.close()


def test_signs_of_life():
    manager = Manager()
    manager.environment["WATCHDOG_USEC"] = "20000"
    with Server(environment=manager.environment):
        manager.hear("READY")
        for _ in range(3):
            same(manager.hear("WATCHDOG")["WATCHDOG"], "1")
    manager.environment["WATCHDOG_PID"] = "1" # they are wanted of another
    with Server(environment=manager.environment) as server, server.client("T") as client:
        manager.heard()
        client.send("dummy", None)
    same("WATCHDOG" in manager.heard(), False)
    manager.close()


def test_a_start_that_fails():
    manager = Manager()
    server = Server({"network": {"unix": {"address": "/nowhere/at/all"}}},
                    environment=manager.environment)
    try:
        server.start()
    except AssertionError:
        pass
    same(server.process.wait(), 74)
    same(manager.hear("STATUS")["STATUS"].startswith("cannot start: unix:///nowhere"), True)
    same("READY" in manager.heard(), False)
    server.stop()
    manager.close()
    shutil.rmtree(server.directory)


def test_standard_descriptors_that_are_closed():
    """Nothing else gets their numbers: what is meant for stderr would go there."""
    manager = Manager()
    server = Server({"log": {"level": "debug"}}, environment=manager.environment,
                    wrap=("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"))
    process = subprocess.Popen([*server.wrap, BUILD + "/besterd", server.path("config")],
                               env=server.environment, cwd=server.directory)
    manager.hear("READY")
    same([os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)],
         ["/dev/null"] * 3)
    with server.client("T") as client:
        same(client.send("dummy", None)["header"]["status"], "0")
    process.terminate()
    same(process.wait(), 0)
    manager.close()
    shutil.rmtree(server.directory)


def test_a_reload_before_the_start():
    """SIGHUP while the configuration is still read ends nobody."""
    manager = Manager()
    server = Server(environment=manager.environment)
    with open(server.path("config")) as file:
        text = file.read()
    os.unlink(server.path("config"))
    os.mkfifo(server.path("config"))
    with open(os.open(server.path("config"), os.O_RDWR), "w") as file: # waits for nobody
        process = subprocess.Popen([BUILD + "/besterd", server.path("config")],
                                   env=server.environment, stderr=subprocess.PIPE, text=True,
                                   cwd=server.directory)
        file.write(" " * 200000) # more than fits: it has read some
        file.flush()
        process.send_signal(signal.SIGHUP)
        file.write(text)
    manager.hear("RELOADING")
    same(manager.hear("READY")["READY"], "1")
    process.terminate()
    lines = process.communicate()[1]
    same((process.returncode, "can be read at the start only" in lines), (0, True))
    manager.close()
    shutil.rmtree(server.directory)


def test_nobody_to_tell():
    for name in ("/nowhere/at/all", "relative", "", "/" + "x" * 200):
        with Server(environment={"NOTIFY_SOCKET": name}) as server, server.client("T") as client:
            same(client.send("dummy", None)["header"]["status"], "0")


def test_handlers_cannot_speak_for_the_server():
    manager = Manager()
    manager.environment.update({"WATCHDOG_USEC": "1000000", "LISTEN_FDNAMES": "x"})
    server = Server(environment=manager.environment)
    program = server.path("program")
    os.mkfifo(server.path("ready"))
    pathlib.Path(program).write_text(
        f"#!/bin/sh\nenv >{server.path('seen')}\necho >{server.path('ready')}\nexec cat\n")
    os.chmod(program, 0o755)
    server.config["handlers"] = {"availableTypes": ["h"], "typeMap": {"h": {
        "handlerBinary": program, "unixDomainSocketPath": server.path("h"), "protocol": "stream"}}}
    server.write()
    with server:
        pathlib.Path(server.path("ready")).read_text()
        seen = pathlib.Path(server.path("seen")).read_text()
        same("BESTER_TYPE=h" in seen, True)
        same(re.findall(r"^(?:NOTIFY|WATCHDOG|LISTEN)_.*", seen, re.M), [])
    manager.close()


# ---- sockets that outlive a server ------------------------------------------------------------


class Callers:
    """Threads that connect, log in, say something and go, again and again. To be closed after the
    connection was taken is a server's right when it ends; to be refused is not."""

    def __init__(self, addresses):
        self.over = False
        self.refused = []
        self.served = [0] * len(addresses)
        self.dropped = 0
        self.threads = [threading.Thread(target=self._call, args=(index, address), daemon=True)
                        for index, address in enumerate(addresses)]
        for thread in self.threads:
            thread.start()

    def _call(self, index, address):
        family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
        while not self.over:
            connection = socket.socket(family)
            try:
                connection.connect(address)
            except OSError as error:
                self.refused.append(error)
                return
            try:
                with Client.of(connection) as client:
                    same(client.log_in("T")["header"]["status"], "good")
                    same(client.send("dummy", None)["header"]["status"], "0")
                self.served[index] += 1
            except (TypeError, EOFError, OSError):
                self.dropped += 1 # it came while the server ended

    def await_served(self, more):
        goals = [count + more for count in self.served]
        while not self.refused and any(
                count < goal for count, goal in zip(self.served, goals)):
            os.sched_yield()

    def end(self):
        self.over = True
        for thread in self.threads:
            thread.join()


def test_a_restart_refuses_nobody():
    """The same listening sockets, one server after the other, as systemd's socket unit does it."""
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=4096),
                 socket.socket(socket.AF_UNIX)]
    directory = tempfile.mkdtemp(prefix="bester-")
    path = os.path.join(directory, "sock")
    listeners[1].bind(path)
    listeners[1].listen(4096)
    tcp, unix = (listener.fileno() for listener in listeners)
    server = Server(
        {"network": {"types": ["tcp4", "unix"], "tcp4": {"port": listeners[0].getsockname()[1]},
                     "unix": {"address": path}}},
        descriptors=(tcp, unix), wrap=("sh", "-c",
            f'exec 8<&{tcp} 9<&{unix} 3<&8 4<&9; LISTEN_PID=$$ LISTEN_FDS=2 exec "$@"', "sh"))
    callers = None
    for _ in range(5):
        server.start()
        handed_over = [line for line in server.lines if line and "(handed over)" in line]
        same(len(handed_over), 2)
        callers = callers or Callers([listeners[0].getsockname(), path])
        callers.await_served(20)
        same(server.stop(), 0)
        same(os.path.exists(path), True, "the socket's file is not the server's")
    # Nobody listens now, and yet who connects waits.
    begun = callers.served[:]
    with socket.create_connection(listeners[0].getsockname()) as waiting:
        client = Client.of(waiting)
        client.say({"header": {"scope": "client", "authentication": {
            "username": "W", "password": "p"}}, "payload": {}})
        server.start()
        same(client.hear()["header"]["status"], "good")
        callers.await_served(5)
        callers.end()
    same(server.stop(), 0)
    same(callers.refused, [])
    same(all(count > first for count, first in zip(callers.served, begun)), True)
    print(f"# served {callers.served}, closed by a server that ended: {callers.dropped}")
    for listener in listeners:
        listener.close()
    shutil.rmtree(directory)
    shutil.rmtree(server.directory)


def test_what_is_in_flight_at_a_restart():
    """A message that the old server took is reported by it before it goes."""
    listener = socket.create_server(("127.0.0.1", 0))
    number = listener.fileno()
    asked, may_answer = threading.Event(), threading.Event()

    def answer(data):
        asked.set()
        may_answer.wait()
        return {"header": {"command": {"type": "sendClients", "data": ["T"]}}, "data": data}

    server = Server({"network": {"types": ["tcp4"], "tcp4": {"port": listener.getsockname()[1]}}},
                    descriptors=(number,), wrap=(
        "sh", "-c", f'exec 3<&{number}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh"))
    server.config["handlers"] = {"availableTypes": ["h"], "typeMap": {"h": {
        "unixDomainSocketPath": server.path("h"), "protocol": "stream"}}}
    server.write()
    handler = Handler(server.path("h"), answer)
    server.start()
    client = Client.of(socket.create_connection(listener.getsockname()))
    same(client.log_in("T")["header"]["status"], "good")
    client.say({"header": {}, "payload": {"type": "h", "data": 1, "id": "m"}})
    asked.wait()
    server.signal(signal.SIGTERM)
    server.await_line("stopping")
    late = Client.of(socket.create_connection(listener.getsockname())) # waits for the next server
    late.say({"header": {"scope": "client", "authentication": {
        "username": "L", "password": "p"}}, "payload": {}})
    may_answer.set()
    same(client.hear()["payload"]["data"], 1)
    same(client.hear()["header"]["status"], "good")
    same(client.hear(), None)
    client.connection.close()
    same(server.stop(), 0)
    server.start()
    same(late.hear()["header"]["status"], "good")
    late.connection.close()
    same(server.stop(), 0)
    handler.close()
    listener.close()
    shutil.rmtree(server.directory)


run(test_phases_are_told, test_signs_of_life, test_a_start_that_fails, test_nobody_to_tell,
    test_standard_descriptors_that_are_closed, test_a_reload_before_the_start,
    test_handlers_cannot_speak_for_the_server, test_a_restart_refuses_nobody,
    test_what_is_in_flight_at_a_restart)
