#!/usr/bin/env python3
"""bester-send and a real besterd with TLS: who is believed, what is said if not, profiles, a pty with
progress, and how much memory a million lines cost. Writes TAP."""
import json, os, pty, re, resource, shutil, signal, socket, ssl, struct, subprocess, sys, tempfile, threading

BUILD = os.environ.get("BESTER_BUILD", os.path.abspath("build"))
SEND = BUILD + "/bester-send"
PATIENCE_S = 60
count = 0


def check(good, name, *details):
    global count
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    if not good:
        for detail in details:
            print("\n".join("# " + line for line in str(detail).splitlines()))


class Server:
    """A besterd whose sockets are handed over, so that they can be connected to at once."""

    def __init__(self, folder):
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.plain, self.tls = (s.getsockname()[1] for s in sockets)
        config = {
            "server": {"name": "localhost"},
            "network": {
                "types": ["tcp4", "tls4"],
                "tcp4": {"address": "127.0.0.1", "port": self.plain},
                "tls4": {"address": "127.0.0.1", "port": self.tls},
                "tls": {"certificate": folder + "/c.pem", "key": folder + "/k.pem", "selfSigned": True},
            },
            "handlers": {
                "availableTypes": ["chat"],
                "typeMap": {
                    "chat": {
                        "handlerBinary": BUILD + "/handlers/chat",
                        "unixDomainSocketPath": folder + "/chat.sock",
                        "protocol": "stream",
                        "template": BUILD + "/handlers/chat.json",
                    }
                },
            },
            "database": {"type": "open"},
            "limits": {"loginFrame": 131072},
            "informer": {"address": folder + "/informer"},
        }
        with open(folder + "/besterd.json", "w") as file:
            json.dump(config, file)
        fds = [s.fileno() for s in sockets]

        code = (
            "import os,sys\n"
            "fds=[int(x) for x in sys.argv[1].split(',')]\n"
            "copies=[os.dup(fd) for fd in fds]\n"
            "for i,fd in enumerate(copies): os.dup2(fd,3+i); os.set_inheritable(3+i,True)\n"
            "os.environ.update(LISTEN_PID=str(os.getpid()),LISTEN_FDS=str(len(fds)))\n"
            "os.execv(sys.argv[2],sys.argv[2:])\n"
        )
        self.log = open(folder + "/log", "w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, ",".join(map(str, fds)), BUILD + "/besterd", "-c", folder + "/besterd.json"],
            pass_fds=fds, stdout=self.log, stderr=self.log,
        )
        for s in sockets:
            s.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "killed"


def send(*args, home, stdin=None, **environment):
    env = {"HOME": home, "PATH": os.environ["PATH"], "LOGNAME": "T"}
    for name in "ASAN_OPTIONS", "UBSAN_OPTIONS":
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(environment)
    return subprocess.run([SEND, *args], env=env, input=stdin, stdin=None if stdin else subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=PATIENCE_S, start_new_session=True)


def ends(result, status, said=""):
    return result.returncode == status and re.search(said, result.stderr) is not None


def tls(server, home, folder):
    url = f"besters://T@127.0.0.1:{server.tls}"
    one = ("-t", "chat", "-a", "to=T", "hello", "--password-file", folder + "/password")
    result = send("-S", url, *one, home=home)
    check(ends(result, 11, "not trusted: self-signed certificate; if this is the server you mean, say --pin sha256:"),
          "a certificate that nobody known has signed is not believed, and its pin told", result)
    pin = re.search(r"sha256:[0-9a-f]{64}", result.stderr)[0]
    result = send("-S", url, "--pin", pin, *one, home=home)
    check(ends(result, 0, "^$"), "with that pin it is", result)
    wrong = pin[:-1] + ("0" if pin[-1] != "0" else "1")
    result = send("-S", url, "--pin", wrong, *one, home=home)
    check(ends(result, 11, f"this is not the server you know: its key is {pin}"), "another pin: no", result)
    log = open(folder + "/log").read()
    check(log.count("logged in as T") == 1, "who is not believed gets no password", log)
    result = send("-S", url, "--ca", folder + "/c.pem", *one, home=home)
    check(ends(result, 11, "IP address mismatch"), "--ca, but the certificate is another host's", result)
    result = send("-S", f"besters://T@localhost:{server.tls}", "--ca", folder + "/c.pem", *one, home=home)
    check(ends(result, 0, "^$"), "--ca and the right host", result)
    result = send("-S", f"besters://T@localhost:{server.tls}", "--ca", folder + "/c.pem", "--pin", wrong, *one, home=home)
    check(ends(result, 11, "not the server you know"), "--ca and --pin are both asked", result)
    result = send("-S", url, "--ca", folder + "/password", *one, home=home)
    check(result.returncode == 74, "--ca with a file that holds no certificate", result)
    return url, pin


