#!/usr/bin/env python3
"""bester-cli in a real terminal, tmux, with a real besterd: what a person sees of each thing that it
promises. Writes TAP."""
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import BUILD, Server, run, same
from tmux import Pane, ends

HELLO = "logged in at S1 as T; /help lists the commands"
ME = "#1 chat to G>"
WIDE = "日本語" * 15  # 90 columns


def row(text):
    """A row that begins with the time of day."""
    return re.compile(r"\d\d:\d\d " + re.escape(text))


def from_g(text):
    return row("G@S1: " + text)


class World:
    """A server, G's connection to it, and T's bester-cli in a pane."""

    def __init__(self, *args, width=80, environment=None, command=None):
        self.server = Server({"handlers": {"availableTypes": ["chat"], "typeMap": {"chat": {
            "handlerBinary": BUILD + "/handlers/chat", "unixDomainSocketPath": "chat", "protocol": "stream",
            "template": BUILD + "/handlers/chat.json"}}}})
        self.home = tempfile.mkdtemp(prefix="bester-home-")
        with open(self.home + "/password", "w") as file:
            file.write("p\n")
        self.environment = {"HOME": self.home, "XDG_STATE_HOME": self.home + "/state", "XDG_CONFIG_HOME": self.home,
                            "BESTER_SERVER": "unix:" + self.server.socket, "BESTER_USER": "T", "TZ": "UTC",
                            "BESTER_PASSWORD_FILE": self.home + "/password", "CLI": BUILD + "/bester-cli",
                            **(environment or {})}
        self.command = command or [BUILD + "/bester-cli", "--to", "G", *args]
        self.width = width

    def __enter__(self):
        self.server.start()
        self.server.await_line("connected to chat")
        self.g = self.server.client("G")
        self.pane = self.open()
        return self.server, self.g, self.pane

    def open(self):
        return Pane(self.command, self.environment, self.width)

    def __exit__(self, *error):
        self.pane.__exit__(*error)
        self.g.connection.close()
        self.server.__exit__(*error)
        shutil.rmtree(self.home, ignore_errors=True)  # who is on the way out may still write there


def say(g, text, to="T"):
    same(g.send("chat", {"to": to, "text": text})["header"]["status"], "good")


def heard(g):
    """The text of the next message that came to G."""
    while (message := g.hear())["header"]["messageType"] != "receivedMessage":
        pass
    return message["payload"]["data"]["text"]


# ---- 1: messages above the prompt


def test_1_above_a_line_half_typed():
    with World() as (_, g, pane):
        pane.shows(HELLO, ME)
        pane.type("half a line")
        pane.shows(ME + " half a line")
        say(g, "first")
        pane.shows(HELLO, from_g("first"), ME + " half a line")
        pane.keys("C-a")
        say(g, "second")
        pane.shows(from_g("first"), from_g("second"), ME + " half a line")
        pane.type("X")
        pane.shows(from_g("second"), ME + " Xhalf a line")
        pane.until(lambda: pane.cursor() == (len(ME) + 2, 3))
        pane.keys("Enter")
        same(heard(g), "Xhalf a line")
        pane.shows(ME + " Xhalf a line", "#1 delivered", "#2 chat to G>")


def test_1_above_wide_text_in_80_and_40_columns():
    with World() as (_, g, pane):
        pane.shows(HELLO, ME)
        pane.type(WIDE)
        pane.shows(HELLO, ME + " " + WIDE[:33], WIDE[33:])
        say(g, "first")
        pane.shows(HELLO, from_g("first"), ME + " " + WIDE[:33], WIDE[33:])
        pane.resize(40)
        pane.keys("C-a")
        pane.type("X")
        pane.shows(ME + " X" + WIDE[:12], WIDE[12:32], WIDE[32:])
        say(g, "second")
        pane.shows(from_g("second"), ME + " X" + WIDE[:12], WIDE[12:32], WIDE[32:])


