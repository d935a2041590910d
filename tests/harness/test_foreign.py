#!/usr/bin/env python3
"""`harness run --server`: other servers than ours, what they have and lack, and what becomes of
them. The server is tests/harness/legacy_server.py. Writes TAP."""
import json, os, re, subprocess, sys, tempfile
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import bester

BUILD = os.path.abspath(os.environ.get("BESTER_BUILD", "build"))
HARNESS = os.path.join(BUILD, "harness")
LEGACY = os.path.abspath("tests/harness/legacy_server.py")
FIRST = "fixtures/conformance/part1"
PLAY = {
    "play": "One handler, two clients",
    "needs": [],
    "servers": {"S1": {"accounts": {"T": "secret", "G": "other"}}},
    "handlers": {"H": {"on": "S1", "type": "h"}},
    "clients": {"T": "S1", "G": "S1"},
    "steps": [
        {"T > S1": {"type": "h", "data": 1, "id": "1"}},
        {"S1 > H": 1},
        {"H > S1": {"sendClients": ["G"], "data": 2}},
        {"S1 > G": {"type": "h", "data": 2}},
        {"S1 > T": {"status": "good", "id": "1"}},
    ],
}


def same(found, wanted, about=""):
    if found != wanted:
        raise AssertionError(f"{about}: {found!r} instead of {wanted!r}")


