"""A process of the same user as the parent, to be attacked: a secret in its memory, sockets that listen.

It answers each line on its standard input with what was done to it since the last.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import sys
from contextlib import suppress

secret, abstract, path = sys.argv[1:]
sentinel = ctypes.create_string_buffer(secret.encode(), 64)
signals = 0


def note(*_):
    global signals
    signals += 1


for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP, signal.SIGIO):
    signal.signal(number, note)
signal.siginterrupt(signal.SIGUSR1, False)
listening = [socket.create_server(("127.0.0.1", 0))]
port = listening[0].getsockname()[1]
for address in (f"\0{abstract}", path):
    listening.append(socket.socket(socket.AF_UNIX))
    listening[-1].bind(address)
    listening[-1].listen()
os.chmod(path, 0o777)  # noqa: PTH101
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("127.0.0.1", port))
for one in (*listening, datagrams):
    one.setblocking(False)


def contacts():
    count = 0
    for server in listening:
        with suppress(BlockingIOError):
            while True:
                server.accept()[0].close()
                count += 1
    with suppress(BlockingIOError):
        while True:
            datagrams.recv(99)
            count += 1
    return count


sys.stdout.write(json.dumps({"port": port, "address": ctypes.addressof(sentinel)}) + "\n")
sys.stdout.flush()
before = (os.getpriority(os.PRIO_PROCESS, 0), resource.getrlimit(resource.RLIMIT_CORE))
for _ in sys.stdin:
    state = {"connect": contacts(), "signal": signals, "memory": sentinel.value != secret.encode()}
    os.write(1, json.dumps(state).encode() + b"\n")
    sentinel.value = secret.encode()
    signals = 0
