#!/usr/bin/env python3
"""A handler, protocol "oneshot": {"to": "G", "text": "hello"} reaches G as {"text": "HELLO"}."""
import contextlib, json, os, socket, struct, sys

def answer(data):
    try:
        command = {"type": "sendClients", "data": [data["to"]]}
        return {"header": {"status": "0", "command": command}, "data": {"text": data["text"].upper()}}
    except (AttributeError, KeyError, TypeError):
        return {"header": {"status": "1"}}            # not for us: the sender is told so

with contextlib.suppress(FileNotFoundError):
    os.unlink(sys.argv[1])                            # left over from the last time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])                            # the server says where to listen
listener.listen()
while True:                                           # a connection for each message
    connection, _ = listener.accept()
    with contextlib.suppress(OSError), connection, connection.makefile("rwb") as stream:
        length = stream.read(4)
        if len(length) == 4:
            text = json.dumps(answer(json.loads(stream.read(*struct.unpack("<I", length))))).encode()
            stream.write(struct.pack("<I", len(text)) + text)
