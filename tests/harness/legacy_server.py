#!/usr/bin/env python3
"""A small server of Part I of the wire contract, and nothing beyond it: what docs/conformance.md
says of the reference, its mistakes included. The plays of fixtures/conformance run against it, so
that `harness run --server` is proved with a server that is not ours.

    legacy_server.py CONFIG

Mistakes of the reference that it has, too: a client whose message has no id is dropped; isClient
answers the opposite of the truth; a message to another server has no id, and one that comes from
a server without an id is dropped; whoever sent it is told "good" without asking."""
import json, os, socket, struct, sys, threading


class Gone(Exception):
    """The other side is not there any more, or makes no sense."""


def receive(connection, count):
    taken = b""
    while len(taken) < count:
        piece = connection.recv(count - len(taken))
        if not piece:
            raise Gone
        taken += piece
    return taken


def read_frame(connection):
    (length,) = struct.unpack("<I", receive(connection, 4))
    try:
        return json.loads(receive(connection, length))
    except ValueError as wrong:
        raise Gone from wrong


def write_frame(connection, value):
    text = json.dumps(value, ensure_ascii=False).encode()
    connection.sendall(struct.pack("<I", len(text)) + text)


def listen(kind, place):
    family = {"tcp4": socket.AF_INET, "tcp6": socket.AF_INET6, "unix": socket.AF_UNIX}[kind]
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if kind == "unix":
        if os.path.exists(place["address"]):
            os.unlink(place["address"])
        listener.bind(place["address"])
    else:
        listener.bind((place["address"], int(place["port"])))
    listener.listen(64)
    return listener


def serve_each(listener, serve):
    """A thread that accepts, and one for each connection."""

    def one(connection):
        with connection:
            try:
                serve(connection)
            except (Gone, OSError, KeyError, TypeError, ValueError, AttributeError):
                pass

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def password_of(redis, name):
    """HGET name password."""
    words = [b"HGET", name.encode(), b"password"]
    command = b"*3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    with socket.create_connection((redis["address"], int(redis["port"]))) as connection:
        connection.sendall(command)
        answer = connection.makefile("rb")
        length = int(answer.readline()[1:])
        return answer.read(length).decode() if length >= 0 else None


class Session:
    def __init__(self, user, connection):
        self.user = user
        self.connection = connection
        self.writing = threading.Lock()

    def write(self, value):
        with self.writing:
            write_frame(self.connection, value)

    def report(self, good, identity):
        status = "good" if good else "bad"
        self.write({"header": {"messageType": "statusReport", "status": status},
                    "payload": {"id": identity}})


class Server:
    def __init__(self, config):
        self.config = config
        self.sessions = []
        self.lock = threading.Lock()

    # ---- clients ----

    def log_in(self, connection, header):
        name = header["authentication"]["username"].strip()
        password = header["authentication"]["password"]
        if not name or not password:
            raise Gone
        if password_of(self.config["database"]["redis"], name) != password:
            raise Gone
        session = Session(name, connection)
        with self.lock: # whoever has the report can be reached
            self.sessions.append(session)
            session.report(True, "auth_special")
        return session

    def serve(self, connection):
        first = read_frame(connection)
        if first["header"].get("scope") == "server":
            self.serve_peer(connection, first["payload"])
            return
        session = self.log_in(connection, first["header"])
        try:
            while self.handle(session, read_frame(connection)["payload"]):
                pass
        finally:
            with self.lock:
                self.sessions.remove(session)

    def handle(self, session, payload):
        kind, data, identity = payload["type"], payload["data"], payload["id"]
        if kind == "builtin":
            return data["command"]["type"] != "close"
        if kind == "dummy":
            session.write({"header": {"status": "0"},
                           "payload": {"data": None, "type": "dummy", "id": identity}})
        else:
            session.report(self.dispatch(kind, data), identity)
        return True

    # ---- other servers ----

    def serve_peer(self, connection, payload):
        good = self.dispatch(payload["type"], payload["data"])
        Session(None, connection).report(good, payload["id"])

    def send_server(self, address, kind, data):
        host, port = address.rsplit(":", 1)
        with socket.create_connection((host.strip("[]"), int(port))) as connection:
            write_frame(connection, {"header": {"scope": "server"},
                                     "payload": {"type": kind, "data": data}})
            try:
                read_frame(connection) # whatever it says
            except Gone:
                pass

    # ---- handlers ----

    def dispatch(self, kind, data):
        try:
            return self.ask(kind, data)
        except (Gone, OSError, KeyError, TypeError, ValueError):
            return False

    def ask(self, kind, data):
        handler = self.config["handlers"]["typeMap"][kind]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(handler["unixDomainSocketPath"])
            write_frame(connection, data)
            answer = read_frame(connection)
        header = answer["header"]
        if header["status"] != "0":
            return False
        command = header["command"]
        if isinstance(command, str):
            command = {"type": command, "data": header["commandData"]}
        data = answer["data"] if "data" in answer else answer["payload"]["data"]
        return {"sendClients": self.send_clients, "sendServers": self.send_servers,
                "sendHandler": self.send_handler}[command["type"]](command["data"], kind, data)

    def send_clients(self, names, kind, data):
        message = {"header": {"messageType": "receivedMessage"},
                   "payload": {"type": kind, "data": data}}
        with self.lock:
            receivers = [session for session in self.sessions if session.user in names]
        for session in receivers:
            session.write(message)
        return True

    def send_servers(self, addresses, kind, data):
        for address in addresses:
            self.send_server(address, kind, data)
        return True

    def send_handler(self, name, _kind, data):
        return self.ask(name, data)

    # ---- informer ----

    def inform(self, connection):
        going_on = True
        while going_on:
            question = read_frame(connection)
            command = question.get("command") if isinstance(question, dict) else None
            name = command.get("type") if isinstance(command, dict) else None
            going_on = name != "quit"
            write_frame(connection, self.answer(name, command))

    def answer(self, name, command):
        with self.lock:
            users = sorted({session.user for session in self.sessions})
            count = len(self.sessions)
        if name == "listClients":
            return {"status": "0", "data": users}
        if name == "isClient" and isinstance(command.get("data"), str):
            return {"status": "0", "data": command["data"] not in users}
        if name == "serverInfo":
            network = self.config["network"]
            listeners = {f"listener{number}": {"address": self.address(kind, network[kind])}
                         for number, kind in enumerate(network["types"])}
            return {"status": "0", "data": {"clientCount": str(count), "listeners": listeners,
                                            "adminInfo": self.config["admin"]["info"]}}
        return {"status": "0" if name == "quit" else "1", "data": None}

    @staticmethod
    def address(kind, place):
        if kind == "unix":
            return f"unix://{place['address']}"
        return f"{kind}://{place['address']}:{place['port']}"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        server = Server(json.load(file))
    if os.path.exists("bInformer"):
        os.unlink("bInformer")
    serve_each(listen("unix", {"address": "bInformer"}), server.inform)
    network = server.config["network"]
    for kind in network["types"]:
        serve_each(listen(kind, network[kind]), server.serve)
    threading.Event().wait()


main()
