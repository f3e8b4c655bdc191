"""The sender: a process that accepts one WebSocket client after another and sends the stream.

It speaks just enough: the upgrade, then it waits for the client's first message (a subscription),
then it sends the frames of the mix, at full speed under TCP's back-pressure or at a steady rate,
and waits until the client leaves. Prints its port when it listens.

    python -m benchmarks.record.sender FOLDER CORE [FRAMES_PER_SECOND SECONDS]
"""

from __future__ import annotations

import base64
import hashlib
import socket
import sys
import time
from pathlib import Path
from typing import Final

from benchmarks.record.measure import pin
from benchmarks.record.mix import Stream

STEP_SECONDS: Final = 0.01
SEND_FRAMES: Final = 256
"""So many frames are handed to the socket at once at full speed."""
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE: Final = 0x88


def main() -> None:
    folder, core, *steady = sys.argv[1:]
    pin(int(core))
    stream = Stream(Path(folder))
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            client, _ = server.accept()
            with client:
                try:
                    _serve(client, stream, [float(value) for value in steady])
                except (BrokenPipeError, ConnectionResetError):
                    continue


def _serve(client: socket.socket, stream: Stream, steady: list[float]) -> None:
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    while b"\r\n\r\n" not in request:
        request += client.recv(65536)
    client.sendall(_upgrade(request))
    if not steady:
        stream.stamp(0, stream.frames, time.time_ns() // 1_000_000, 0)
    client.recv(65536)  # the subscription
    if steady:
        _send_steadily(client, stream, *steady)
    else:
        _send_fast(client, stream)
    _wait_until_gone(client)


def _upgrade(request: bytes) -> bytes:
    key = next(
        line.partition(b":")[2].strip()
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key:")
    )
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def _send_fast(client: socket.socket, stream: Stream) -> None:
    view = memoryview(stream.data)
    for first in range(0, stream.frames, SEND_FRAMES):
        last = min(first + SEND_FRAMES, stream.frames)
        client.sendall(view[stream.starts[first] : stream.starts[last]])


def _send_steadily(client: socket.socket, stream: Stream, rate: float, seconds: float) -> None:
    """``rate`` frames a second for ``seconds``, over and over again, with new trade numbers each time."""
    began = time.monotonic()
    sent, total = 0, round(rate * seconds)
    while sent < total:
        time.sleep(STEP_SECONDS)
        due = min(total, round((time.monotonic() - began) * rate))
        while sent < due:
            turn, first = divmod(sent, stream.frames)
            last = min(stream.frames, first + due - sent)
            client.sendall(stream.stamp(first, last, time.time_ns() // 1_000_000, turn))
            sent += last - first


def _wait_until_gone(client: socket.socket) -> None:
    while data := client.recv(65536):
        if data[0] == _CLOSE:
            client.sendall(b"\x88\x00")
            return


if __name__ == "__main__":
    main()
