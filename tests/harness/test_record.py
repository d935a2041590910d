#!/usr/bin/env python3
"""`harness record`: conversations of real programs become plays: the same play each time, which
passes as it is, with handlers that are played and with real ones. Writes TAP."""
import difflib, json, os, re, shutil, signal, subprocess, sys, tempfile

sys.path.insert(0, "tests/support")
import bester

BUILD = bester.BUILD
HARNESS = os.path.join(BUILD, "harness")
RECORDED = "tests/harness/recorded/"
SECRET = "a secret nobody may read"
REPLAYS = 5


def send(user, kind, *data, server="J", options=""):
    words = " ".join(f"-d '{json.dumps(one)}'" for one in data)
    return (f"{BUILD}/bester-send -S ${{{server}}} -u {user} "
            f"--password-file ${{dir}}/{user}.password -t {kind} {words} {options}")


def listen(user, count, server="J"):
    return (f"{BUILD}/bester-send -S ${{{server}}} -u {user} "
            f"--password-file ${{dir}}/{user}.password --listen -c {count}")


def talk(script, *arguments):
    """This file as a client: one of the functions of `scripts`."""
    return f"{sys.executable} tests/harness/test_record.py {script} " + " ".join(arguments)


def accounts(*users):
    return {"accounts": {user: f"{SECRET} of {user}" for user in users}}


CHAT = {"on": "J", "run": "${handlers}/chat", "protocol": "stream"}
ECHO = {"on": "J", "protocol": "stream", "rules": [
    {"when": {"ask": "<what>", "origin": {"user": "<who>", "...": True}},
     "reply": {"sendClients": ["<who>"], "data": "<what>"}}]}
LETTER = {"on": "J", "rules": [{"when": {"to": "<who>", "text": "<text>"},
                                "reply": {"sendClients": ["<who>"], "data": "<text>"}}]}


class Folder:
    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="bester-record-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, name, value):
        with open(self.file(name), "w", encoding="utf-8") as file:
            json.dump(value, file)
        return self.file(name)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def harness(*arguments, **more):
    return subprocess.run([HARNESS, *arguments], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, **more)


def record(world, output, *commands, options=()):
    words = [word for command in commands for word in ("--run", command)]
    done = harness("record", world, "-o", output, *options, *words)
    bester.same(done.returncode, 0, f"harness record: {done.stdout}{done.stderr}")
    return read(output)


def passes(path, times=REPLAYS):
    done = harness("run", *[path] * times)
    bester.same(done.returncode, 0, f"replay of\n{read(path)[:3000]}\n{done.stdout[:2000]}")


def kept(world, *commands, name=None, same=True):
    """Records twice with played handlers and once with real ones; all pass; no password is in
    them. The play; compared with the one that is kept under that name, if any."""
    with Folder() as folder:
        path = folder.write("world.json", world)
        first = record(path, folder.file("1.json"), *commands)
        again = record(path, folder.file("2.json"), *commands)
        if same and again != first:
            raise AssertionError("\n".join(difflib.unified_diff(
                first.split("\n"), again.split("\n"), lineterm="", n=2))[:3000])
        passes(folder.file("1.json"))
        real = record(path, folder.file("3.json"), *commands, options=["--real-handlers"])
        passes(folder.file("3.json"))
        for text in (first, real):
            if SECRET in text:
                raise AssertionError(f"a password is in\n{text}")
        done = harness("fmt", "--check", folder.file("1.json"))
        bester.same(done.returncode, 0, "its layout is canonical")
        done = harness("lint", folder.file("1.json"))
        bester.same((done.returncode, done.stdout), (0, ""), "findings")
    if name:
        if os.environ.get("BESTER_RECORD_AGAIN"):
            with open(RECORDED + name, "w", encoding="utf-8") as file:
                file.write(first)
        bester.same(first, read(RECORDED + name), name)
    return json.loads(first)


def lines(play):
    return [(arrow, value) for step in play["steps"] for arrow, value in step.items()
            if ">" in arrow]


# ---- the clients of this file -----------------------------------------------------------------


def frames_of(address):
    import socket
    if address.startswith("/"):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(address)
    else:
        host, port = address.rsplit(":", 1)
        connection = socket.create_connection((host, int(port)))
    return bester.Client.of(connection)


