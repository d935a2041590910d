"""conversations: what is said to besterd while a call of it fails. Each is the same every time.

A conversation is a class with a docstring. `talk` is what happens under the fault; it must cope with
whatever becomes of it and leave the verdict to the world. `clean` comes behind, with no fault: then
everything must be good again.
"""
import atexit
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading

from bester import BUILD, Client, Handler
from board import Board
from links import Linked, Played, deliver, message, pin_of
from world import DEADLINE_S, Trouble, World, within

STREAM = {"unixDomainSocketPath": "h.sock", "protocol": "stream", "timeoutMs": 60000}
LIMITS = {"peerMs": 60000, "loginMs": 60000, "drainMs": 60000}


class OneShot:
    """A handler of the reference's way; `answer` makes the members of an answer out of the data."""

    def __init__(self, path, answer):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.answer = answer
        self.gate = None # an event to wait for before the answer
        self.asked = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(Client.of(connection),), daemon=True).start()

    def _talk(self, peer):
        try:
            with peer:
                question = peer.hear()
                if question is None:
                    return
                self.asked.set()
                if self.gate:
                    self.gate.wait(DEADLINE_S)
                peer.say({"header": {"status": "0", "command": self.answer(question)},
                          "data": question})
        except (OSError, TypeError):
            pass # besterd has gone, or has cut the question off

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Conversation:
    program = "besterd" # what the fault is in
    from_start = False # the start is under the fault, too
    to_end = False     # so is the end
    listeners = ()
    template = None
    changes = {}

    def config(self, world):
        return {"handlers": {"availableTypes": ["h"], "typeMap": {"h": STREAM}}, "limits": LIMITS,
                **self.changes}

    def make(self):
        world = World(self.config, self.template, self.listeners)
        self.help(world)
        return world

    def help(self, world):
        """Who is there beside the server."""
        world.helpers.append(Handler(world.path("h.sock"), lambda data: {
            "header": {"command": {"type": "sendClients", "data": data["to"]}}, "data": data}))

    def prepare(self, world):
        """Before the fault, with the server up."""
        self.clean(world)

    def talk(self, world):
        raise NotImplementedError

    def clean(self, world):
        """Good, at the latest when what the fault has put off has been done again."""
        tries = []

        def is_good():
            number = len(tries)
            t = world.unix_line("clean T")
            g = world.unix_line("clean G")
            tries.append((t.log_in("T"), g.log_in("G"), t.tell("h", {"to": ["G"], "n": number}, [g])))
            g.settle()
            t.close()
            g.close()
            return set(tries[-1]) == {"good"} or not world.runs()
        within(DEADLINE_S, is_good, lambda: f"hang: it does not serve any more: {tries[-1]}")


class Talk(Conversation):
    """Logins over UNIX and TCP, messages both ways, the small words, wrong ones, goodbye."""
    listeners = ("tcp4",)

    def talk(self, world):
        t = world.user("T", line=world.tcp_line("T"))
        g = world.user("G")
        t.tell("h", {"to": ["G"], "text": "one"}, [g])
        g.tell("h", {"to": ["T", "G"], "text": "x" * 20000}, [t, g])
        t.tell("dummy", None)
        t.tell("nothing", 1)
        t.tell("h", {"to": ["nobody"]})
        t.command("whoami")
        t.command("types")
        t.command("ping")
        t.say({"payload": 5})
        g.command("close")


class Start(Conversation):
    """From the very first call to the first message through a handler that besterd starts, with
    TLS, pins and all listeners."""
    from_start = True
    listeners = ("tcp4", "tls4", "peer4")

    def __init__(self):
        self.template = made_files()

    def config(self, world):
        return {"handlers": {"availableTypes": ["chat", "h"], "typeMap": {
            "h": STREAM, "chat": {
                "handlerBinary": BUILD + "/handlers/chat", "protocol": "stream", "timeoutMs": 60000,
                "unixDomainSocketPath": "chat.sock", "template": BUILD + "/handlers/chat.json"}}},
                "limits": LIMITS, "admin": {"info": {"a": 1}},
                "peers": {"S2": {"address": "127.0.0.1:9", "pin": "sha256:" + "0" * 64},
                          "S3": {"address": "127.0.0.1:9", "legacy": True}}}

    def talk(self, world):
        t = world.user("T")
        t.tell("chat", {"to": "T", "text": "to myself"})

    def clean(self, world):
        super().clean(world)
        outcomes = []

        def is_good():
            t = world.user("T")
            outcomes.append(t.tell("chat", {"to": "T", "text": "to myself"}))
            t.close()
            return outcomes[-1] == "good" or not world.runs()
        within(DEADLINE_S, is_good, lambda: f"hang: no chat any more: {outcomes[-1]}")


