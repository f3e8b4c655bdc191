"""A server that lies, a line that breaks: only what is proven is kept, and a pull goes on where it broke."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import msgspec
import pytest
from aiohttp import web

from sise.fleet.held import HeldDay
from sise.fleet.source import Refused
from sise.fleet.verify import verify
from sise.journal.line import close_line
from sise.journal.package import Package, decode_package, encode_package
from sise.journal.receipt import read_receipt
from sise.model.errors import BadInput, Unreachable
from tests.journal.parts import HandClock, files_of

from .backups import backed_up, make_days, pull, running, serving

Handler = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]
DAY = "20261117"


class Liar:
    """Serves a whole backup's day from memory, each answer bent by ``bend``."""

    def __init__(self, day: HeldDay, bend: Handler) -> None:
        self.line = day.manifest_line() or b""
        self._files = files_of(day.data)
        self._bend = bend
        self.receipts: list[object] = []
        self.app = web.Application()
        self.app.router.add_get("/days/{day}", self._manifest)
        self.app.router.add_get("/days/{day}/files/{path:.+}", self._file)
        self.app.router.add_post("/receipts", self._receipt)

    async def _manifest(self, _: web.Request) -> web.Response:
        return web.Response(body=self.line)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return await self._bend(request, self._files[request.match_info["path"]])

    async def _receipt(self, request: web.Request) -> web.Response:
        self.receipts.append(await request.json())
        return web.json_response({})


@pytest.fixture
async def day(tmp_path: Path) -> HeldDay:
    """A backup's day that is whole, to be served by a liar."""
    make_days(tmp_path / "data", 1)
    await backed_up(tmp_path / "data", tmp_path / "good")
    return HeldDay(tmp_path / "good" / DAY)


def _range(request: web.Request, data: bytes) -> tuple[int, int]:
    begin, _, end = request.headers["Range"].removeprefix("bytes=").partition("-")
    return int(begin), min(int(end) + 1, len(data))


def _answer(request: web.Request, data: bytes) -> web.Response:
    begin, end = _range(request, data)
    stated = f"bytes {begin}-{end - 1}/{len(data)}"
    return web.Response(status=206, body=data[begin:end], headers={"Content-Range": stated})


async def honest(request: web.Request, data: bytes) -> web.StreamResponse:
    return _answer(request, data)


async def whole_file(_: web.Request, data: bytes) -> web.StreamResponse:
    """Knows no ranges."""
    return web.Response(body=data)


