"""terminal_reader: runs a program at a terminal of a given size and gives all that it wrote there."""
import fcntl
import os
import pty
import struct
import termios


def size(descriptor, columns, rows=40):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def run(words, environment, columns=80, watch=None):
    """watch(text, descriptor) is called with all there is so far, whenever more has come."""
    child, terminal = pty.fork()
    if child == 0:
        size(1, columns)
        os.execvpe(words[0], words, environment)
    text = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError: # the other side is closed
            break
        if not part:
            break
        text += part
        if watch:
            watch(text.decode(errors="replace"), terminal)
    os.close(terminal)
    os.waitpid(child, 0)
    return text.decode().replace("\r\n", "\n")