class Tls(Conversation):
    """A handshake, a login, messages both ways over TLS, one that is not TLS."""
    listeners = ("tls4",)

    def __init__(self):
        self.template = made_files()

    def talk(self, world):
        t = world.user("T", line=world.tls_line("T"))
        g = world.user("G")
        t.tell("h", {"to": ["G", "T"], "text": "one"}, [t, g])
        g.tell("h", {"to": ["T"], "text": "x" * 40000}, [t])


class Accounts(Conversation):
    """Accounts in SQLite: logins that are right, wrong and nobody's; is there such a user?"""
    from_start = True

    def __init__(self):
        self.template = made_files()

    def config(self, world):
        return {**super().config(world),
                "database": {"type": "sqlite", "sqlite": {"path": world.path("accounts.db")}}}

    def talk(self, world):
        t = world.user("T")
        wrong = world.unix_line("wrong")
        if wrong.log_in("T", "q") == "good":
            raise Trouble("wrong: logged in with a wrong password")
        nobody = world.unix_line("nobody")
        if nobody.log_in("N", "p") == "good":
            raise Trouble("wrong: logged in as nobody")
        t.tell("h", {"to": ["G"]})
        t.tell("h", {"to": ["N"]})
        t.tell("h", {"to": ["T"], "text": "me"}, [t])


class Administrator(Conversation):
    """What administrators may: accounts made and removed, sessions shown and ended, a reload."""

    def __init__(self):
        self.template = made_files()

    def config(self, world):
        return {**super().config(world), "admin": {"users": ["T"]},
                "database": {"type": "sqlite", "sqlite": {"path": world.path("accounts.db")}}}

    def talk(self, world):
        t = world.user("T")
        made = t.command("addUser", {"user": "N", "password": "n"})
        changed = t.command("changePassword", {"old": "p", "new": "q"})
        n = world.unix_line("N")
        if (came := n.log_in("N", "n")) != "good" and made == "good" and came == "authFailed":
            raise Trouble("loss: an account whose making was reported good is not there")
        t.command("sessions")
        t.command("queue")
        t.command("kick", {"user": "N"})
        removed = t.command("removeUser", {"user": "N"})
        again = world.unix_line("again")
        if again.log_in("N", "n") == "good" and removed == "good":
            raise Trouble("loss: an account whose removal was reported good is there")
        old = world.unix_line("old")
        if old.log_in("T", "p") == "good" and changed == "good":
            raise Trouble("loss: a password whose change was reported good still holds")
        if changed == "good":
            t.command("changePassword", {"old": "q", "new": "p"})

    def clean(self, world):
        t = world.unix_line("clean T")
        other = world.unix_line("clean T with q")
        came = t.log_in("T", "p"), other.log_in("T", "q")
        if "good" not in came and world.runs():
            raise Trouble(f"wrong: T cannot log in any more: {came}")
        for line in (t, other):
            if line.is_logged_in and line.command("whoami") != "good" and world.runs():
                raise Trouble("wrong: whoami is not answered")
            line.close()