def script_odd(address, folder):
    """What a well-behaved client does not do."""
    with frames_of(address) as wrong:
        bester.same(wrong.log_in("T", SECRET + " guessed")["header"]["status"], "bad", "login")
        bester.same(wrong.hear(), None, "the end")
    with open(folder + "/T.password", encoding="utf-8") as file:
        password = file.read().rstrip("\n")
    with frames_of(address) as client:
        client.log_in("T", password)
        client.say({"header": {}, "payload": {"type": "nobody's", "data": 1, "id": "x"}})
        client.hear()
        client.say({"header": {"scope": "client", "authentication": {
            "username": "T", "password": password}},
            "payload": {"type": "echo", "data": "<not a capture> ${nor} a name", "id": "x"}})
        client.hear()
        client.hear()
        client.say({"header": {}, "payload": {"type": "echo", "data": {"old": "no id"}}})
        client.hear()
        client.hear()
        client.say({"header": {}, "payload": {"type": "echo", "data": {
            "at": "2026-11-22T20:52:30.832Z", "mine": "3f333df6-90a4-4fda-8dd3-9485d27cee36",
            "password": "never seen before", "same": "never seen before"}, "id": "y"}})
        client.hear()
        client.hear()
        client.connection.sendall(b"\x05\x00\x00\x00{oops")
        client.hear()


def script_times(address, _):
    """Each time something else."""
    import time, uuid
    with frames_of(address) as client:
        client.log_in("T")
        now = time.time()
        for number in range(2):
            client.say({"header": {}, "payload": {"type": "echo", "data": {
                "s": int(now), "ms": int(now * 1000), "uuid": str(uuid.uuid4()),
                "text": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))}, "id": str(number)}})
            client.hear()
            client.hear()


def script_hurry(address, _):
    """Says all it has and hangs up."""
    with frames_of(address) as client:
        client.log_in("T")
        for number in range(3):
            client.say({"header": {}, "payload": {"type": "letter", "data": {
                "to": "G", "text": number}, "id": str(number)}})
    with frames_of(address) as polite:
        polite.log_in("U")
        polite.say({"header": {}, "payload": {"type": "letter", "data": {
            "to": "G", "text": "the end"}, "id": "1"}})
        polite.hear()


def script_hear_the_end(address, user):
    with frames_of(address) as client:
        client.log_in(user)
        while client.hear()["payload"].get("data") != "the end":
            pass


def script_hear(address, user, count):
    """As many messages as that, then the end."""
    with frames_of(address) as client:
        client.log_in(user)
        for _ in range(int(count)):
            client.hear()


def script_race(address, *users):
    """All at the same time, each without waiting for its reports."""
    clients = [frames_of(address) for _ in users]
    for client, user in zip(clients, users):
        client.log_in(user)
    for number in range(20):
        for client in clients:
            client.say({"header": {}, "payload": {"type": "echo", "data": number, "id": "same"}})
    for client in clients:
        for _ in range(40):
            client.hear()


def script_kill(config):
    """The server of that configuration."""
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"besterd") and config.encode() in words:
            os.kill(int(process), signal.SIGKILL)


def script_late(address, _):
    """Some of its questions are answered too late, or never."""
    with frames_of(address) as client:
        client.log_in("T")
        for data in ("slow", "quick", "never", "quick"):
            client.say({"header": {}, "payload": {"type": "moody", "data": data, "id": data}})
            while "status" not in client.hear()["header"]:
                pass


def script_comings(address, _):
    """G comes when T has spoken to him in vain, leaves, and comes again."""
    with frames_of(address) as sender:
        sender.log_in("T")

        def say(text):
            sender.say({"header": {}, "payload": {"type": "letter", "data": {
                "to": "G", "text": text}, "id": text}})
            return sender.hear()

        say("nobody is there")
        for text in ("first", "second"):
            with frames_of(address) as client:
                client.log_in("G")
                say(text)
                client.hear()
                client.say({"header": {}, "payload": {
                    "type": "builtin", "data": {"command": {"type": "close"}}, "id": "bye"}})
                bester.same(client.hear(), None, "the end")
            say("gone")


def script_wait(address, ready, user):
    """One message, a file that says that its report has come, and then nothing."""
    with frames_of(address) as client:
        client.log_in(user)
        client.say({"header": {}, "payload": {"type": "echo", "data": "before", "id": "1"}})
        client.hear()
        client.hear()
        client.say({"header": {}, "payload": {"type": "hangs", "data": "now", "id": "2"}})
        with open(ready, "w", encoding="utf-8") as file:
            file.write("ready\n")
        while client.hear() is not None:
            pass


# ---- whole conversations ----------------------------------------------------------------------


def test_one_message():
    world = {"play": "T speaks to G", "servers": {"J": accounts("T", "G")},
             "handlers": {"chat": CHAT}}
    play = kept(world, listen("G", 1), send("T", "chat", {"to": "G", "text": "Goeie môre"}),
                name="one_message.json")
    bester.same([arrow for arrow, _ in lines(play)],
                ["T > J", "J > chat", "chat > J", "J > G", "J > T"], "lines")


