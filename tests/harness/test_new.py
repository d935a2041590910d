#!/usr/bin/env python3
"""harness new: whatever it is asked for, the play passes as it is written, is in the layout of fmt and
gives lint nothing to say. Writes TAP."""
import itertools, json, os, subprocess, sys, tempfile
sys.path.insert(0, "tests/support")
from bester import BUILD, run, same  # noqa: E402

HARNESS = os.path.join(BUILD, "harness")
SEND = "bester-send -u T --password-file ${dir}/T.password -S ${S1} -t greeting -d 1"


def harness(*arguments, **options):
    return subprocess.run([HARNESS, *arguments], capture_output=True, text=True, **options)


def write(folder, *options):
    """A play that was made with these options, as a file."""
    path = f"{folder}/{len(os.listdir(folder)):03}.json"
    done = harness("new", *options, path)
    same((done.returncode, done.stderr), (0, ""), f"new {options}")
    return path


def good(folder):
    for command in ["fmt", "--check"], ["lint", "--rule", "mistake", "--rule", "proves-nothing", "--rule",
                                        "unused-member", "--rule", "unused-capture", "--rule", "never-reached"]:
        done = harness(*command, folder)
        same((done.returncode, done.stdout, done.stderr), (0, "", ""), " ".join(command))
    for name in os.listdir(folder): # two of one name are no wonder here
        same(harness("lint", f"{folder}/{name}").returncode, 0, f"lint of {name}")
    done = harness("run", folder)
    same(done.returncode, 0, f"the run: {done.stdout}{done.stderr}")


def test_played_handlers():
    with tempfile.TemporaryDirectory() as folder:
        for servers, protocol in itertools.product("1239", ["oneshot", "stream"]):
            write(folder, "--servers", servers, "--protocol", protocol)
        write(folder)
        write(folder, "--type", 'a "type", {quoted} <it> ${is}'.replace("<it> ${is}", "\\"))
        good(folder)


def test_a_handler_that_is_a_program():
    with tempfile.TemporaryDirectory() as folder:
        for servers in "12":
            write(folder, "--servers", servers, "--handler", "${handlers}/chat", "--type", "chat", "--protocol", "stream")
        write(folder, "--handler", "docs/examples/shout.py", "--type", "shout")
        good(folder)


def test_a_client_that_is_a_program():
    with tempfile.TemporaryDirectory() as folder:
        write(folder, "--client", SEND)
        write(folder, "--client", SEND, "--protocol", "stream", "--servers", "2")
        good(folder)


def test_its_parts():
    play = json.loads(harness("new", "--servers", "2", "--type", "x", "--protocol", "stream").stdout)
    same([name for name in play["servers"] if name != "note"], ["S1", "S2"], "the servers")
    handler = play["handlers"]["H"]
    same((handler["on"], handler["type"], handler["protocol"]), (["S1", "S2"], "x", "stream"), "the handler")
    same(play["clients"], {"T": "S1", "G": "S2"}, "the clients")
    assert sum("note" in step for step in play["steps"]) >= 4, "it is explained"
    play = json.loads(harness("new", "--client", "a b", "--handler", "'c d' e").stdout)
    same((play["clients"]["T"]["run"], play["handlers"]["H"]["run"]), ("a b", "'c d' e"), "the programs")


def test_nothing_is_overwritten():
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/a.json"
        with open(path, "w") as file:
            file.write("mine")
        done = harness("new", path)
        same((done.returncode, done.stdout, done.stderr),
             (74, "", f"harness new: {path}: File exists; nothing is overwritten\n"), "a file that is there")
        with open(path) as file:
            same(file.read(), "mine", "the file")


def test_the_next_command_is_told_and_works():
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/a play's.json"
        told = harness("new", path).stdout.splitlines()
        same(told[0], f"{path} is written. Next:", "what is told")
        done = subprocess.run(told[1].strip(), shell=True, capture_output=True, text=True)
        same(done.returncode, 0, f"{told[1]}: {done.stdout}{done.stderr}")
        assert "T > S1" in done.stdout, done.stdout


def test_the_manual_page_has_every_command():
    done = harness("--man-page")
    same(done.returncode, 0, "exit status")
    with open("docs/bester-harness.1") as file:
        same(done.stdout, file.read(), "docs/bester-harness.1; make docs writes it")
    commands = [line.split()[0] for line in harness("--help").stdout.splitlines() if line.startswith("  ")]
    assert len(commands) >= 5, commands
    for command in commands:
        assert f"\n.SS harness {command}\n" in done.stdout, f"nothing of {command}"


def test_wrong_usage():
    for options in ["--servers", "0"], ["--servers", "10"], ["--protocol", "none"], ["--type", ""], ["a", "b"]:
        done = harness("new", *options)
        same((done.returncode, done.stdout), (2, ""), f"new {options}")
        assert done.stderr.startswith("harness new: "), done.stderr
    same(harness("new", "/no/such/folder/a.json").returncode, 74, "a folder that is not there")


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