def test_1_above_a_search_and_a_completion_list():
    with World() as (_, g, pane):
        pane.shows(HELLO, ME)
        pane.line("a needle")
        same(heard(g), "a needle")
        pane.shows("#1 delivered", "#2 chat to G>")
        pane.keys("C-r")
        pane.type("nee")
        pane.shows("#1 delivered", "(reverse-i-search)`nee': a needle")
        say(g, "meanwhile")
        pane.shows("#1 delivered", from_g("meanwhile"), "(reverse-i-search)`nee': a needle")
        pane.keys("C-e", "C-u")
        pane.type("/to G")
        pane.keys("Tab", "Tab")
        pane.shows("#2 chat to G> /to G", "G     G@S1", "#2 chat to G> /to G")
        say(g, "below the list")
        pane.shows("G     G@S1", from_g("below the list"), "#2 chat to G> /to G")


def test_1_a_burst_of_20000():
    count = 20000
    with World() as (_, g, pane):
        pane.shows(HELLO, ME)
        pane.type("typing")
        pane.shows(ME + " typing")
        for i in range(count):
            g.say({"header": {}, "payload": {"type": "chat", "data": {"to": "T", "text": f"m{i:05}"}, "id": "m"}})
            g.hear()
        pane.shows(from_g("m19999"), ME + " typing")
        rows = [found[1] for found in map(re.compile(r"\d\d:\d\d G@S1: (m\d+)").fullmatch, pane.screen("-S", "-"))
                if found]
        same(rows, [f"m{i:05}" for i in range(count)])


# ---- 2: writing


def test_2_completion_forms_paste_and_mistakes():
    with World() as (_, g, pane):
        pane.shows(HELLO, ME)
        pane.type("/n")
        pane.keys("Tab")
        pane.type("ch")
        pane.keys("Tab")
        pane.type("te")
        pane.keys("Tab")
        pane.type("'two words'")
        pane.shows(ME + " /new chat text='two words'")
        pane.keys("Enter")
        pane.shows(re.compile(r".*; empty: G\):"))
        pane.keys("Enter")
        same(heard(g), "two words")
        pane.shows("#1 delivered", "#2 chat to G>")
        pane.paste("/quit\nis no command\n")
        pane.shows("#2 chat to G> /quit", "is no command")
        pane.keys("Enter")
        same(heard(g), "/quit\nis no command\n")
        pane.shows("#2 delivered", "#3 chat to G>")
        pane.line('/raw {"to": "G", "text": tru}')
        pane.shows("not JSON: line 1, column 21: a value is expected, not 't'", "#3 chat to G>")
        pane.type("/log /etc/passw")
        pane.keys("Tab")
        pane.shows(re.compile(r"#3 chat to G> /log /etc/passwd.*"))


def test_2_edit():
    with World(environment={"VISUAL": "sh -c 'read line; echo \"$line\" >\"$1\"' editor"}) as (_, g, pane):
        pane.shows(HELLO, ME)
        pane.line("/edit")
        pane.shows(ME + " /edit")
        pane.resize(40)
        pane.line("written in the editor")
        same(heard(g), "written in the editor")
        pane.shows("#1 delivered", "#2 chat to G>")
        pane.type(WIDE[:15])
        pane.shows("#1 delivered", "#2 chat to G> " + WIDE[:13], WIDE[13:15])


# ---- 3: fates


def test_3_every_line_has_a_fate():
    with World() as (_, g, pane):
        pane.shows(HELLO, ME)
        pane.line("one")
        same(heard(g), "one")
        pane.shows("#1 delivered", "#2 chat to G>")
        pane.line("/to Nobody")
        pane.line("two")
        pane.shows("#2 failed: offline (Nobody): Nobody: the user is not connected", "#3 chat to Nobody>")
        pane.line("/pending")
        pane.shows("#3 chat to Nobody> /pending", "every line has its fate", "#3 chat to Nobody>")
        pane.line("/status 2")
        pane.shows(re.compile(r"  #2 \d\d:\d\d chat: two \(failed: offline .*"), "d)",
                   re.compile(r"    its id is [0-9a-f]{12}-2"), "#3 chat to Nobody>")
        pane.line("/again 1")
        same(heard(g), "one")
        pane.shows("#3 delivered", "#4 chat to Nobody>")
        with_nobody = pane.screen()
        same(with_nobody[-1], "#4 chat to Nobody>")
        pane.line("/resend 2")
        pane.shows("#2 sent", "#2 failed: offline (Nobody): Nobody: the user is not connected", "#4 chat to Nobody>")
        say(g, "a question")
        pane.shows(from_g("a question"), "#4 chat to Nobody (1 unread)>")
        pane.line("/reply an answer")
        same(heard(g), "an answer")
        pane.shows("#4 delivered", "#5 chat to Nobody (1 unread)>")