def test_bester_cli():
    world = {"play": "T and G with bester-cli", "servers": {"J": accounts("T", "G")},
             "handlers": {"chat": dict(CHAT, config={"template": "${handlers}/chat.json"})},
             "clients": {"G": "J"}}
    cli = (f"{BUILD}/bester-cli -S ${{J}} -u T --password-file ${{dir}}/T.password "
           "-e '/to G' -e 'Good morning' -e 'How are you?'")
    play = kept(world, listen("G", 2), cli, name="bester_cli.json")
    bester.same(list(play["clients"]), ["G", "T"], "the cast")


def test_two_servers_and_rules():
    with open("fixtures/worlds/demo.json", encoding="utf-8") as file:
        world = json.load(file)
    world["servers"] = {"S1": accounts("T"), "S2": accounts("G")}
    play = kept(world, send("T", "chat", {"to": "G@S2", "text": "Hello"}, server="S1",
                            options="-w >/dev/null"), name="two_servers.json")
    bester.same([arrow for arrow, _ in lines(play)].count("S1 > S2"), 2, "lines between servers")
    bester.same("rules" in json.dumps(play), False, "rules")


def test_played_handlers_of_the_world():
    world = {"play": "Through two handlers", "servers": {"J": {}},
             "handlers": {
                 "draft": {"on": "J", "rules": [
                     {"when": {"to": "<who>", "text": "<text>"},
                      "reply": {"sendHandler": "letter", "data": {"to": "<who>", "text": "<text>"}}}]},
                 "letter": {"on": "J", "rules": [
                     {"when": {"to": "<who>", "text": "<text>"},
                      "reply": {"sendClients": ["<who>"], "data": "<text>"}}]}},
             "clients": {"G": {"on": "J", "rules": [
                 {"reply": {"type": "draft", "data": {"to": "T", "text": "thanks"}, "id": "<r>"}}]}}}
    play = kept(world, talk("hear_and_send", "${J}", "T"), name="two_handlers.json")
    bester.same([arrow for arrow, _ in lines(play)].count("letter > J"), 2, "answers")


def script_hear_and_send(address, user):
    with frames_of(address) as client:
        client.log_in(user)
        client.say({"header": {}, "payload": {"type": "draft", "data": {"to": "G", "text": "a"},
                                              "id": "1"}})
        client.hear()
        client.hear()


def test_many_lines_at_once():
    world = {"play": "Many", "servers": {"J": accounts("T", "G")}, "handlers": {"chat": CHAT}}
    source = "".join(json.dumps({"to": "G", "text": str(n)}) + "\\n" for n in range(40))
    command = f"printf '{source}' | " + send("T", "chat", options="--ndjson")
    play = kept(world, listen("G", 40), command)
    bester.same(len(play["steps"]), 200, "lines")


def test_at_the_same_time():
    world = {"play": "A race", "servers": {"J": {}}, "handlers": {"echo": ECHO}}
    play = kept(world, talk("race", "${J}", "B", "A", "C"))
    bester.same(list(play["clients"]), ["A", "B", "C"], "the cast")
    bester.same(len(play["steps"]), 300, "lines")


def test_comings_and_goings():
    """Who comes later gets what was sent to him then, and not before."""
    world = {"play": "Comings and goings", "servers": {"J": {}}, "handlers": {"letter": LETTER}}
    play = kept(world, talk("comings", "${J}", "x"), name="comings.json")
    logins = [arrow for arrow, value in lines(play) if "login" in value]
    bester.same(logins, ["G > J", "G > J"], "logins that are written out")


def test_answers_that_come_too_late():
    moody = {"on": "J", "protocol": "stream", "config": {"timeoutMs": 300}, "rules": [
        {"when": "quick", "reply": {"sendClients": ["T"], "data": "at once"}},
        {"when": "slow", "delayMs": 500, "reply": {"sendClients": ["T"], "data": "at last"}},
        {"when": "never"}]}
    world = {"play": "Moods", "servers": {"J": {}}, "handlers": {"moody": moody}}
    play = kept(world, talk("late", "${J}", "x"))
    bester.same(sum("silent" in value for _, value in lines(play) if isinstance(value, dict)), 2,
                "answers that never came in time")


def test_what_clients_should_not_do():
    world = {"play": "Odd", "servers": {"J": accounts("T")},
             "handlers": {"echo": ECHO}}
    play = kept(world, talk("odd", "${J}", "${dir}"), name="odd.json")
    text = json.dumps(play)
    for wrong in ("never seen before", "3f333df6", "20:52:30"):
        bester.same(wrong in text, False, wrong)


def test_what_differs_each_time():
    world = {"play": "Times", "servers": {"J": {}},
             "handlers": {"echo": ECHO}}
    kept(world, talk("times", "${J}", "x"), name="times.json")


