#!/usr/bin/env python3
"""`harness load` from outside, on casts and on servers that are made to misbehave. Writes TAP."""
import json, os, pty, re, select, signal, socket, subprocess, sys, tempfile, threading, time
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import bester

HARNESS = os.path.join(os.environ.get("BESTER_BUILD", "build"), "harness")
CAST = "tests/harness/plays/load.json"
ACCOUNTS = "tests/harness/plays/load_accounts.json"


def load(*arguments, **more):
    return subprocess.run([HARNESS, "load", *arguments], capture_output=True, text=True, **more)


def figures(*arguments):
    run = load("--json", "-", *arguments)
    try:
        return run.returncode, json.loads(run.stdout)
    except json.JSONDecodeError:
        raise AssertionError(f"{run.returncode}: {run.stdout} {run.stderr}") from None


def expect(found, wanted, about=""):
    if found != wanted:
        raise AssertionError(f"{about}: {found!r} instead of {wanted!r}")


def told(run, status, pattern):
    expect(run.returncode, status, run.stderr)
    if not re.search(pattern, run.stdout + run.stderr):
        raise AssertionError(f"no {pattern!r} in {run.stdout}{run.stderr}")


class Server:
    """A server that does with each connection what `talk` says, once it has logged in."""

    def __init__(self, talk, login="good"):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.talk, self.login, self.threads = talk, login, []
        self.accepting = threading.Thread(target=self._accept)
        self.accepting.start()

    def _accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            thread.start()
            self.threads.append(thread)

    def _serve(self, connection):
        with bester.Client.of(connection) as client:
            try:
                if client.hear() is None:
                    return
                client.say({"header": {"messageType": "statusReport", "status": self.login},
                            "payload": {"id": "auth_special"}})
                self.talk(client)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.accepting.join()
        for thread in self.threads:
            thread.join()


def answer(client, message, **more):
    report = {"id": message["payload"]["id"], **more}
    client.say({"header": {"messageType": "statusReport", "status": "bad" if more else "good"},
                "payload": report})


def answer_all(client):
    while (message := client.hear()) is not None:
        answer(client, message)


# ---- on a cast -----------------------------------------------------------------------------------


def agree(run, sent):
    """That its parts tell the same story."""
    expect((run["form"], run["version"], run["interrupted"]), ("bester-harness-load", 1, False))
    expect((run["sent"], run["good"] + run["bad"]), (sent, sent))
    expect(sum(run["reasons"].values()), run["bad"])
    latency, course = run["latency"], run["course"]["intervals"]
    expect(sum(count for _, count in latency["histogram"]), latency["count"])
    values = [latency["us"][name] for name in sorted(latency["us"], key=float)]
    expect(values, sorted(values))
    assert latency["leastUs"] <= values[0] and latency["leastUs"] <= latency["meanUs"] <= values[-1]
    for name in ("sent", "good", "bad"):
        expect(sum(interval[name] for interval in course), run[name], name)
    assert all(i["p50Us"] <= i["p99Us"] <= i["maxUs"] for i in course), course


def a_cast_is_loaded():
    status, run = figures("-n", "3000", "-c", "3", "-w", "8", CAST)
    expect((status, run["good"], run["name"], run["type"]), (0, 3000, "S1", "dummy"))
    expect((run["clients"], run["window"], run["received"]), (3, 8, 0))
    agree(run, 3000)
    assert run["process"]["pid"] > 0 and run["process"]["memoryBytes"] > 1 << 20, run["process"]
    assert run["process"]["processorMs"] > 0 and run["ourselves"]["processorMs"] > 0


def messages_arrive():
    status, run = figures("-n", "500", "-c", "4", "-t", "chat", "--to", "next", "-s", "200", CAST)
    expect((status, run["good"], run["received"]), (0, 500, 500))
    expect((run["leastBytes"], run["mostBytes"], run["sentBytes"]), (200, 200, 100000))
    agree(run, 500)
    expect(figures("-n", "100", "-t", "chat", "--to", "self", CAST)[1]["received"], 100)
    # To both, in turn; of one nobody is logged in.
    status, run = figures("-n", "100", "--users", "A,B", "-t", "chat", "--to", "B,Nobody", CAST)
    expect((status, run["good"], run["received"], run["clients"]), (3, 50, 50, 2))
    expect(sum(run["reasons"].values()), 50)