async def flipped(request: web.Request, data: bytes) -> web.StreamResponse:
    bent = bytearray(data)
    bent[len(bent) // 3] ^= 1
    return _answer(request, bytes(bent))


async def shorter(request: web.Request, data: bytes) -> web.StreamResponse:
    """States the right length, but its file ends early; from there on it gives nothing."""
    begin, end = _range(request, data)
    end = min(end, len(data) // 2)
    if begin >= end:
        return web.Response(status=416)
    return web.Response(
        status=206, body=data[begin:end], headers={"Content-Range": f"bytes {begin}-{end - 1}/*"}
    )


async def empty(request: web.Request, data: bytes) -> web.StreamResponse:
    begin, end = _range(request, data)
    return web.Response(status=206, body=b"", headers={"Content-Range": f"bytes {begin}-{end - 1}/*"})


async def longer(_: web.Request, data: bytes) -> web.StreamResponse:
    return web.Response(body=data + b"more")


async def elsewhere(request: web.Request, data: bytes) -> web.StreamResponse:
    """Answers from another byte than asked."""
    return web.Response(status=206, body=data[1:], headers={"Content-Range": f"bytes 1-{len(data) - 1}/*"})


async def redirect(request: web.Request, data: bytes) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/steal"})


@pytest.mark.parametrize("bend", [honest, whole_file], ids=lambda bend: bend.__name__)
async def test_an_honest_server_of_another_make(day: HeldDay, tmp_path: Path, bend: Handler) -> None:
    liar = Liar(day, bend)
    async with running(liar.app) as url:
        [pulled] = await pull(url, tmp_path / "to", [DAY])
    assert pulled.ok
    assert files_of(tmp_path / "to" / DAY / "data") == files_of(day.data)
    assert len(liar.receipts) == 1


@pytest.mark.parametrize(
    ("bend", "what"),
    [
        (flipped, "sends other bytes than its list promises"),
        (shorter, "is shorter than its list promises"),
        (longer, "sends more than the"),
        (elsewhere, "asked from byte 0, the server answers 'bytes 1-"),
    ],
    ids=["flipped", "shorter", "longer", "elsewhere"],
)
async def test_wrong_bytes_are_named_and_not_kept(
    day: HeldDay, tmp_path: Path, bend: Handler, what: str
) -> None:
    to, liar = tmp_path / "to", Liar(day, bend)
    async with running(liar.app) as url:
        [pulled] = await pull(url, to, [DAY])
    assert not pulled.ok
    package = decode_package(liar.line)
    assert {finding.file for finding in pulled.findings} == {file.path for file in package.files}
    assert all(what in finding.what for finding in pulled.findings)
    assert not (to / DAY / "SUCCESS.marker").exists()
    assert not [path for path in (to / DAY / "data").rglob("*") if path.is_file()]
    assert liar.receipts == []


async def test_a_server_that_gives_nothing(day: HeldDay, tmp_path: Path) -> None:
    async with running(Liar(day, empty).app) as url:
        with pytest.raises(Unreachable, match="tries brought nothing"):
            await pull(url, tmp_path / "to", [DAY])


async def test_the_token_is_not_sent_where_a_server_points(day: HeldDay, tmp_path: Path) -> None:
    async with running(Liar(day, redirect).app) as url:
        with pytest.raises(Refused, match="HTTP 302"):
            await pull(url, tmp_path / "to", [DAY])


async def test_what_is_whole_survives_a_server_that_is_damaged_now(day: HeldDay, tmp_path: Path) -> None:
    """A newer package whose files arrive wrong does not take the place of the verified one."""
    before = files_of(day.folder)
    liar = Liar(day, flipped)
    package = decode_package(liar.line)
    files = [
        *package.files,
        msgspec.structs.replace(package.files[0], path="system/events/p/20261117_more.jsonl"),
    ]
    files[-1] = msgspec.structs.replace(files[-1], sha256="0" * 64)
    liar.line = encode_package(msgspec.structs.replace(package, files=files))
    liar._files[files[-1].path] = liar._files[files[0].path]
    async with running(liar.app) as url:
        [pulled] = await pull(url, day.folder.parent, [DAY])
    assert not pulled.ok
    assert [finding.file for finding in pulled.findings] == ["system/events/p/20261117_more.jsonl"]
    assert files_of(day.folder) == before


def _older(package: Package) -> Package:
    """The day as it was before its last file."""
    return msgspec.structs.replace(package, files=package.files[:-1])


def _shorter(package: Package) -> Package:
    last = package.files[-1]
    bent = msgspec.structs.replace(last, bytes=1, sha256="1" * 64, raw_sha256="2" * 64)
    return msgspec.structs.replace(package, files=[*package.files[:-1], bent])


@pytest.mark.parametrize("bend", [_older, _shorter])
async def test_an_older_state_is_refused_by_name(
    day: HeldDay, tmp_path: Path, bend: Callable[[Package], Package]
) -> None:
    before = files_of(day.folder.parent)
    liar = Liar(day, honest)
    package = decode_package(liar.line)
    liar.line = encode_package(bend(package))
    async with running(liar.app) as url:
        [pulled] = await pull(url, day.folder.parent, [DAY])
    assert (pulled.ok, pulled.held_before) == (False, True)
    assert [(f.file, f.kind) for f in pulled.findings] == [(package.files[-1].path, "older")]
    assert files_of(day.folder.parent) == before
    assert liar.receipts == []


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "wire/../../x",
        "wire//x",
        "wire/./x",
        "wire\\..\\x",
        "C:/x",
        "wire/p/con",
        "wire/p/NUL.jsonl",
        "wire/p/x.",
        "wire/p/x:y",
        "wire/p/.hidden",
        "run/collect.lock",
        "wire",
        "wire/" + "x" * 300,
        "WIRE/p/20261117/09.jsonl",
    ],
)
async def test_a_path_that_leads_out_is_refused(day: HeldDay, tmp_path: Path, path: str) -> None:
    liar, to = Liar(day, honest), tmp_path / "to"
    package = decode_package(liar.line)
    files = [*package.files, msgspec.structs.replace(package.files[0], path=path)]
    liar.line = encode_package(msgspec.structs.replace(package, files=files))
    async with running(liar.app) as url:
        [pulled] = await pull(url, to, [DAY])
    assert "a path that no journal has" in pulled.findings[0].what
    assert [path.name for path in to.rglob("*") if path.is_file()] == [".lock"]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"not json\n",
        close_line(b"{}"),
        close_line(b'{"format":1,"day":"20261117"}'),
        b"\xff" * 100,
    ],
)
async def test_a_list_that_is_none(day: HeldDay, tmp_path: Path, line: bytes) -> None:
    liar = Liar(day, honest)
    liar.line = line
    async with running(liar.app) as url:
        [pulled] = await pull(url, tmp_path / "to", [DAY])
    assert not pulled.ok
    assert pulled.findings[0].file == "MANIFEST.json"


