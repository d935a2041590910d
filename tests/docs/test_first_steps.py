#!/usr/bin/env python3
"""The first steps of README.md, as they stand there: accounts, a server without a configuration, two
people and a script. In a network of its own, because a server without a configuration has a fixed
port. Writes TAP."""
import ctypes, fcntl, os, re, select, shutil, signal, socket, struct, subprocess, sys, tempfile, time

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
DEADLINE_S = 30

count = 0


def check(good, name, *details):
    global count
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        for detail in details:
            print("\n".join("# " + line for line in str(detail).splitlines()))


def own_network():
    """A network namespace in which only loopback is up; False where the system allows none."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNET | (CLONE_NEWUSER if uid else 0)) != 0:
        return False
    if uid:  # in a user namespace files cannot be made before one is somebody
        for name, text in ("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1"):
            with open("/proc/self/" + name, "w") as file:
                file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    return True


def commands():
    """The commands of the chapter "First steps", without what follows a blank and '#'."""
    readme = open("README.md", encoding="utf-8").read()
    chapter = readme.split("\n## First steps", 1)[1].split("\n## ", 1)[0]
    lines = re.findall(r"^    (build/.*)$", chapter, re.MULTILINE)
    return [re.sub(r"\s+#.*$", "", line) for line in lines]


def wait_for(process, text):
    """Reads a process's output until it holds text. Returns what was read."""
    said, end = b"", time.monotonic() + DEADLINE_S
    while text not in said:
        if not select.select([process.stdout], [], [], max(0, end - time.monotonic()))[0]:
            break
        part = os.read(process.stdout.fileno(), 65536)
        if not part:
            break
        said += part
    return said.decode(errors="replace")


def main():
    if not own_network():
        print("1..1\nok 1 # SKIP no network namespace can be made here")
        return 0
    home = tempfile.mkdtemp(prefix="bester-home-")
    os.environ.update(HOME=home, BESTER_PASSWORD_FILE=home + "/secret")
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        del os.environ[name]
    with open(home + "/secret", "w") as secret:
        secret.write("a password\n")
    build = os.environ["BESTER_BUILD"]
    steps = [c.replace("build/", build + "/", 1) for c in commands()]
    processes = []
    try:
        play(steps, home, processes)
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(home)
    print(f"1..{count}")
    return 0


def play(steps, home, processes):
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(command):
        return subprocess.run(command, shell=True, input=b"a password\n", capture_output=True,
            timeout=DEADLINE_S, cwd=home)

    def start(command):
        processes.append(subprocess.Popen("exec " + command, shell=True, cwd=home, **pipes))
        return processes[-1]

    def step(pattern):
        found = [c for c in steps if re.search(pattern, c)]
        check(len(found) == 1, f"README says how: {pattern}", "\n".join(steps))
        return found[0]

    for user in "TG":
        added = run(step(f"user add {user}$"))
        check(added.returncode == 0, f"{user} gets an account", added.stderr.decode())

    server = start(step(r"/besterd$"))
    check("serves as" in wait_for(server, b"serves as"), "the server starts")

    g = start(step(r"/bester-cli -u G$"))
    t = start(step(r"/bester-cli -u T$"))
    # A client says who it is once it is in; then T can be sure that G is there.
    for client, user in ((g, "G"), (t, "T")):
        client.stdin.write(b"/who\n")
        client.stdin.flush()
        said = wait_for(client, b"you are")
        check(f"you are {user}" in said, f"{user} logs in", said)
    t.stdin.write(b"/to G\ngood morning\n")
    t.stdin.close()
    check(t.wait(DEADLINE_S) == 0, "T's line is reported good", t.stdout.read().decode())
    check("good morning" in wait_for(g, b"good morning"), "G reads it")

    sent = run(step(r"/bester-send "))
    check(sent.returncode == 0, "the script's message is reported good", sent.stderr.decode())
    check("good evening" in wait_for(g, b"good evening"), "G reads that too")

    g.stdin.close()
    check(g.wait(DEADLINE_S) == 0, "G leaves")
    server.send_signal(signal.SIGTERM)
    check(server.wait(DEADLINE_S) == 0, "the server ends with status 0")
    check(os.path.exists(home + "/.local/state/bester/accounts.db"), "the accounts are where README says")


if __name__ == "__main__":
    sys.exit(main())