class Reload(Conversation):
    """Another handler, other limits, another certificate, while somebody is there."""
    listeners = ("tls4",)

    def __init__(self):
        self.template = made_files()

    def config(self, world):
        return {**super().config(world), "admin": {"users": ["T"]},
                "database": {"type": "sqlite", "sqlite": {"path": world.path("accounts.db")}}}

    def prepare(self, world):
        self.t = world.user("T")
        self.t.tell("h", {"to": ["T"], "text": "before"}, [self.t])

    def talk(self, world):
        world.config["handlers"] = {"availableTypes": ["h", "i"], "typeMap": {
            "h": STREAM, "i": {"unixDomainSocketPath": "h.sock", "protocol": "stream",
                               "handlerArguments": ["-v"], "timeoutMs": 60000}}}
        world.config["peers"] = {"S2": {"address": "127.0.0.1:9", "legacy": True}}
        world.config["limits"] = {**LIMITS, "maxFrame": 2 << 20}
        world.write()
        reloaded = self.t.command("reload")
        came = self.t.tell("i", {"to": ["T"], "text": "after"}, [self.t])
        if reloaded == "good" and came == "noHandler":
            raise Trouble("loss: a reload that was reported good is not in force")
        if self.t.tell("h", {"to": ["T"], "text": "still"}, [self.t]) == "noHandler":
            raise Trouble("wrong: the reload has taken a handler away")

    def clean(self, world):
        came = self.t.command("reload")
        if came == "closed" and world.runs(): # the fault was on this connection
            again = world.unix_line("T again")
            again.log_in("T", "p")
            came = again.command("reload")
            again.close()
        if came != "good": # unless it ends itself, which is judged then
            within(DEADLINE_S, lambda: not world.runs(), f"wrong: no reload any more: {came}")


class OneShots(Conversation):
    """Handlers that are asked over a connection for each message, and one that hands on to the
    other."""

    def config(self, world):
        shot = {"timeoutMs": 60000, "protocol": "oneshot"}
        return {**super().config(world), "handlers": {
            "availableTypes": ["h", "first", "second"], "typeMap": {
                "h": STREAM, "first": {**shot, "unixDomainSocketPath": "first.sock"},
                "second": {**shot, "unixDomainSocketPath": "second.sock"}}}}

    def help(self, world):
        super().help(world)
        world.helpers.append(OneShot(world.path("first.sock"), lambda data: {
            "type": "sendHandler", "data": "second"}))
        world.helpers.append(OneShot(world.path("second.sock"), lambda data: {
            "type": "sendClients", "data": data["to"]}))

    def talk(self, world):
        t = world.user("T")
        g = world.user("G")
        t.tell("second", {"to": ["G", "T"], "text": "one"}, [g, t])
        t.tell("first", {"to": ["G"], "text": "two"}, [g])


class LegacyPeer:
    """Another server of Part I: takes a message for each connection and reports it good."""

    def __init__(self):
        self.listener = World._listener()
        self.name = "S3"
        self.inbox = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
                with Client.of(connection) as peer:
                    message = peer.hear()
                    if message is None:
                        continue
                    self.inbox.append(message["payload"]["data"])
                    peer.say({"header": {"messageType": "statusReport", "status": "good"},
                              "payload": {"id": message["payload"]["id"]}})
                    peer.hear()
            except (ConnectionError, TypeError):
                continue
            except OSError:
                return

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Legacy(Conversation):
    """Messages to a server of Part I, and from one."""
    listeners = ("tcp4",)

    def __init__(self):
        self.peer = None

    def config(self, world):
        port = self.peer.listener.getsockname()[1]
        return {**super().config(world),
                "peers": {"S3": {"address": f"localhost:{port}", "legacy": True}},
                "handlers": {"availableTypes": ["h", "out"], "typeMap": {
                    "h": STREAM, "out": {**STREAM, "unixDomainSocketPath": "out.sock"}}}}

    def make(self):
        self.peer = LegacyPeer()
        world = super().make()
        world.helpers.append(self.peer)
        world.helpers.append(Handler(world.path("out.sock"), lambda data: {
            "header": {"command": {"type": "sendServers", "data": ["S3"]}}, "data": data}))
        return world

    def talk(self, world):
        t = world.user("T")
        t.tell("out", "hello", [self.peer])
        t.tell("out", "again", [self.peer])
        incoming = world.tcp_line("S3")
        incoming.say({"header": {"scope": "server"}, "payload": {
            "type": "h", "id": "in1", "data": {"to": ["T"], "text": "from afar"}}})
        world.promises.append(["in1", {"to": ["T"], "text": "from afar"}, [t],
                               incoming.hear_report("in1")])
        incoming.close()