def raw(port, *parts):
    """What the server answers to these bytes, up to its end of output."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)
        while part := connection.recv(65536):
            answer += part
    return answer


def wrong_port(server, home, folder):
    """TLS where none is spoken, and the other way round: said at once, and why."""
    one = ("-t", "chat", "-d", "1", "--password-file", folder + "/password", "--connect-timeout", f"{2 * PATIENCE_S}s")
    result = send("-S", f"besters://T@127.0.0.1:{server.plain}", *one, home=home)
    check(ends(result, 11, "^bester-send: TLS: the other side speaks none; without TLS it is bester://$"),
          "TLS where none is spoken", result)
    result = send("-S", f"bester://T@127.0.0.1:{server.tls}", *one, home=home)
    check(ends(result, 11, "^bester-send: the server expects TLS there: besters:// instead of bester://$"),
          "none where TLS is spoken", result)
    hello = bytes.fromhex("16030100f5010000f10303")
    answer = raw(server.plain, *(bytes([byte]) for byte in hello))
    check(b'"malformed"' in answer and b"this is TLS" in answer, "TLS byte by byte", answer)
    login = json.dumps({"header": {"authentication": {"username": "T", "password": "p"}}, "payload": {}}).encode()
    bye = json.dumps({"header": {}, "payload": {"type": "builtin", "data": {"command": {"type": "close", "args": None}}}})
    frame = struct.pack("<I", 0x10316) + login.ljust(0x10316)
    check(frame[:4] == hello[:4], "a frame may begin like TLS", frame[:4])
    answer = raw(server.plain, frame[:5], frame[5:], struct.pack("<I", len(bye)), bye.encode())
    check(b'"good"' in answer, "and is a frame", answer)
    check(raw(server.tls, b"GET / HTTP/1.1\r\n\r\n") == bytes.fromhex("1503010002020a"), "HTTP where TLS is spoken")


def dialect():
    """A server with TLS 1.2 at most."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE_S)

    def serve():
        connection, _ = listener.accept()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.wrap_socket(connection, server_side=True)
        except OSError:
            pass
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return listener, thread


def old_tls(home, folder):
    listener, thread = dialect()
    result = send("-S", f"besters://T@127.0.0.1:{listener.getsockname()[1]}", "-t", "x", "-d", "1",
                  "--password-file", folder + "/password", home=home)
    thread.join()
    listener.close()
    check(ends(result, 11, "TLS"), "TLS older than 1.3 is refused", result)


