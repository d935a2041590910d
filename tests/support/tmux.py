"""tmux: a program in a real terminal, which a test looks at as a person would.

Each Pane is a tmux server of its own with one window, whose socket stands in a directory of its own.
Nothing waits for time: after each piece of output the screen is looked at again; what never comes is
ended by whoever runs the tests."""
import os
import re
import select
import shlex
import shutil
import subprocess
import tempfile
import termios

CONFIG = """
set -s escape-time 0
set -g default-terminal screen
set -g status off
set -g history-limit 50000
set -g remain-on-exit on
"""


class Pane:
    """command: a list of words, run without a shell of the test's choice in between."""

    def __init__(self, command, environment=None, width=80, height=24):
        self.directory = tempfile.mkdtemp(prefix="bester-tmux-")
        self.fifo = os.path.join(self.directory, "output")
        with open(os.path.join(self.directory, "conf"), "w") as file:
            file.write(CONFIG)
        os.mkfifo(self.fifo)
        self.output = os.open(self.fifo, os.O_RDWR)
        self.environment = {"PATH": os.environ["PATH"], "HOME": self.directory, "LC_ALL": "C.UTF-8",
                            "TMUX_TMPDIR": self.directory, "SHELL": "/bin/sh", "INPUTRC": "/dev/null"}
        for name in "ASAN_OPTIONS", "UBSAN_OPTIONS":
            if name in os.environ:
                self.environment[name] = os.environ[name]
        self.environment.update(environment or {})
        self.alive = True
        # It begins to run when its output is being listened to.
        self.tmux("-f", os.path.join(self.directory, "conf"), "new-session", "-d", "-s", "s", "-x", str(width),
                  "-y", str(height), f"tmux wait-for begin; {shlex.join(command)}; echo $? >{self.directory}/status")
        self.tmux("set", "-g", "window-size", "manual")  # before there is a window tmux 3.3 dies of it
        self.tmux("pipe-pane", "-O", "-t", "s", "cat >" + shlex.quote(self.fifo))
        self.leader = int(self.told("#{pane_pid}"))
        self.tmux("wait-for", "-S", "begin")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None and self.alive:
            print("\n".join("# |" + row for row in self.screen()))
        if self.alive:
            self.kill()
        os.close(self.output)
        shutil.rmtree(self.directory, ignore_errors=True)  # who is on the way out may still write there

    def tmux(self, *args):
        result = subprocess.run(["tmux", "-L", "test", *args], env=self.environment, capture_output=True, text=True)
        if result.returncode != 0:
            raise AssertionError(f"tmux {' '.join(args)}: {result.stderr}")
        return result.stdout

    def told(self, what):
        return self.tmux("display-message", "-p", "-t", "s", what).rstrip("\n")

    def kill(self):
        """The terminal is gone, and all that it was."""
        self.alive = False
        self.tmux("kill-server")
        ends(self.leader)

    # ---- the keyboard

    def type(self, text):
        self.tmux("send-keys", "-t", "s", "-l", "--", text)

    def keys(self, *names):
        self.tmux("send-keys", "-t", "s", *names)

    def line(self, text):
        self.type(text)
        self.keys("Enter")

    def paste(self, text):
        self.tmux("set-buffer", "--", text)
        self.tmux("paste-buffer", "-p", "-t", "s")

    def resize(self, width, height=24):
        """The program has its signal when this returns: tmux takes a while to tell the terminal."""
        self.tmux("resize-window", "-t", "s", "-x", str(width), "-y", str(height))
        terminal = os.open(self.told("#{pane_tty}"), os.O_RDWR | os.O_NOCTTY)
        while termios.tcgetwinsize(terminal) != (height, width):
            pass
        os.close(terminal)

    # ---- the screen

    def screen(self, *options):
        """Its rows, without blanks at their ends and without empty rows at the end."""
        rows = [row.rstrip() for row in self.tmux("capture-pane", "-p", "-t", "s", *options).split("\n")]
        while rows and rows[-1] == "":
            rows.pop()
        return rows

    def cursor(self):
        """(column, row)"""
        return tuple(map(int, self.told("#{cursor_x} #{cursor_y}").split()))

    def until(self, look):
        """The first true answer of look(), which is asked again when the program has written something."""
        while not (found := look()):
            os.read(self.output, 65536)
        return found

    def shows(self, *rows, options=()):
        """Waits until the last rows read so: a text, or a pattern for the whole row."""
        def look():
            found = self.screen(*options)[-len(rows):]
            return len(found) == len(rows) and all(
                row.fullmatch(was) if isinstance(row, re.Pattern) else row == was
                for row, was in zip(rows, found))
        return self.until(look)

    def dies(self):
        """Waits for the program's end; its exit status as a shell tells it."""
        ends(self.leader)
        with open(os.path.join(self.directory, "status")) as file:
            return int(file.read())

    def program(self):
        """Its process: the only child of the shell that runs it."""
        with open(f"/proc/{self.leader}/task/{self.leader}/children") as file:
            return int(file.read())

    def signal(self, number):
        os.kill(self.program(), number)


def ends(process):
    """Waits for the end of a process that is no child of ours."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return
    select.select([handle], [], [])
    os.close(handle)
