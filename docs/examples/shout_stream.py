#!/usr/bin/env python3
"""The same with the protocol "stream", which also tells who speaks."""
import contextlib, json, os, socket, struct, sys

def answer(header, data):
    exchange = header["exchange"]
    try:
        commands = [{"type": "sendClients", "data": [data["to"]]}]
        return {"header": {"exchange": exchange, "status": "0", "commands": commands},
                "data": {"from": header["origin"]["user"], "text": data["text"].upper()}}
    except (AttributeError, KeyError, TypeError):
        detail = "needs a name in \"to\" and a text in \"text\""
        return {"header": {"exchange": exchange, "status": "1", "detail": detail}}

with contextlib.suppress(FileNotFoundError):
    os.unlink(sys.argv[1])                            # left over from the last time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])                            # the server says where to listen
listener.listen()
while True:
    connection, _ = listener.accept()                 # one that stays
    with contextlib.suppress(OSError), connection, connection.makefile("rwb") as stream:
        while len(length := stream.read(4)) == 4:
            question = json.loads(stream.read(*struct.unpack("<I", length)))
            text = json.dumps(answer(question["header"], question["payload"]["data"])).encode()
            stream.write(struct.pack("<I", len(text)) + text)
            stream.flush()