class Room:
    """A directory for plays and programs; what casts leave behind would be seen in it."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="bester-foreign-")
        os.mkdir(self.path("tmp"))
        return self

    def __exit__(self, *_):
        left = os.listdir(self.path("tmp"))
        self.directory.cleanup()
        same(left, [], "left behind")

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text if isinstance(text, str) else json.dumps(text))
        os.chmod(self.path(name), mode)
        return self.path(name)

    def program(self, name, text):
        return self.write(name, "#!/bin/sh\n" + text, 0o755)

    def run(self, *arguments, server=LEGACY + " {config}"):
        options = ["--server", server] if server else []
        return subprocess.run(
            [HARNESS, "run", *options, *arguments], capture_output=True, text=True,
            env=dict(os.environ, TMPDIR=self.path("tmp")))


def told(run):
    """The number of plays with each result."""
    lines = re.findall(r"^(ok|not ok) \d+ - (.*)$", run.stdout, re.M)
    skipped = sum(" # SKIP " in rest for _, rest in lines)
    bad = sum(word == "not ok" for word, _ in lines)
    return {"passed": len(lines) - skipped - bad, "skipped": skipped, "failed": bad}


# ---- the conformance plays -----------------------------------------------------------------------


def first_part_passes():
    """Part I against a server that has nothing else. What is skipped needs what it lacks."""
    with Room() as room:
        run = room.run(FIRST)
        same(run.returncode, 0, run.stdout + run.stderr)
        result = told(run)
        assert result["passed"] >= 15, result
        plays = {}
        for name in os.listdir(FIRST):
            if name.endswith(".json"):
                with open(os.path.join(FIRST, name), encoding="utf-8") as file:
                    plays[os.path.join(FIRST, name)] = json.load(file)["needs"]
        same(result["skipped"], sum(bool(needs) for needs in plays.values()))
        for path, reason in re.findall(r"^ok \d+ - (\S+): .* # SKIP needs (.*)$", run.stdout, re.M):
            same(sorted(reason.split(", ")), sorted(plays[path]), path)


def what_it_claims_is_tried():
    """A server that says more than it can is found out."""
    with Room() as room:
        steps = [{"T > S1": {"type": "nobody", "data": 1, "id": "1"}},
                 {"S1 > T": {"status": "bad", "id": "1", "reason": "noHandler"}}]
        play = room.write("play.json", dict(PLAY, needs=["reasons"], steps=steps))
        run = room.run("--has", "reasons", play)
        same(run.returncode, 1, run.stdout)
        assert 'cause: "OTHER MESSAGE"' in run.stdout, run.stdout
        assert 'payload.reason: expected "noHandler", got nothing' in run.stdout, run.stdout


def mistakes_are_found():
    """Not every server passes: one that answers "bad" where "good" is due."""
    with Room() as room:
        with open(LEGACY, encoding="utf-8") as file:
            text = file.read()
        assert text.count('return header["status"] == "0"') == 0
        wrong = text.replace('if header["status"] != "0":', 'if header["status"] == "0":')
        assert wrong != text
        server = room.write("wrong.py", wrong, 0o755)
        run = room.run(FIRST + "/oneshot.json", server=server + " {config}")
        same(run.returncode, 1, run.stdout)


# ---- skipping ------------------------------------------------------------------------------------


def skips_are_told():
    with Room() as room:
        needs = room.write("needs.json", dict(PLAY, needs=["stream", "order"]))
        silent = dict(PLAY)
        del silent["needs"]
        silent = room.write("silent.json", silent)
        good = room.write("good.json", PLAY)
        files = {name: room.path("r." + name) for name in ("junit", "json", "html", "mermaid")}
        run = room.run(*[word for name, file in files.items() for word in ("--" + name, file)],
                       "--has", "order", needs, silent, good)
        same(run.returncode, 0, run.stdout + run.stderr)
        lines = run.stdout.splitlines()
        assert lines[2].endswith(" # SKIP needs stream"), lines
        reason = "the play does not say what it needs of another server"
        assert lines[3].endswith(" # SKIP " + reason), lines
        same(told(run), {"passed": 1, "skipped": 2, "failed": 0})
        suite = ElementTree.parse(files["junit"]).getroot()
        same((suite.get("tests"), suite.get("skipped")), ("3", "2"))
        same([skip.get("message") for skip in suite.iter("skipped")], ["needs stream", reason])
        with open(files["json"], encoding="utf-8") as file:
            report = json.load(file)
        same((report["good"], report["counts"]["skipped"]), (True, 2))
        same([(play["result"], play.get("reason")) for play in report["plays"]],
             [("skipped", "needs stream"), ("skipped", reason), ("passed", None)])
        with open(files["html"], encoding="utf-8") as file:
            assert "needs stream" in file.read()


def besterd_is_asked():
    """Ours says itself what it has; --has may say less."""
    with Room() as room:
        play = room.write("play.json", dict(PLAY, needs=["stream", "order", "reasons"]))
        same(told(room.run(play, server=None)), {"passed": 1, "skipped": 0, "failed": 0})
        less = room.run("--has", "stream,order", play, server=None)
        assert " # SKIP needs reasons" in less.stdout, less.stdout
        mute = room.program("besterd", f'[ "$1" != --features ] && exec {BUILD}/besterd "$@"; exit 2')
        run = room.run("--besterd", mute, play, server=None)
        same((run.returncode, run.stdout), (74, ""))
        assert "--features tells nothing" in run.stderr, run.stderr
        plain = room.write("plain.json", {key: PLAY[key] for key in PLAY if key != "needs"})
        same(room.run("--besterd", mute, plain, server=None).returncode, 0, "nobody has to ask")


def features_are_known():
    """Every word that besterd prints is one that plays may need."""
    with Room() as room:
        run = subprocess.run([BUILD + "/besterd", "--features"], capture_output=True, text=True,
                             check=True)
        words = [line.split()[0] for line in run.stdout.splitlines()]
        assert len(words) > 10 and len(set(words)) == len(words), words
        play = room.write("play.json", dict(PLAY, needs=words))
        same(told(room.run(play, server=None)), {"passed": 1, "skipped": 0, "failed": 0})


def wrong_use():
    with Room() as room:
        play = room.write("play.json", PLAY)
        for arguments, sentence in [
            (["--server", "server"], "wants a command with {config} in it"),
            (["--server", "server 'x {config}"], "wants a command with {config} in it"),
            (["--server", ""], "wants a command with {config} in it"),
            (["--has", "dance"], 'no feature "dance"; there are '),
            (["--server", "x {config}", "--besterd", "y"], "can't both say what is run"),
        ]:
            run = room.run(*arguments, play, server=None)
            same((run.returncode, run.stdout), (2, ""), arguments)
            assert sentence in run.stderr, run.stderr


# ---- the life of the process ---------------------------------------------------------------------


def started_once_more():
    """One that ends before it serves may have lost its port: it gets others, once."""
    with Room() as room:
        play = room.write("play.json", PLAY)
        note = room.path("configurations")
        server = room.program(
            "server", f'cp "$1" {note}.$$\n'
            f'ls {note}.* | grep -c . | grep -qx 1 && exit 1\nexec {LEGACY} "$1"\n')
        run = room.run(play, server=server + " {config}")
        same(run.returncode, 0, run.stdout)
        ports = set()
        for name in os.listdir(room.directory.name):
            if name.startswith("configurations."):
                with open(room.path(name), encoding="utf-8") as file:
                    ports.add(json.load(file)["network"]["tcp4"]["port"])
        same(len(ports), 2, "ports")


def not_started_for_ever():
    with Room() as room:
        play = room.write("play.json", PLAY)
        server = room.program("server", "echo no port for me\nexit 3\n")
        run = room.run(play, server=server + " {config}")
        same(run.returncode, 1, run.stdout)
        assert 'cause: "PEER DIED: exited with 3"' in run.stdout, run.stdout
        same(run.stdout.count("* started, process"), 2, run.stdout)
        assert "S1 | no port for me" in run.stdout, run.stdout


def never_serves():
    with Room() as room:
        play = room.write("play.json", PLAY)
        server = room.program("server", "exec tail -f /dev/null\n")
        run = room.run("--deadline", "0.3s", play, server=server + " {config}")
        same(run.returncode, 1, run.stdout)
        assert 'cause: "NOT STARTED"' in run.stdout, run.stdout
        assert "not every server serves" in run.stdout, run.stdout


def restarts():
    with Room() as room:
        steps = [{"restart": "S1"}, {"S1 > T": {"close": True}}, {"S1 > G": {"close": True}},
                 {"T > S1": {"login": {}}}, {"S1 > T": {"status": "good", "id": "auth_special"}}]
        play = room.write("play.json", dict(PLAY, steps=[*PLAY["steps"], *steps]))
        run = room.run(play)
        same(run.returncode, 0, run.stdout)


def configuration_is_of_part_one():
    """And no other member is in it."""
    with Room() as room:
        cast = {"servers": {"S1": {"listen": ["tcp4", "tcp6", "unix"]}}, "peers": {"P": {}},
                "clients": {"T": "S1"}, "handlers": PLAY["handlers"]}
        play = room.write("play.json", dict(PLAY, steps=[], **cast))
        server = room.program("server", f'cp "$1" {room.path("seen")}\nexec {LEGACY} "$1"\n')
        same(room.run(play, server=server + " {config}").returncode, 0)
        with open(room.path("seen"), encoding="utf-8") as file:
            config = json.load(file)
        same(sorted(config), ["admin", "database", "handlers", "network"])
        same(config["network"]["types"], ["tcp4", "tcp6", "unix"])
        same(sorted(config["network"]), ["tcp4", "tcp6", "types", "unix"])
        assert re.fullmatch(r"\d+", config["network"]["tcp4"]["port"]), config
        same(config["network"]["tcp6"]["address"], "::1")
        same(config["handlers"]["availableTypes"], ["h"])
        same(sorted(config["handlers"]["typeMap"]["h"]), ["handlerBinary", "unixDomainSocketPath"])
        same(sorted(config["database"]), ["redis", "type"])
        same(config["database"]["type"], "redis")
        same(sorted(config["database"]["redis"]), ["address", "port"])
        same(config["admin"], {"info": {}})


ASKS = """#!/usr/bin/env python3
import json, os, socket, sys

