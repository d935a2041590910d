"""board: what a test and the shim in besterd tell each other while besterd runs.

The layout is that of struct board in tests/faults/shim.c. A board is a file in the directory given;
both sides map it, so that what is armed here holds for the very next call there.
"""
import ctypes
import errno
import mmap
import os
import subprocess

from bester import BUILD

SHIM = BUILD + "/faults/shim.so"
SHORT = -1
NAME_BYTES, KINDS_MAX, STEPS_MAX, WHERE_BYTES = 24, 96, 1 << 16, 4096


class Count(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * NAME_BYTES), ("count", ctypes.c_uint64)]


class Step(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint32), ("nth", ctypes.c_uint32), ("way", ctypes.c_uint64)]


class Layout(ctypes.Structure):
    _fields_ = [("ready", ctypes.c_uint32), ("counting", ctypes.c_uint32),
                ("tracing", ctypes.c_uint32), ("fired", ctypes.c_uint32),
                ("action", ctypes.c_int32), ("nth", ctypes.c_uint32), ("span", ctypes.c_uint32),
                ("steps", ctypes.c_uint32), ("kind", ctypes.c_char * NAME_BYTES),
                ("where", ctypes.c_char * WHERE_BYTES), ("counts", Count * KINDS_MAX),
                ("step", Step * STEPS_MAX)]


class Fault:
    """The nth call of a kind fails with an errno, or is SHORT; and span - 1 calls after it."""

    def __init__(self, kind, nth, action, span=1):
        self.kind = kind
        self.nth = nth
        self.action = action
        self.span = span

    @classmethod
    def of(cls, text):
        """KIND:NTH:ERRNO[:SPAN]"""
        kind, nth, action, *span = text.split(":")
        return cls(kind, int(nth), SHORT if action == "SHORT" else getattr(errno, action),
                   *map(int, span))

    def __str__(self):
        action = "SHORT" if self.action == SHORT else errno.errorcode[self.action]
        return f"{self.kind}:{self.nth}:{action}" + (f":{self.span}" if self.span > 1 else "")


class Board:
    def __init__(self, directory):
        os.makedirs(directory, exist_ok=True)
        self.path = os.path.join(directory, "board")
        with open(self.path, "wb") as file:
            file.truncate(ctypes.sizeof(Layout))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.at = Layout.from_buffer(self.map)

    def environment(self, program):
        """For the process of that name; others that get it are left alone."""
        options = os.environ.get("ASAN_OPTIONS", "")
        return {"LD_PRELOAD": SHIM, "BESTER_FAULT_BOARD": self.path,
                "BESTER_FAULT_PROGRAM": program,
                "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0:allocator_may_return_null=1"}

    def arm(self, fault):
        """From now on calls are counted, from none."""
        self.disarm()
        for count in self.at.counts:
            count.count = 0
        self.at.fired = self.at.steps = 0
        self.at.where = b""
        self.at.kind = fault.kind.encode() if fault else b""
        self.at.nth = fault.nth if fault else 0
        self.at.span = fault.span if fault else 1
        self.at.action = fault.action if fault else 0
        self.at.counting = 1

    def trace(self):
        """Counts, and notes by which way each call is come to."""
        self.arm(None)
        self.at.tracing = 1

    def disarm(self):
        self.at.counting = self.at.tracing = 0

    def fired(self):
        return self.at.fired > 0

    def counts(self):
        return {row.name.decode(): row.count for row in self.at.counts if row.count > 0}

    def steps(self):
        """(kind, nth, way) of each call, in order."""
        names = [row.name.decode() for row in self.at.counts]
        return [(names[step.kind], step.nth, step.way)
                for step in self.at.step[:min(self.at.steps, STEPS_MAX)]]

    def where(self):
        """The way to the call that failed: functions, innermost first, with file and line."""
        lines = []
        for frame in self.at.where.decode(errors="replace").splitlines():
            module, _, offset = frame.rpartition("+")
            if BUILD not in module and "besterd" not in module:
                lines.append(f"{os.path.basename(module)}+{offset}")
                continue
            found = subprocess.run(["addr2line", "-fse", module, hex(int(offset, 16) - 1)],
                                   capture_output=True, text=True, check=False).stdout.split("\n")
            lines.append(" ".join(found[:2]).strip() or frame)
        return lines
