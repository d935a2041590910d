"""links: servers pinned to each other, and a peer that a test plays, for tests in Python."""
import json
import os
import shutil
import socket
import ssl
import subprocess

from bester import BUILD, Client, Handler, Server


CHAT = {"handlers": {"availableTypes": ["chat"], "typeMap": {"chat": {
    "handlerBinary": BUILD + "/handlers/chat", "unixDomainSocketPath": "chat.sock",
    "protocol": "stream", "timeoutMs": 60000}}}, "limits": {"peerMs": 60000}}
STREAM = {"handlers": {"availableTypes": ["h"], "typeMap": {"h": {
    "unixDomainSocketPath": "h.sock", "protocol": "stream", "timeoutMs": 60000}}},
    "limits": {"peerMs": 60000}}


def identity(server, *options):
    """The peers that another server is to have for this one, as `besterd identity` prints them."""
    line = subprocess.run([BUILD + "/besterd", "identity", *options, "--config",
                           server.path("config")], check=True, capture_output=True, text=True).stdout
    return json.loads("{" + line + "}")


def pin_of(server):
    return next(iter(identity(server).values()))["pin"]


class Linked(Server):
    """A server with a listener for peers, whose socket is handed over: nobody guesses a port, and
    who calls while it does not run waits."""

    def __init__(self, name, changes=None, **others):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        number = self.listener.fileno()
        self.port = self.listener.getsockname()[1]
        super().__init__(changes, descriptors=(number,), wrap=(
            "sh", "-c", f'exec 3<&{number}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh"), **others)
        self.config["server"] = {"name": name, "identity": self.path("identity.pem")}
        self.config["network"]["types"] = ["unix", "peer4"]
        self.config["network"]["peer4"] = {"address": "127.0.0.1", "port": self.port}
        self.config["peers"] = {}
        self.write()

    def know(self, *others, **changes):
        for other in others:
            for name, peer in identity(other).items():
                self.config["peers"][name] = dict(peer, **changes)
        self.write()

    def ask(self, kind="serverInfo"):
        with Client(self.path("informer")) as informer:
            informer.say({"command": {"type": kind}})
            return informer.hear()["data"]

    def link(self, name):
        return self.ask()["peers"][name]

    def await_link(self, name, begin=0):
        return self.await_line(f"{name}: connected", begin)[1]

    def kill(self):
        """Ends it at once; it can be started again."""
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stderr.close()

    def remove(self):
        """What is left of it when it is not used in a `with`."""
        self.listener.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __exit__(self, kind, *_):
        super().__exit__(kind, *_)
        self.listener.close()


class Played:
    """A server that the test plays. It has its key from `besterd identity`."""

    def __init__(self, directory, name, key="one"):
        self.name = name
        self.instance = "one"
        self.file = os.path.join(directory, f"played-{name}-{key}.pem")
        config = self.file + ".json"
        with open(config, "w") as file:
            json.dump({"server": {"name": name, "identity": self.file}, "database": {"type": "open"},
                       "network": {"types": ["unix"], "unix": {"address": "x"}}}, file)
        line = subprocess.run([BUILD + "/besterd", "identity", "--config", config], check=True,
                              capture_output=True, text=True).stdout
        self.pin = json.loads("{" + line + "}")[name]["pin"]

    def context(self, server_side=False, certificate=True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(self.file)
        return context

    def hello(self, **limits):
        return {"header": {"messageType": "hello", "instance": self.instance}, "payload": {"server": {
            "name": self.name, "version": "0", "features": [],
            "limits": dict({"maxFrame": 1 << 20, "inFlight": 1000, "span": 64000}, **limits)}}}

    def call(self, server, hello=True, **limits):
        """Connects to a server; frames from then on. With hello, both hellos have been said."""
        raw = socket.create_connection(("127.0.0.1", server.port))
        peer = Client.of(self.context().wrap_socket(raw))
        if hello:
            peer.say(self.hello(**limits))
            peer.hello = peer.hear()
        return peer


def message(number, data=None, kind="h", order=1, origin=None, **header):
    """A message between pinned servers."""
    whole = {"scope": "server", "exchange": str(number), "order": str(order), **header}
    if origin:
        user, _, server = origin.rpartition("@")
        whole["origin"] = {"user": user, "server": server}
    return {"header": whole, "payload": {"type": kind, "data": data, "id": f"id{number}"}}


def hear_words(peer, kind):
    """The next frame of a kind of word (messageType, or scope), past others."""
    while (frame := peer.hear()) is not None:
        header = frame["header"]
        if kind in (header.get("messageType"), header.get("scope")):
            return frame
    return None


class Both:
    """Two servers that know each other, S1 and S2. first and second make a handler for each, of its
    server, before it starts. mutual: each calls the other, else S1 does."""

    def __init__(self, changes=None, first=None, second=None, start=True, mutual=True):
        self.one = Linked("S1", changes)
        self.two = Linked("S2", changes)
        self.one.know(self.two)
        self.two.know(self.one)
        if not mutual:
            del self.two.config["peers"]["S1"]["address"]
            self.two.write()
        self.first = first(self.one) if first else None
        self.second = second(self.two) if second else None
        self.started = start

    def __enter__(self):
        if self.started:
            self.one.start()
            self.two.start()
        return self.one, self.two

    def __exit__(self, kind, *rest):
        failed = None
        for server in (self.one, self.two):
            if server.process is None or server.process.poll() is not None:
                server.remove()
                continue
            try:
                server.__exit__(kind, *rest)
            except AssertionError as error:
                failed = error
        for handler in (self.first, self.second):
            if handler:
                handler.close()
        if failed and kind is None:
            raise failed


def commands(server, command, targets):
    """A handler that gives one command with what it is asked; targets may wait."""
    handler = Handler(server.path("h.sock"), lambda data: {
        "header": {"commands": [{"type": command, "data": handler.targets(data)}]}, "data": data})
    handler.targets = targets
    return handler


def forward(server, to):
    """A handler that passes on what it gets."""
    return commands(server, "sendServers", lambda data: to)


def deliver(server, to=("G",)):
    return commands(server, "sendClients", lambda data: list(to))


def swallow(server):
    return deliver(server, ())


def to_s1(server):
    return forward(server, ["S1"])


def to_s2(server):
    return forward(server, ["S2"])


def one_with_a_peer(changes=None, **peer_changes):
    """S1 with a handler h that delivers to G, and a played S2 that it knows."""
    server = Linked("S1", {**STREAM, **(changes or {})})
    peer = Played(server.directory, "S2")
    server.config["peers"]["S2"] = {"pin": peer.pin, **peer_changes}
    server.write()
    return server, peer, deliver(server)


def report_of(peer, number):
    while (report := hear_words(peer, "statusReport")) is not None:
        if report["header"]["exchange"] == str(number):
            return report
    return None


def say(client, number, data=None):
    client.say({"header": {}, "payload": {
        "type": "h", "data": number if data is None else data, "id": str(number)}})


def good(peer, exchange):
    peer.say({"header": {"messageType": "statusReport", "status": "good", "exchange": exchange},
              "payload": {}})