async def test_a_list_of_another_day(day: HeldDay, tmp_path: Path) -> None:
    async with running(Liar(day, honest).app) as url:
        [pulled] = await pull(url, tmp_path / "to", ["20261118"])
    assert "the server's list is of 20261117" in pulled.findings[0].what


class Cutter:
    """A line between puller and server that breaks after random numbers of bytes."""

    def __init__(self, port: int, rng: Random, most: int) -> None:
        self._port, self._rng, self._most = port, rng, most
        self.cuts = 0

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        up = asyncio.create_task(self._copy(reader, to_server, 1 << 30))
        down = asyncio.create_task(self._copy(upstream, writer, self._rng.randrange(1, self._most)))
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        for task in (up, down):
            task.cancel()
        for end in (writer, to_server):
            end.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int) -> None:
        with suppress(ConnectionError):
            while left and (data := await reader.read(min(left, 4096))):
                writer.write(data)
                await writer.drain()
                left -= len(data)
            await asyncio.sleep(0)
            self.cuts += not left


@pytest.mark.parametrize("seed", range(3))
async def test_a_line_that_breaks_at_random_bytes(tmp_path: Path, seed: int) -> None:
    root, to = tmp_path / "data", tmp_path / "to"
    make_days(root, 1)
    big = root / f"universe/p/crypto/{DAY}.json"
    big.write_bytes(json.dumps(Random(seed).randbytes(100_000).hex()).encode())
    async with serving(root) as url:
        cutter = Cutter(int(url.rpartition(":")[2]), Random(seed), 20_000)
        server = await asyncio.start_server(cutter.connect, "127.0.0.1", 0)
        async with server:
            address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            pulled = []
            for _ in range(50):
                with suppress(Unreachable):
                    pulled = await pull(address, to, [DAY])
                    break
        assert pulled[0].ok
    assert cutter.cuts > 5
    assert (to / DAY / f"data/universe/p/crypto/{DAY}.json").read_bytes() == big.read_bytes()
    report = verify(to, HandClock())
    assert report.ok, report.findings
    assert read_receipt(root, DAY) is not None


async def test_a_part_is_resumed_and_not_begun_again(day: HeldDay, tmp_path: Path) -> None:
    asked: list[str] = []

    async def note(request: web.Request, data: bytes) -> web.StreamResponse:
        asked.append(request.headers["Range"])
        return _answer(request, data)

    liar, held = Liar(day, note), HeldDay(tmp_path / "to" / DAY)
    file = decode_package(liar.line).files[0]
    part = held.part(file)
    part.parent.mkdir(parents=True)
    part.write_bytes(day.place(file).read_bytes()[:17])
    async with running(liar.app) as url:
        [pulled] = await pull(url, tmp_path / "to", [DAY])
    assert pulled.ok
    assert asked[0] == f"bytes=17-{file.bytes - 1}"
    assert pulled.fetched_bytes == pulled.bytes - 17


@pytest.mark.parametrize("size", [17, 1_000_000])
async def test_a_part_with_wrong_bytes_is_begun_again(day: HeldDay, tmp_path: Path, size: int) -> None:
    liar, held = Liar(day, honest), HeldDay(tmp_path / "to" / DAY)
    file = decode_package(liar.line).files[0]
    held.part(file).parent.mkdir(parents=True)
    held.part(file).write_bytes(b"?" * size)
    async with running(liar.app) as url:
        [pulled] = await pull(url, tmp_path / "to", [DAY])
    assert pulled.ok
    assert verify(tmp_path / "to", HandClock()).ok


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("ftp://host", "write https://host:port"),
        ("https://user:secret@host", "write https://host:port"),
        ("http://192.0.2.1:8010", "http would show the token"),
        ("nonsense", "write https://host:port"),
    ],
)
async def test_a_url_that_cannot_be_used(tmp_path: Path, url: str, remedy: str) -> None:
    with pytest.raises(BadInput, match=remedy) as refused:
        await pull(url, tmp_path / "to")
    assert "secret" not in str(refused.value)


async def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="tried 7 times"):
        await pull("http://127.0.0.1:9", tmp_path / "to")