def test_nobody_waits_for_reports():
    world = {"play": "Hurry", "servers": {"J": {}},
             "handlers": {"letter": dict(LETTER, protocol="stream")}}
    # How many reports came before it hung up, even how many of its messages, is a matter of
    # chance; that it passes is not.
    play = kept(world, talk("hear_the_end", "${J}", "G"), talk("hurry", "${J}", "x"), same=False)
    said = [value for arrow, value in lines(play) if arrow == "T > J"]
    bester.same({"close": True} in said[:-1], False, "nothing behind the end")


# ---- the end of a recording, and the file -----------------------------------------------------


def stopped_by(number):
    """A recording that is stopped while a message is under way: what came before is a play."""
    world = {"play": "Stopped", "servers": {"J": {}},
             "handlers": {"echo": ECHO, "hangs": {"on": "J", "protocol": "stream", "rules": [{}]}}}
    with Folder() as folder:
        path = folder.write("world.json", world)
        ready = folder.file("ready")
        os.mkfifo(ready)
        with subprocess.Popen(
                [HARNESS, "record", path, "-o", folder.file("play.json"), "--run",
                 talk("wait", "${J}", ready, "T")], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as recorder:
            read(ready)
            recorder.send_signal(number)
            said = recorder.communicate()[0].decode()
        bester.same(recorder.returncode, 0, said)
        play = json.loads(read(folder.file("play.json")))
        bester.same([arrow for arrow, _ in lines(play)],
                    ["T > J", "J > echo", "echo > J", "J > T", "J > T"], "lines")
        passes(folder.file("play.json"))


def test_stopped_by_sigint():
    stopped_by(signal.SIGINT)


def test_stopped_by_sigterm():
    stopped_by(signal.SIGTERM)


def test_a_server_that_dies():
    """What was said until then is written, and passes."""
    world = {"play": "Death", "servers": {"J": {}}, "handlers": {"echo": ECHO}}
    with Folder() as folder:
        path = folder.write("world.json", world)
        play = folder.file("play.json")
        command = (talk("times", "${J}", "x") + "; " +
                   talk("kill", "${dir}/server0/config.json") + "; sleep 60")
        done = harness("record", path, "-o", play, "--run", command)
        bester.same(done.returncode, 1, done.stderr)
        bester.same("PEER DIED" in done.stderr, True, done.stderr)
        bester.same(len(json.loads(read(play))["steps"]), 10, "lines")
        passes(play)


def test_the_file():
    world = {"play": "A file", "servers": {"J": {}}, "handlers": {"echo": ECHO}}
    with Folder() as folder:
        path = folder.write("world.json", world)
        command = talk("times", "${J}", "x")
        play = folder.write("play.json", "mine")
        done = harness("record", path, "-o", play, "--run", command)
        bester.same(done.returncode, 74, "a file that is there")
        bester.same("--force" in done.stderr, True, done.stderr)
        bester.same(read(play), '"mine"', "the file")
        record(path, play, command, options=["--force"])
        bester.same("mine" in read(play), False, "it is replaced")
        done = harness("record", path, "-o", "/dev/full", "--run", command)
        bester.same(done.returncode, 74, "a full disk")
        bester.same(done.stdout, read(play), "the play is not lost")
        bester.same("No space left" in done.stderr, True, done.stderr)
        done = harness("record", path, "-o", folder.file("nowhere/play.json"), "--run", command)
        bester.same(done.returncode, 74, "no such folder")
        bester.same(done.stdout, "", "found out at once")
        bester.same(harness("record", path, "--run", command).stdout, read(play), "on stdout")
        bester.same(sorted(os.listdir(folder.path)), ["play.json", "world.json"], "the folder")


def test_wrong_usage():
    for arguments in ((), ("a", "b"), ("a", "--play-handlers", "--real-handlers")):
        bester.same(harness("record", *arguments).returncode, 2, arguments)
    bester.same(harness("record", "no such file").returncode, 74, "no such file")


def main():
    if len(sys.argv) > 1:
        globals()["script_" + sys.argv[1]](*sys.argv[2:])
        return
    bester.run(test_one_message, test_bester_cli, test_two_servers_and_rules,
               test_played_handlers_of_the_world, test_many_lines_at_once, test_at_the_same_time,
               test_comings_and_goings, test_answers_that_come_too_late, test_what_clients_should_not_do,
               test_what_differs_each_time, test_nobody_waits_for_reports,
               test_stopped_by_sigint, test_stopped_by_sigterm, test_a_server_that_dies,
               test_the_file, test_wrong_usage)


if __name__ == "__main__":
    main()