class Pinned(Conversation):
    """Messages to a pinned server, another besterd, over one connection."""

    def __init__(self):
        self.template = made_files()
        self.numbers = 0

    def config(self, world):
        return {**super().config(world), "peers": {"S2": other_server().pinned},
                "handlers": {"availableTypes": ["out"], "typeMap": {
                    "out": {**STREAM, "unixDomainSocketPath": "out.sock"}}}}

    def help(self, world):
        world.helpers.append(Handler(world.path("out.sock"), lambda data: {
            "header": {"command": {"type": "sendServers", "data": ["S2"]}}, "data": data}))

    def tell(self, world):
        """Three messages to G@S2; how they were reported."""
        told = []
        with other_server().client("G") as g:
            t = world.user("T")
            for _ in range(3):
                self.numbers += 1
                data = f"to the other {self.numbers}"
                told.append((data, t.tell("out", data)))
            t.close()
            g.say({"header": {}, "payload": {"type": "dummy", "data": None, "id": "fence"}})
            heard = [message["payload"].get("data") for message in g.hear_until(
                lambda message: message["payload"].get("id") == "fence")]
        for data, outcome in told:
            if outcome == "good" and data not in heard:
                raise Trouble(f"loss: {data} was reported good, and G@S2 has it not")
            if heard.count(data) > 1:
                raise Trouble(f"wrong: G@S2 has {data} {heard.count(data)} times")
        return {outcome for _, outcome in told}

    def talk(self, world):
        self.tell(world)

    def clean(self, world):
        outcomes = []

        def is_good():
            outcomes.append(self.tell(world))
            return outcomes[-1] == {"good"} or not world.runs()
        within(DEADLINE_S, is_good, lambda: f"hang: nothing gets to S2 any more: {outcomes[-1]}")


class Inward(Conversation):
    """A pinned server calls and sends messages; its reports are as true as those of clients."""
    listeners = ("peer4",)

    def __init__(self):
        self.template = made_files()

    def config(self, world):
        return {**super().config(world), "peers": {"S2": {"pin": played_peer().pin}}}

    def talk(self, world):
        t = world.user("T")

        def connect():
            raw = socket.create_connection(("127.0.0.1", world.ports["peer4"]), DEADLINE_S)
            return played_peer().context().wrap_socket(raw)
        line = world.peer_line("S2", connect)
        line.say(played_peer().hello())
        for number in (1, 2):
            data = {"to": ["T"], "text": f"from afar {number}"}
            line.say(message(number, data, origin="G@S2"))
            world.promises.append([f"in{number}", data, [t], line.hear_exchange(number)])


class Facts(Conversation):
    """The informer's questions, and what is asked over HTTP."""

    def talk(self, world):
        t = world.user("T")
        asker = world.peer_line("informer", lambda: world.connect("informer"))
        told = []
        for question in ({"type": "listClients"}, {"type": "isClient", "data": "T"},
                         {"type": "serverInfo"}, {"type": "nonsense"}, {"type": "quit"}):
            asker.say({"command": question})
            told.append(asker.hear())
        there = t.is_logged_in and not t.is_over()
        if told[0] and told[0]["status"] == "0" and there and told[0]["data"] != ["T"]:
            raise Trouble(f"wrong: listClients says {told[0]['data']}")
        if told[1] and told[1]["status"] == "0" and there and told[1]["data"] is not True:
            raise Trouble(f"wrong: isClient says {told[1]['data']}")
        for target in ("/metrics", "/healthz", "/readyz", "/nowhere"):
            answer = world.http(target)
            head, _, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"\r\nContent-Length: (\d+)", head, re.IGNORECASE)
            if b" 200 " in head and length and int(length[1]) == len(body):
                if target == "/metrics" and there and b"bester_sessions 1\n" not in body:
                    raise Trouble("wrong: /metrics does not know T")