def what_is_sent():
    heard = []

    def talk(client):
        while (message := client.hear()) is not None:
            heard.append(message["payload"])
            answer(client, message)

    with Server(talk) as server:
        expect(load("-n", "3", "-t", "x", "--users", "Jo", "--to", "A,B", "--data",
                    '{"f": "${user}", "t": "${to}", "n": ${n}}', server.address).returncode, 0)
    expect([(payload["type"], payload["data"]) for payload in heard],
           [("x", {"f": "Jo", "t": to, "n": n}) for n, to in [(1, "A"), (2, "B"), (3, "A")]])
    expect(len({payload["id"] for payload in heard}), 3)
    del heard[:]
    with Server(talk) as server:
        expect(load("-n", "50", "-s", "10-40", server.address).returncode, 0)
    sizes = {len(payload["data"]) + 2 for payload in heard}
    assert min(sizes) >= 10 and max(sizes) <= 40 and len(sizes) > 5, sizes
    # A cast's names are not ours to fill in, and ours not the cast's.
    status, run = figures("-n", "4", "-t", "chat", "--to", "self", "--data",
                          '{"to": "${to}", "text": "it\'s ${dir} ${n}"}', CAST)
    expect((status, run["received"]), (0, 4))


def accounts_of_the_cast():
    status, run = figures("-n", "100", "-t", "dummy", ACCOUNTS)
    expect((status, run["clients"], run["good"]), (0, 2, 100))
    told(load("-n", "1", "--users", "Nobody", "--passwords", "/nowhere", ACCOUNTS), 74, "/nowhere")
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("wrong\n")
        file.flush()
        told(load("-n", "1", "--users", "T", "--password-file", file.name, ACCOUNTS), 5, "^harness load: T: ")
        file.seek(0)
        file.write("of T\n")
        file.flush()
        expect(load("-n", "9", "--users", "T", "--password-file", file.name, ACCOUNTS).returncode, 0)
        told(load("--password-file", file.name, "--passwords", "x", ACCOUNTS), 2, "can't both be")
    status, run = figures("-n", "10", "--on", "S2", ACCOUNTS)
    expect((status, run["name"]), (0, "S2"))
    told(load("--on", "S3", ACCOUNTS), 2, "no such server")


def over_a_unix_socket():
    with bester.Server() as server:
        status, run = figures("-n", "200", "-c", "2", "unix:" + server.socket)
        expect((status, run["good"], run["process"]["pid"]), (0, 200, server.process.pid))
        status, run = figures("-n", "20", "--pid", str(os.getpid()), "unix:" + server.socket)
        expect(run["process"]["pid"], os.getpid())