with open(sys.argv[1]) as file:
    redis = json.load(file)["database"]["redis"]
with socket.create_connection((redis["address"], int(redis["port"]))) as connection:
    answers = b""
    try:
        connection.sendall(sys.argv[3].replace("|", "\\r\\n").encode() + b"PING\\r\\n")
        while not answers.endswith(b"+PONG\\r\\n"):
            piece = connection.recv(4096)
            if not piece:
                break
            answers += piece
    except ConnectionError:
        pass # it was hung up while we wrote
with open(sys.argv[2], "wb") as file:
    file.write(answers)
os.execv(sys.argv[4], [sys.argv[4], sys.argv[1]])
"""


def database_knows_accounts():
    """What a server may ask of it: with accounts, these; without, the clients."""
    commands = ("HGET T password|HGET G password|HGET T more|HGET Nobody password|EXISTS T|TYPE T|"
                "TYPE N|hmget G password x|HGETALL T|HGETALL N|HEXISTS T password|SET T 1|HGET T|"
                "SELECT 0|*3|$4|HGET|$1|T|$8|password||")
    answers = ["$6", "secret", "$5", "other", "$-1", "$-1", ":1", "+hash", "+none", "*2", "$5",
               "other", "$-1", "*2", "$8", "password", "$6", "secret", "*0", ":1", "-ERR",
               "-ERR", "+OK", "$6", "secret", "+PONG"]
    with Room() as room:
        server = room.write("asks.py", ASKS, 0o755)
        seen = room.path("seen")
        command = f"{server} {{config}} {seen} '{commands}' {LEGACY}"
        open_ = dict(PLAY, servers={"S1": {}}, clients={
            "T": {"on": "S1", "password": "secret"}, "G": {"on": "S1", "password": "other"}})
        for play in PLAY, open_:
            run = room.run(room.write("play.json", play), server=command)
            same(run.returncode, 0, run.stdout + run.stderr)
            with open(seen, encoding="utf-8") as file:
                lines = [line.split()[0] if line.startswith("-ERR") else line
                         for line in file.read().split("\n") if line]
            same(lines, answers)


def database_hangs_up_on_nonsense():
    with Room() as room:
        server = room.write("asks.py", ASKS, 0o755)
        seen = room.path("seen")
        command = f"{server} {{config}} {seen} 'HGET T password|*9999|' {LEGACY}"
        run = room.run(room.write("play.json", PLAY), server=command)
        same(run.returncode, 0, run.stdout + run.stderr)
        with open(seen, encoding="utf-8") as file:
            assert "PONG" not in file.read()


TESTS = [
    database_knows_accounts, database_hangs_up_on_nonsense,
    first_part_passes, what_it_claims_is_tried, mistakes_are_found, skips_are_told,
    besterd_is_asked, features_are_known, wrong_use, started_once_more, not_started_for_ever,
    never_serves, restarts, configuration_is_of_part_one,
]


bester.run(*TESTS)