class Restart(Conversation):
    """A handler that besterd started dies, and is started again."""

    def config(self, world):
        return {"handlers": {"availableTypes": ["chat"], "typeMap": {"chat": {
            "handlerBinary": BUILD + "/handlers/chat", "protocol": "stream", "timeoutMs": 60000,
            "unixDomainSocketPath": "chat.sock"}}}, "limits": LIMITS}

    def help(self, world):
        pass

    def prepare(self, world):
        self.clean(world)

    def talk(self, world):
        t = world.user("T")
        for handler in handlers_of(world.process.pid):
            os.kill(handler, signal.SIGKILL)
        t.tell("chat", {"to": "T", "text": "during"})

    def clean(self, world):
        outcomes = []

        def is_good():
            t = world.user("T")
            outcomes.append(t.tell("chat", {"to": "T", "text": "to myself"}))
            t.close()
            return outcomes[-1] == "good" or not world.runs()
        within(DEADLINE_S, is_good, lambda: f"hang: no chat any more: {outcomes[-1]}")


class Stop(Conversation):
    """The end, with a message in flight and somebody logged in."""
    to_end = True

    def config(self, world):
        return {**super().config(world), "handlers": {
            "availableTypes": ["h", "slow", "chat"], "typeMap": {"h": STREAM,
                "slow": {"timeoutMs": 60000, "unixDomainSocketPath": "slow.sock"},
                "chat": {"handlerBinary": BUILD + "/handlers/chat", "protocol": "stream",
                         "unixDomainSocketPath": "chat.sock"}}}}

    def help(self, world):
        super().help(world)
        self.slow = OneShot(world.path("slow.sock"), lambda data: {
            "type": "sendClients", "data": ["G"]})
        self.slow.gate = threading.Event()
        world.helpers.append(self.slow)

    def talk(self, world):
        g = world.user("G")
        t = world.user("T")
        t.say({"header": {}, "payload": {"type": "slow", "data": "last words", "id": "last"}})
        within(DEADLINE_S, lambda: self.slow.asked.is_set() or t.has_something(), "hang: nobody is asked")
        if world.runs():
            world.process.send_signal(signal.SIGTERM)
        self.slow.gate.set()
        world.promises.append(["last", "last words", [g], t.hear_report("last")])


class Send(Conversation):
    """bester-send under the fault, and a besterd without: three lines, what was not delivered into
    a file."""
    program = "bester-send"
    excuses = {0, 1, 3, 4, 5, 6, 8, 10, 65, 74} # of its exit statuses; the others have no cause here

    def command(self, world):
        return [BUILD + "/bester-send", "-S", "unix:" + world.path("sock"), "-u", "T",
                "--password-file", world.path("password"), "-t", "h", "--ndjson",
                "--failed", world.path("failed"), "--report-timeout", "60s"]

    def lines(self):
        return [json.dumps({"to": ["G"], "text": text}) for text in ("one", "two", "three")]

    def have(self, world, arm):
        """All of it; whether the program failed, and said why."""
        if not world.start():
            raise Trouble("wrong: no server")
        pathlib.Path(world.path("password")).write_text("p\n")
        g = world.user("G")
        world.board = Board(os.path.join(world.directory, "client"))
        arm()
        with open(world.path("said"), "w+") as said:
            try:
                done = subprocess.run(
                    self.command(world), input="\n".join(self.lines()) + "\n", text=True,
                    stdout=subprocess.PIPE, stderr=said, timeout=DEADLINE_S, check=False,
                    cwd=world.directory, env={**os.environ, "HOME": world.directory,
                                              **world.board.environment(self.program)})
            except subprocess.TimeoutExpired as error:
                raise Trouble(f"hang: {self.program} does not end") from error
        world.board.disarm()
        words = pathlib.Path(world.path("said")).read_text()
        g.settle()
        heard = [json.dumps(data) for data in g.inbox]
        self.judge(world, done, words, heard)
        g.close()
        self.clean(world)
        if world.stop() != 0:
            raise Trouble("wrong: the server has not ended well")
        return done.returncode != 0

    def judge(self, world, done, words, heard):
        if "Sanitizer" in words or "runtime error:" in words:
            raise Trouble(f"{'leak' if 'memory leaks' in words else 'crash'}: {words[-4000:]}")
        if done.returncode not in self.excuses:
            kind = "crash" if done.returncode < 0 else "wrong"
            raise Trouble(f"{kind}: {self.program} ended with {done.returncode}: {words[-1000:]}")
        if done.returncode != 0 and not words.strip() and self.may_speak(world):
            raise Trouble(f"silence: {self.program} ended with {done.returncode} and no word")
        self.judge_lines(world, done, heard)

    def may_speak(self, world):
        """What failed was not the very call by which it speaks."""
        return not any("stderr" in frame or "fprintf" in frame for frame in world.board.where())

    def judge_lines(self, world, done, heard):
        failed = pathlib.Path(world.path("failed"))
        kept = failed.read_text().splitlines() if failed.exists() else []
        for line in self.lines():
            if heard.count(line) > 1:
                raise Trouble(f"wrong: {line} was sent {heard.count(line)} times")
            if line in heard or line in kept:
                continue
            if done.returncode == 0:
                raise Trouble(f"loss: {line} was not sent, and the exit status is 0")