def plain_text(home, folder):
    """A password that others could read on its way is not sent without a word."""
    warning = "warning: the password goes to another machine in plain text; besters:// is TLS"
    closed = socket.socket()  # bound, and nobody listens
    closed.bind(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    one = ("-t", "chat", "-d", "1", "--password-file", folder + "/password")
    for scheme, host, told in ("bester", "0.0.0.0", True), ("besters", "0.0.0.0", False), ("bester", "127.0.0.1", False):
        result = send("-S", f"{scheme}://T@{host}:{port}", *one, home=home)
        check(ends(result, 4) and (f"bester-send: {warning}\n" in result.stderr) == told,
              f"{scheme}://{host}: {'a' if told else 'no'} warning", result)
    result = subprocess.run([BUILD + "/bester-cli", f"T@0.0.0.0:{port}", *one[4:], "-e", "/quit"], text=True,
                            env={"HOME": home, "PATH": os.environ["PATH"]}, capture_output=True, timeout=PATIENCE_S,
                            stdin=subprocess.DEVNULL, start_new_session=True)
    check(result.returncode == 4 and f"bester-cli: {warning}\n" in result.stderr, "bester-cli warns, too", result)
    closed.close()


def profiles(url, pin, home):
    os.makedirs(home + "/.config/bester")
    with open(home + "/.config/bester/config", "w") as file:
        file.write(f"server = {url}\npin = {pin}\npassword_command = echo secret\n[broken]\nserver = unix:/nowhere\n")
    result = send("-t", "chat", "-a", "to=T", "hello", home=home)
    check(ends(result, 0, "^$"), "a profile says it all", result)
    result = send("-t", "chat", "-a", "to=T", "hello", "-P", "broken", home=home)
    check(ends(result, 2, "no password"), "a profile without a password, and no terminal", result)
    result = send("-t", "chat", "-a", "to=T", "hello", "-P", "none", home=home)
    check(ends(result, 2, 'there is no profile "none"'), "a profile that is not there", result)


def memory(server, home, folder):
    """A million lines in less than 16 MiB: 12 of its own, which the kernel enforces, and the libraries."""
    sanitized = "san" in os.path.basename(BUILD)  # a sanitizer needs more than all that
    number = 20000 if sanitized else 1000000
    with open(folder + "/lines", "w") as file:
        for i in range(number):
            file.write("line %d\n" % i)

    def limit():
        if not sanitized:
            resource.setrlimit(resource.RLIMIT_DATA, (12 << 20, 12 << 20))

    with open(folder + "/lines") as file:
        result = subprocess.run([SEND, "-S", f"bester://T@127.0.0.1:{server.plain}", "-t", "chat", "-a", "to=T", "-l",
                                 "--failed", folder + "/failed", "--password-file", folder + "/password"],
                                stdin=file, capture_output=True, text=True, env={"HOME": home}, preexec_fn=limit)
    check(ends(result, 0, "^$") and os.path.getsize(folder + "/failed") == 0,
          f"{number} lines are delivered in bounded memory", result)


def progress(server, home, folder):
    """At a terminal, from the third second on; not a byte of it remains."""
    master, slave = pty.openpty()
    process = subprocess.Popen([SEND, "-S", f"bester://T@127.0.0.1:{server.plain}", "-t", "chat", "-a", "to=T", "-l",
                                "--password-file", folder + "/password"],
                               stdin=subprocess.PIPE, stderr=slave, env={"HOME": home, "PATH": os.environ["PATH"]})
    os.close(slave)
    process.stdin.write(b"one\n")
    process.stdin.flush()
    said = b""
    while b"/s" not in said:
        said += os.read(master, 4096)
    process.stdin.close()
    try:
        while part := os.read(master, 4096):
            said += part
    except OSError:
        pass  # the other side of a pty has gone
    os.close(master)
    process.wait(PATIENCE_S)
    check(re.match(rb"\r\x1b\[K1 sent, 1 good, 0 not, ", said) is not None and said.endswith(b"\r\x1b[K"),
          "progress at a terminal, and the line is taken away again", said)


def main():
    folder = tempfile.mkdtemp(prefix="bester-test-")
    home = folder + "/home"
    os.mkdir(home)
    with open(folder + "/password", "w") as file:
        file.write("secret\n")
    server = Server(folder)
    try:
        url, pin = tls(server, home, folder)
        wrong_port(server, home, folder)
        old_tls(home, folder)
        plain_text(home, folder)
        profiles(url, pin, home)
        memory(server, home, folder)
        progress(server, home, folder)
    finally:
        status = server.stop()
        shutil.rmtree(folder)
    check(status == 0, "the server ends well", status)
    print(f"1..{count}")


main()