# ---- 4: the connection


def test_4_the_server_goes_and_comes_back():
    with World("--reconnect", "1h") as (server, g, pane):
        pane.shows(HELLO, ME)
        pane.type("half")
        same(server.stop(), 0)
        offline = r"\[offline, retry \d\d:\d\d:\d\d\] "
        pane.shows("the connection was lost: the peer closed the connection",
                   "trying to connect again; what you write is kept and sent then",
                   re.compile(offline + "#1 chat to G> half"))
        pane.line(" a line")
        pane.shows("#1 queued", re.compile(offline + r"#2 chat to G \(#1 queued\)>"))
        pane.line("/status 1")
        pane.shows(re.compile(r".*its id is [0-9a-f]{12}-1"), re.compile(offline + r"#2 chat to G \(#1 queued\)>"))
        identity = pane.screen()[-2].split()[-1]
        server.start()
        server.await_line("connected to chat")
        with server.client("G") as again:
            pane.line("/connect")
            message = again.hear()
            same((message["payload"]["data"]["text"], message["header"]["id"]), ("half a line", identity))
            pane.shows("connected again to S1 as T", "#1 sent", "#1 delivered", "#2 chat to G>")


# ---- 5: what is kept


def test_5_history_and_log():
    world = World()
    with world as (_, g, pane):
        pane.shows(HELLO, ME)
        pane.line("/log on")
        pane.shows(re.compile(r"logging to .*/log.ndjson"), ME)
        pane.line("findable")
        same(heard(g), "findable")
        pane.shows("#1 delivered", "#2 chat to G>")
        pane.line("my password is x")
        same(heard(g), "my password is x")
        pane.shows("#2 delivered", "#3 chat to G>")
        path = world.home + "/state/bester/history"
        same(os.stat(path).st_mode & 0o777, 0o600)
        same(open(path).read(), "/log on\nfindable\n")
        pane.signal(signal.SIGKILL)
        pane.dies()
        with world.open() as second:
            second.shows(HELLO, ME)
            second.keys("Up")
            second.shows(ME + " findable")
            second.keys("C-u")
            second.line("/grep FIND")
            second.shows(ME + " /grep FIND", row("#1 chat: findable"), ME)
            second.line("/last 1")
            second.shows(ME + " /last 1", row("#2 chat: my password is x"), ME)


# ---- 6: strangers


def test_6_what_arrives_is_harmless():
    with World() as (_, g, pane):
        pane.shows(HELLO, ME)
        title = pane.told("#{pane_title}")
        say(g, "\x1b]0;owned\x07\x1b[2J\u202egone\r\x9b1A")
        pane.shows(HELLO, from_g(r"\x1b]0;owned\x07\x1b[2J\u{202e}gone\r\u{9b}1A"), ME)
        same(pane.told("#{pane_title}"), title)
        pane.line("/raw")
        shown = pane.until(lambda: (found := "".join(pane.screen())).count(ME) == 2 and found)
        same("\u202e" in shown, False)
        same('"from":"G@S1"' in shown, True)


# ---- 7: signals, and the terminal


def shell(script):
    return ["bash", "--norc", "--noprofile", "-i"] if script is None else ["sh", "-c", script]


def test_7_a_shell_and_its_jobs():
    with World(command=shell(None), environment={"PS1": "shell> ", "HISTFILE": ""}) as (_, g, pane):
        pane.shows("shell>")
        pane.line('before=$(stty -g); "$CLI" --to G; echo ended $?')
        pane.shows(HELLO, ME)
        pane.type("half")
        pane.shows(ME + " half")
        pane.keys("C-z")
        pane.shows(re.compile(r"\[1\]\+  Stopped .*"), "ended 148", "shell>")
        pane.line('[ "$before" = "$(stty -g)" ] && echo sane')
        pane.shows(re.compile("shell> .*sane"), "sane", "shell>")
        say(g, "meanwhile")
        pane.line("fg")
        pane.shows(from_g("meanwhile"), ME + " half")
        pane.keys("C-c")
        pane.shows(ME + " half^C", ME)
        pane.keys("C-d")
        pane.shows("shell>")
        for name, status in ("TERM", 143), ("HUP", 129):
            pane.line('"$CLI" --to G; echo ended $?; [ "$before" = "$(stty -g)" ] && echo sane')
            pane.shows(HELLO, ME)
            pane.type("half")
            pane.shows(ME + " half")
            child = int(pathlib.Path(f"/proc/{pane.program()}/task/{pane.program()}/children").read_text())
            os.kill(child, getattr(signal, "SIG" + name))
            pane.until(lambda: [f"ended {status}", "sane", "shell>"] == pane.screen()[-3:])