# ---- what several share ----

FILES = []
OTHER = []
PLAYED = []


def made_files():
    """A directory with accounts, keys and certificates, as a server that has run finds it."""
    if not FILES:
        world = World({"network": {"types": ["unix", "tls4"], "tls": {"selfSigned": True}},
                       "database": {"type": "sqlite"}})
        world.config["database"]["sqlite"] = {"path": world.path("accounts.db")}
        world.config["network"]["tls4"] = {"address": "127.0.0.1", "port": 1}
        world.write()
        for user in ("T", "G"):
            subprocess.run([BUILD + "/besterd", "user", "add", user, "--config",
                            world.path("config")], input=b"p\n", check=True, stdout=subprocess.DEVNULL)
        subprocess.run([BUILD + "/besterd", "identity", "--config", world.path("config")],
                       check=True, stdout=subprocess.DEVNULL)
        tls_identity(world.path("c.pem"), world.path("k.pem"), world.path("identity.pem"))
        for name in ("board", "config"):
            os.unlink(world.path(name))
        FILES.append(world.directory)
        atexit.register(remove_made, os.getpid())
    return FILES[0]


def remove_others():
    """The servers beside ours, of this process."""
    while OTHER:
        other = OTHER.pop()
        other.stop()
        other.remove()
        other.handler.close()


def remove_made(pid):
    if pid != os.getpid():
        return
    remove_others()
    for directory in FILES:
        shutil.rmtree(directory, ignore_errors=True)


def tls_identity(certificate, key, both):
    """The key and the certificate of an identity, as two files."""
    blocks = re.findall(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n", pathlib.Path(both).read_text(),
                        re.DOTALL)
    text = pathlib.Path(both).read_text()
    for kind in blocks:
        block = re.search(rf"-----BEGIN {kind}-----.*?-----END {kind}-----\n", text, re.DOTALL)[0]
        path = certificate if kind == "CERTIFICATE" else key
        pathlib.Path(path).write_text(block)
        os.chmod(path, 0o600)


def played_peer():
    if not PLAYED:
        PLAYED.append(Played(made_files(), "S2"))
    return PLAYED[0]


def other_server():
    """Another besterd, S2, in which nothing fails; one for each process of ours."""
    if not OTHER:
        other = Linked("S2", {"handlers": {"availableTypes": ["out"], "typeMap": {"out": {
            **STREAM, "unixDomainSocketPath": "h.sock"}}}, "limits": LIMITS})
        world = World({}, made_files())
        line = subprocess.run([BUILD + "/besterd", "identity", "--config", world.path("config")],
                              check=True, capture_output=True, text=True).stdout
        world.remove()
        pin = json.loads("{" + line + "}")["S1"]["pin"]
        other.config["peers"]["S1"] = {"pin": pin}
        other.write()
        other.pinned = {"pin": pin_of(other), "address": f"127.0.0.1:{other.port}"}
        other.handler = deliver(other)
        number = other.listener.fileno()
        other.wrap = ("bash", "-c", f'exec 3<&{number}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh")
        other.start()
        OTHER.append(other)
    return OTHER[0]


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def handlers_of(pid):
    """Its spawner's children."""
    return [handler for spawner in children_of(pid) for handler in children_of(spawner)]


ALL = {made.__name__.lower(): made for made in (
    Start, Talk, Tls, Accounts, Administrator, Reload, OneShots, Legacy, Pinned, Inward, Facts,
    Restart, Stop, Send)}