def over_tls():
    with tempfile.TemporaryDirectory(prefix="bester-load-") as folder:
        tls = {"certificate": folder + "/c.pem", "key": folder + "/k.pem", "selfSigned": True}
        listener = socket.create_server(("127.0.0.1", 0))
        port, number = listener.getsockname()[1], listener.fileno()
        config = {"network": {"types": ["unix", "tls4"], "tls": tls,
                              "tls4": {"address": "127.0.0.1", "port": port}}}
        with listener, bester.Server(config, descriptors=(number,), wrap=(
                "sh", "-c", f'exec 3<&{number}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh")) as server:
            url = f"besters://127.0.0.1:{port}"
            refused = load("-n", "1", url)
            pin = re.search("sha256:[0-9a-f]{64}", refused.stderr)
            assert refused.returncode == 11 and pin, refused.stderr
            status, run = figures("-n", "300", "-c", "2", "-s", "5000", "--pin", pin[0], url)
            expect((status, run["good"], run["process"]["pid"]), (0, 300, server.process.pid))


# ---- what goes wrong -----------------------------------------------------------------------------


def reasons_are_told():
    status, run = figures("-n", "100", "-t", "nosuch", CAST)
    expect((status, run["reasons"]), (7, {"noHandler": 100}))
    agree(run, 100)

    def talk(client):
        n = 0
        while (message := client.hear()) is not None:
            n += 1
            answer(client, message, **({"reason": "overloaded"} if n % 4 == 0 else
                                       {"reason": "sulking <b>\x1b[31m"} if n % 4 == 1 else {}))

    with Server(talk) as server:
        run = load("-n", "100", "-t", "x", server.address)
        told(run, 3, r"good +50\n +bad +50: sulking <b>.*31m 25, overloaded 25")
        assert "\x1b" not in run.stdout


def no_report_in_time():
    def talk(client):
        while client.hear() is not None:
            pass

    with Server(talk) as server:
        status, run = figures("-w", "5", "-d", "50ms", "--patience", "50ms", server.address)
        expect((status, run["sent"], run["reasons"]), (8, 5, {"no report in time": 5}))
        expect(run["latency"]["count"], 0)


def the_server_goes_away():
    def talk(client):
        for _ in range(10):
            answer(client, client.hear())
        client.connection.shutdown(socket.SHUT_WR) # what is said may still be read
        while client.hear() is not None:
            pass

    with Server(talk) as server:
        status, run = figures("-w", "4", "-c", "2", "-t", "x", server.address)
        expect((status, run["good"], run["lostConnections"]), (10, 20, 2))
        assert all(reason.startswith("connection lost") for reason in run["reasons"]), run["reasons"]
        expect(run["sent"], run["good"] + run["bad"])
        told(load("-n", "30", "-t", "x", server.address), 10, "lost +1 connection")
    told(load(server.address), 4, "refused")


def a_login_is_refused():
    with Server(lambda client: client.hear(), login="bad") as server:
        told(load("-c", "3", server.address), 5, "^harness load: T")
    for pattern, arguments in [
            ("not on this machine", ["192.0.2.1:2223"]), ("not on this machine", ["example.org"]),
            ("not on this machine", ["[2001:db8::1]:2223"]), ("not on this machine", ["0.0.0.0:2223"]),
            ("one server", []), ("one server", ["a", "b"]), ("not like 500/s", ["-r", "0", "x"]),
            ("not like 500/s", ["-r", "fast", "x"]), ("not like 500/s", ["-r", "2000000", "x"]),
            ("range", ["-s", "0", "x"]), ("range", ["-s", "30-20", "x"]), ("range", ["-c", "10001", "x"]),
            ("1,048,576", ["-c", "10000", "-w", "1000", "localhost:1"]),
            ("no list of names", ["--users", "a,,b", "localhost:1"]),
            ("not JSON", ["--data", "{", "localhost:1"]), ("no ..fill", ["--data", "1", "-s", "5", "localhost:1"])]:
        told(load(*arguments), 2, pattern)
    told(load("--anywhere", "-d", "1s", "--connect-timeout", "10ms", "192.0.2.1:2223"), 4, "T1: ")


def casts_that_are_wrong():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write('{"play": "x",\n "sirvers": {}}')
        file.flush()
        told(load(file.name), 65, ":2:2: ")
    told(load("/nowhere.json"), 74, "nowhere")
    told(load("--besterd", "/nowhere", CAST), 74, "nowhere")


# ---- how it loads --------------------------------------------------------------------------------


def no_more_in_flight_than_the_window():
    """Whatever is asked for, the server never holds more questions of a client than the window."""
    most = []

    def talk(client):
        held = []
        while True:
            # If more is on its way, no matter: it is held, or not.
            if select.select([client.connection], [], [], 0.02 if held else None)[0]:
                message = client.hear()
                if message is None:
                    return
                held.append(message)
                most.append(len(held))
                continue
            for one in held:
                answer(client, one)
            held = []

    for more in (["-w", "7"], ["-w", "7", "-r", "100000"]):
        del most[:]
        with Server(talk) as server:
            status, run = figures(*more, "-n", "40", "-t", "x", server.address)
            expect((status, run["good"]), (0, 40))
        assert max(most) <= 7 and len(most) == 40, most


def a_pause_is_not_left_out():
    """What is due while the server does nothing counts from when it was due."""
    def talk(client):
        held = client.hear()
        time.sleep(0.5)
        answer(client, held)
        answer_all(client)

    with Server(talk) as server: # 300 messages were due within 0.3 s
        run = figures("-r", "1000/s", "-w", "1", "-n", "300", "-t", "x", server.address)[1]
        expect(run["good"], 300)
        assert run["latency"]["leastUs"] > 190000, run["latency"]["us"]
    with Server(talk) as server: # without a rate there is but one that waits
        run = figures("-w", "1", "-n", "300", "-t", "x", server.address)[1]
        assert run["latency"]["leastUs"] < 190000, run["latency"]["us"]


def what_could_not_be_sent_is_told():
    def talk(client):
        while client.hear() is not None:
            pass

    with Server(talk) as server:
        status, run = figures("-r", "1000", "-w", "3", "-d", "100ms", "--patience", "10ms",
                              server.address)
        expect((status, run["sent"] + run["notSent"]), (8, 100))
        assert 1 <= run["sent"] <= 3, run["sent"]


def a_rate_is_kept():
    """Never more than was due: a rate is no more than that, however fast the server is."""
    status, run = figures("-r", "400/s", "-d", "250ms", CAST)
    expect((status, run["sent"] + run["notSent"], run["bad"]), (0, 100, 0))
    status, run = figures("-r", "1000", "-d", "10s", "-n", "50", CAST)
    expect((status, run["sent"]), (0, 50))
    assert run["sendingMs"] >= 49, run["sendingMs"]


# ---- reports -------------------------------------------------------------------------------------


def interrupted():
    with Server(answer_all) as server, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.json")
        seen, status = at_terminal("-d", "600s", "--json", path, server.address, interrupt=True)
        expect(status, 130)
        with open(path) as file:
            run = json.load(file)
        assert run["interrupted"] and run["good"] > 0, run
        expect(sum(interval["good"] for interval in run["course"]["intervals"]), run["good"])
        assert re.search(r"\d\.\d of 600\.0 s, \d+/s, p99 [\d.]+ [nµm]?s, \d+ good, 0 bad", seen), seen
        assert seen.endswith("\r\x1b[K"), seen


def at_terminal(*arguments, interrupt):
    """What it writes to its standard error when that is a terminal; its exit status."""
    master, slave = pty.openpty()
    process = subprocess.Popen([HARNESS, "load", *arguments], stdout=subprocess.DEVNULL,
                               stderr=slave, env={**os.environ, "TERM": "xterm"})
    os.close(slave)
    seen = b""
    while True:
        select.select([master], [], [])
        try:
            seen += os.read(master, 65536)
        except OSError:  # nobody has the terminal open any more
            break
        if interrupt and b" good" in seen:
            process.send_signal(signal.SIGINT)
            interrupt = False
    os.close(master)
    return seen.decode(), process.wait()


def the_text():
    run = load("-r", "1000", "-n", "50", "-c", "2", "-t", "chat", "--to", "next", CAST)
    expect((run.returncode, run.stderr), (0, ""))
    lines = run.stdout.splitlines()
    assert re.fullmatch(r"load of 127\.\S+ \(S1\): 2 clients, 1000/s, window 1024, type chat, 24 bytes", lines[0]), lines
    for pattern in [r"  sent       50 in \d\.\d\d s: .*", r"  good       50", r"  received   50 messages: .*",
                    r"  latency    p50 .*, p99\.99 .*, max .*; mean .*", r" +counted from when each message was due",
                    r"  server     process \d+: .* MiB at most", r"  ourselves  [\d.]+ of a processor.*"]:
        assert any(re.fullmatch(pattern, line) for line in lines), (pattern, run.stdout)


def the_plot():
    name = "<script>&\"'"

    def talk(client):
        n = 0
        while (message := client.hear()) is not None:
            n += 1
            answer(client, message, **({"reason": name} if n % 3 == 0 else {}))

    with Server(talk) as server:
        run = load("-n", "600", "-t", name, "--svg", "-", server.address)
        expect(run.returncode, 3)
    tree = ElementTree.fromstring(run.stdout)
    texts = " ".join("".join(element.itertext()) for element in tree.iter())
    for part in ["Latency by percentile", "Reports per second", "slowest", "median", "bad", "99 %", name]:
        assert part in texts, part
    lines = [element.get("points") for element in tree.iter() if element.tag.endswith("polyline")]
    expect(len(lines), 5)
    for x, y in (point.split(",") for line in lines for point in line.split()):
        assert 80 <= float(x) <= 870 and 100 <= float(y) <= 720, (x, y)
    assert "script" not in {element.tag.split("}")[1] for element in tree.iter()}
    assert "href" not in run.stdout and "url(" not in run.stdout
    assert "prefers-color-scheme:dark" in run.stdout


def files_and_full_disks():
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("a.json", "a.svg")]
        run = load("-n", "5", "--json", paths[0], "--svg", paths[1], CAST)
        expect((run.returncode, run.stdout[:7]), (0, "load of"))
        expect(sorted(os.listdir(folder)), ["a.json", "a.svg"])
    told(load("-n", "5", "--json", "/nowhere/a.json", CAST), 74, "nowhere")
    with open("/dev/full", "w") as full:
        run = subprocess.run([HARNESS, "load", "-n", "5", CAST], stdout=full, stderr=subprocess.PIPE)
        expect(run.returncode, 74, run.stderr)


TESTS = [
    a_cast_is_loaded, messages_arrive, what_is_sent, accounts_of_the_cast, over_a_unix_socket, over_tls,
    reasons_are_told, no_report_in_time, the_server_goes_away, a_login_is_refused, casts_that_are_wrong,
    no_more_in_flight_than_the_window, a_pause_is_not_left_out, what_could_not_be_sent_is_told,
    a_rate_is_kept, interrupted, the_text, the_plot, files_and_full_disks,
]


bester.run(*TESTS)
