"""A provider's answers as they came, beside the bars that were made of them.

    raw/bars_1m/provider=upbit/market=crypto/<id>.jsonl.zst     a line for each answer, as they came

``zstd -dc FILE | jq -r .body`` shows them. Of the question there is path and query, and no header: so no
key and no token. An answer that holds a secret is never given to whoever keeps answers.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator
from typing import Final, Literal

import msgspec
import zstandard
from msgspec import Struct

from sise.model.time import iso
from sise.warehouse.history_entry import HistoryDamaged, RawFile
from sise.warehouse.history_files import Files

ZSTD_LEVEL: Final = 9


class RawAnswer(Struct, frozen=True):
    """A line of the file: ``body`` gives back the very bytes, whose SHA-256 is ``sha256``."""

    url: str
    status: int
    received_at: str
    sha256: str
    body: str
    form: Literal["text", "base64"] = "text"

    @property
    def content(self) -> bytes:
        """What came, byte for byte."""
        return base64.b64decode(self.body) if self.form == "base64" else self.body.encode()


_lines: Final = msgspec.json.Decoder(RawAnswer)


class Answers:
    """Answers on their way into a file; memory holds them packed."""

    def __init__(self) -> None:
        self._pack = zstandard.ZstdCompressor(ZSTD_LEVEL).compressobj()
        self._parts: list[bytes] = []
        self._count = 0

    def add(self, url: str, status: int, received_at: int, body: bytes) -> None:
        """One answer; ``url`` is path and query, ``received_at`` UTC ns."""
        try:
            text, form = body.decode(), "text"
        except UnicodeDecodeError:
            text, form = base64.b64encode(body).decode(), "base64"
        line = {"url": url, "status": status, "received_at": iso(received_at)}
        line |= {"sha256": hashlib.sha256(body).hexdigest(), "body": text, "form": form}
        self._parts.append(self._pack.compress(msgspec.json.encode(line) + b"\n"))
        self._count += 1

    def keep(self, files: Files, kind: str, provider: str, market: str, identity: str) -> list[RawFile]:
        """Write them for the import of this name; once."""
        if not self._count:
            return []
        name = f"raw/{kind}/provider={provider}/market={market}/{identity}.jsonl.zst"
        content = b"".join(self._parts) + self._pack.flush()
        files.write(name, content)
        return [RawFile(name, self._count, len(content), hashlib.sha256(content).hexdigest())]


def answers_in(files: Files, file: RawFile) -> Iterator[RawAnswer]:
    """The answers in a file, in the order in which they came.

    Raises
    ------
    HistoryDamaged
        It is not what was written.
    """
    content = files.read(file.file)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise HistoryDamaged(f"{file.file}: not what was written")
    for line in io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content))):
        yield _lines.decode(line)