def test_7_the_terminal_disappears():
    world = World()
    world.command = shell("trap : HUP; echo $$ >\"$HOME/sh\"; \"$CLI\" --to G; echo $? >\"$HOME/status\"")
    with world as (server, _, pane):
        pane.shows(HELLO, ME)
        pane.type("half")
        pane.shows(ME + " half")
        parent = int(open(world.home + "/sh").read())
        child = int(pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text())
        pane.kill()
        ends(child)
        ends(parent)
        same(open(world.home + "/status").read(), "129\n")
        same(os.path.exists(f"/proc/{child}"), False)


# ---- 8: without colour, without drawing, without a person


def test_8_colour():
    red = "\x1b[31m"
    for args, environment, wanted in (((), {}, True), ((), {"NO_COLOR": "1"}, False),
                                      (("--color", "never"), {}, False),
                                      (("--color", "always"), {"NO_COLOR": "1"}, True)):
        with World(*args, environment=environment) as (_, __, pane):
            pane.shows(HELLO, ME)
            pane.line("/nonsense")
            pane.shows("/nonsense: no such command; /help lists the commands", ME)
            same(red in "".join(pane.screen("-e")), wanted, f"{args} {environment}")


def test_8_plain():
    with World("--plain") as (_, g, pane):
        pane.shows(HELLO, ME)
        pane.type("half")
        pane.shows(ME + " half")
        say(g, "message")
        pane.shows(ME + " half", from_g("message"), ME)
        pane.line(" a line")
        same(heard(g), "half a line")
        pane.shows("#1 delivered", "#2 chat to G>")
        pane.keys("C-d")
        same(pane.dies(), 0)


def test_8_scripts():
    for words, status, said in ((("-e", "hello"), 0, "#1 delivered"),
                                (("-e", "/to Nobody", "-e", "hello"), 6,
                                 "bester-cli: line 2: #1 failed: offline (Nobody): Nobody: the user is not connected"),
                                (("-e", "/nonsense"), 65,
                                 "bester-cli: line 1: /nonsense: no such command; /help lists the commands"),
                                (("-t", "none", "-e", "/raw 1"), 7, "bester-cli: line 1: #1 failed: noHandler: no handler for this type")):
        with World(*words) as (_, __, pane):
            same(pane.dies(), status, str(words))
            rows = pane.screen("-J", "-S", "-")
            same(said in rows, True, str(rows))


# ---- 9: conversations


def test_9_conversations():
    with World() as (server, g, pane), server.client("H") as h:
        pane.shows(HELLO, ME)
        say(g, "from G")
        say(h, "from H")
        pane.shows(from_g("from G"), row("H@S1: from H"), "#1 chat to G (1 unread)>")
        pane.line("/unread")
        pane.shows("#1 chat to H@S1>")
        pane.line("to H")
        same(heard(h), "to H")
        pane.shows("#1 delivered", "#2 chat to H@S1>")
        pane.line("/to G")
        pane.shows("#2 chat to H@S1> /to G", ME.replace("#1", "#2"))
        say(h, "again")
        pane.shows(row("H@S1: again"), "#2 chat to G (1 unread)>")
        pane.line("/to")
        pane.shows("#2 chat to G (1 unread)> /to", "* G as chat", "  H@S1 as chat, 1 unread",
                   "#2 chat to G (1 unread)>")


def on_end(*_):
    """Whoever runs the tests has no patience any more: what the screen shows then is told."""
    raise AssertionError("what was waited for has not come")


signal.signal(signal.SIGTERM, on_end)
run(*(test for name, test in list(globals().items()) if name.startswith("test_")))
