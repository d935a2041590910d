"""trial: one conversation with one fault in it, and what became of it."""
import errno
import re
import time

from board import SHORT, Fault
from world import DEADLINE_S, Trouble, within

# What each call may fail with, as its manual page has it.
ERRORS = {
    "memory": ["ENOMEM"],
    "read": ["EINTR", "EAGAIN", "ECONNRESET", "EIO", "SHORT"],
    "recv": ["EINTR", "EAGAIN", "ECONNRESET", "ENOMEM", "SHORT"],
    "recvfrom": ["EINTR", "EAGAIN", "ECONNRESET"],
    "recvmsg": ["EINTR", "EAGAIN", "ECONNRESET"],
    "write": ["EINTR", "EAGAIN", "EPIPE", "EIO", "ENOSPC", "SHORT"],
    "send": ["EINTR", "EAGAIN", "EPIPE", "ECONNRESET", "ENOBUFS", "SHORT"],
    "sendto": ["EINTR", "EAGAIN", "ENOBUFS", "ECONNREFUSED"],
    "sendmsg": ["EINTR", "EAGAIN", "EPIPE", "ECONNRESET", "ENOBUFS", "SHORT"],
    "writev": ["EINTR", "EAGAIN", "EPIPE", "EIO", "SHORT"],
    "pread64": ["EINTR", "EIO", "SHORT"],
    "pwrite64": ["EINTR", "EIO", "ENOSPC", "SHORT"],
    "accept4": ["EINTR", "EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "ECONNABORTED", "EPROTO"],
    "socket": ["EMFILE", "ENFILE", "ENOMEM"],
    "socketpair": ["EMFILE", "ENOMEM"],
    "connect": ["EINTR", "EAGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENOENT"],
    "bind": ["EADDRINUSE", "EACCES", "ENOMEM"],
    "listen": ["EADDRINUSE"],
    "shutdown": ["ENOTCONN"],
    "setsockopt": ["ENOBUFS", "ENOPROTOOPT"],
    "getsockopt": ["ENOBUFS"],
    "getsockname": ["ENOBUFS"],
    "getpeername": ["ENOTCONN", "ENOBUFS"],
    "open": ["EINTR", "EMFILE", "ENFILE", "ENOMEM", "EACCES", "ENOENT", "ENOSPC"],
    "fopen": ["EMFILE", "ENOMEM", "EACCES"],
    "opendir": ["EMFILE", "ENOMEM"],
    "fsync": ["EIO", "ENOSPC"],
    "fdatasync": ["EIO", "ENOSPC"],
    "close": ["EINTR", "EIO"],
    "fclose": ["EIO", "ENOSPC"],
    "fflush": ["EIO", "ENOSPC"],
    "epoll_create1": ["EMFILE", "ENOMEM"],
    "epoll_ctl": ["ENOMEM", "ENOSPC"],
    "epoll_wait": ["EINTR"],
    "poll": ["EINTR", "ENOMEM"],
    "ppoll": ["EINTR", "ENOMEM"],
    "eventfd": ["EMFILE", "ENOMEM"],
    "pipe": ["EMFILE"],
    "pipe2": ["EMFILE"],
    "timerfd_create": ["EMFILE", "ENOMEM"],
    "fork": ["EAGAIN", "ENOMEM"],
    "pthread_create": ["EAGAIN"],
    "getrandom": ["EINTR"],
    "getentropy": ["EIO"],
    "mmap": ["ENOMEM"],
    "fcntl": ["EMFILE", "ENOLCK", "EINTR"],
    "waitpid": ["EINTR"],
    "kill": ["ESRCH"],
    "getaddrinfo": ["EAGAIN", "ENOMEM"],
    "rename": ["EIO", "ENOSPC", "EACCES"],
    "link": ["EIO", "EEXIST", "EACCES"],
    "unlink": ["EIO", "EACCES"],
    "mkdir": ["EACCES", "ENOSPC"],
}
DEFAULT = ["EIO", "ENOMEM"]
# What a library uses in its place takes a descriptor more: a pipe; what SQLite could only open for
# reading it keeps for as long as there is another connection.
SUBSTITUTES = {"eventfd": 1, "open": 1}


def errors_of(kind):
    return [SHORT if name == "SHORT" else getattr(errno, name) for name in ERRORS.get(kind, DEFAULT)]


class Result:
    """fired: the fault came to pass. ended: besterd ended itself, with a sentence. trouble: what it
    may not do, or None. theirs: it would be trouble, but OpenSSL's. where: the way to the call that
    failed, innermost first."""

    def __init__(self, name, fault):
        self.name = name
        self.fault = fault
        self.fired = False
        self.ended = False
        self.theirs = False
        self.trouble = None
        self.where = []
        self.words = ""
        self.seconds = 0.0
        self.descriptors = 0
        self.counts = {}
        self.steps = []


def is_theirs(result):
    """A call within OpenSSL fails, and some words are left over that it allocated itself: none that
    besterd could free. What besterd gets from OpenSSL is larger, the least of it a BIO."""
    if not (result.trouble or "").startswith("leak: ") or "LeakSanitizer" not in result.trouble:
        return False
    ours = [frame for frame in result.where if "shim.c" not in frame]
    direct = [int(size) / int(count) for size, count in re.findall(
        r"Direct leak of (\d+) byte\(s\) in (\d+) object", result.trouble)]
    total = re.search(r"(\d+) byte\(s\) leaked", result.trouble)
    frames = re.findall(r"#[1-9]\d* .* (?:in )?(\S+)", result.trouble)
    return bool(ours and re.match("lib(crypto|ssl)", ours[0]) and total and int(total[1]) <= 2048 and
                all(size <= 96 for size in direct) and "besterd" not in " ".join(frames))


def attempt(conversation, world, result, quiet_descriptors):
    fault = result.fault

    def arm():
        if fault:
            world.board.arm(fault)
        else:
            world.board.trace()
    if conversation.program != "besterd":
        result.ended = conversation.have(world, arm)
        return
    if conversation.from_start:
        arm()
    started = world.start()
    if not conversation.from_start:
        conversation.prepare(world)
        if not world.runs():
            raise Trouble("wrong: it ended before the fault")
        arm()
    if started:
        conversation.talk(world)
        if not conversation.to_end:
            world.board.disarm()
            after(conversation, world, result, quiet_descriptors)
    status = world.stop() if started else world.wait()
    world.check_promises()
    if not world.check_end(status, started and world.serves()):
        result.ended = True


def after(conversation, world, result, quiet_descriptors):
    """With no fault any more."""
    world.check_promises()
    if world.runs():
        conversation.clean(world)
    for line in world.lines:
        line.close()
    if not world.runs():
        return
    if quiet_descriptors:
        quiet_descriptors += SUBSTITUTES.get(result.fault.kind, 0)
        within(DEADLINE_S / 10, lambda: world.descriptors() <= quiet_descriptors or not world.runs(),
               lambda: f"leak: {world.descriptors()} descriptors instead of "
               f"{quiet_descriptors}: {world.show_descriptors()}")
    else:
        result.descriptors = least_descriptors(world)


def least_descriptors(world):
    """How many it needs when nobody is there: they go soon after the last has left."""
    least = world.descriptors()
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        least = min(least, world.descriptors())
        time.sleep(0.005)
    return least


def run(name, conversation, fault, quiet_descriptors=0):
    """fault None: counts the calls there are."""
    result = Result(name, fault)
    began = time.monotonic()
    world = conversation.make()
    try:
        attempt(conversation, world, result, quiet_descriptors)
    except Trouble as trouble:
        result.trouble = str(trouble)
    finally:
        result.fired = world.board.fired()
        result.counts = world.board.counts()
        if not fault:
            result.steps = world.board.steps()
        if result.fired and (result.trouble or result.ended):
            result.where = world.board.where()
        if is_theirs(result):
            result.theirs, result.trouble = True, None
        if world.process:
            result.words = world.words()
        world.remove()
    result.seconds = time.monotonic() - began
    return result


def plan(counted, ways=False):
    """Each call that was counted, with each of its errors. ways: one for each way to a call."""
    faults = []
    seen = set()
    for kind, nth, way in counted.steps:
        if ways and (kind, way) in seen:
            continue
        seen.add((kind, way))
        faults += [Fault(kind, nth, error) for error in errors_of(kind)]
    return faults
