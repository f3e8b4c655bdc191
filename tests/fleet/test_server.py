"""The server: nothing without the token, nothing outside a day's package, and one small write."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from sise.journal import pack
from sise.journal.package import decode_package, package_hash
from sise.journal.receipt import read_failure, read_receipt
from tests.journal.parts import files_of

from .backups import DAYS, TOKEN, make_days, serving

DAY = DAYS[0]
AUTH = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "identity"}
FILE = f"/days/{DAY}/files/wire/p/{DAY}/09.jsonl.zst"


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    make_days(tmp_path / "data")
    (tmp_path / "data/secret.txt").write_text("the crown jewels")
    (tmp_path / "data/run").mkdir()
    (tmp_path / "data/run/x.json").write_text("the crown jewels")
    async with serving(tmp_path / "data") as url:
        yield url


async def _get(url: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(url, headers=AUTH if headers is None else headers) as answer,
    ):
        return answer.status, await answer.read()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN} {TOKEN}",
        "Bearer \xff\xfe",
    ],
    ids=repr,
)
async def test_without_the_token_all_answers_are_alike(url: str, header: str | None) -> None:
    for path in ("/days", f"/days/{DAY}", FILE, "/nothing", "/receipts", "/"):
        status, body = await _get(url + path, {} if header is None else {"Authorization": header})
        assert (path, status, body) == (path, 401, b'{"error": "a token is needed"}')


async def test_a_day_and_its_list(url: str, tmp_path: Path) -> None:
    status, body = await _get(f"{url}/days")
    assert status == 200
    listed = json.loads(body)["days"]
    assert [each["day"] for each in listed] == list(DAYS)
    status, line = await _get(f"{url}/days/{DAY}")
    assert package_hash(line) == listed[0]["package"]
    package = decode_package(line)
    assert (len(package.files), package.bytes) == (listed[0]["files"], listed[0]["bytes"])
    status, data = await _get(url + FILE)
    assert (status, data) == (200, files_of(tmp_path / "data")[f"wire/p/{DAY}/09.jsonl.zst"])


@pytest.mark.parametrize("asked", [(0, 0), (5, 20), (17, None)])
async def test_a_file_from_any_byte_on(url: str, tmp_path: Path, asked: tuple[int, int | None]) -> None:
    first, last = asked
    headers = {**AUTH, "Range": f"bytes={first}-{'' if last is None else last}"}
    status, data = await _get(url + FILE, headers)
    whole = files_of(tmp_path / "data")[f"wire/p/{DAY}/09.jsonl.zst"]
    assert (status, data) == (206, whole[first : None if last is None else last + 1])
    assert (await _get(url + FILE, {**AUTH, "Range": "bytes=99999999-"}))[0] == 416


OUTSIDE: Final = (
    f"/days/{DAY}/files/../../../secret.txt",
    f"/days/{DAY}/files/%2e%2e/%2e%2e/secret.txt",
    f"/days/{DAY}/files/..%2f..%2fsecret.txt",
    f"/days/{DAY}/files//etc/passwd",
    f"/days/{DAY}/files/%2fetc%2fpasswd",
    f"/days/{DAY}/files/wire/p/{DAY}/../../../secret.txt",
    f"/days/{DAY}/files/secret.txt",
    f"/days/{DAY}/files/run/x.json",
    f"/days/{DAY}/files/wire/p/{DAYS[1]}/09.jsonl.zst",
    f"/days/{DAY}/files/wire/p/{DAY}",
    f"/days/{DAY}/files/wire%00",
    "/days/../secret.txt",
    "/days/..%2frun",
    "/days/2026111",
    "/days/20261399",
    "/days/20200101",
    "/secret.txt",
)


async def test_nothing_outside_the_package(url: str) -> None:
    """Each path is sent as it stands above: no client tidies it up."""
    for path in OUTSIDE:
        status, body = await asyncio.to_thread(_ask_raw, url, path)
        assert (path, status) in ((path, 400), (path, 404))
        assert b"jewels" not in body
        assert b"root:" not in body


def _ask_raw(url: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.putrequest("GET", path, skip_accept_encoding=True)
        connection.putheader("Authorization", AUTH["Authorization"])
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


async def _post(url: str, body: bytes, headers: dict[str, str] = AUTH, to: str = "receipts") -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/{to}", data=body, headers=headers) as answer,
    ):
        return answer.status


async def test_receipts(url: str, tmp_path: Path) -> None:
    root = tmp_path / "data"
    _, line = await _get(f"{url}/days/{DAY}")
    sent = {
        "day": DAY,
        "package": package_hash(line),
        "files": 1,
        "bytes": 1,
        "verified_at": "2026-11-20T12:00:00Z",
    }
    refused: list[tuple[bytes, int]] = [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b"x" * 100_000, 413),
        (json.dumps({**sent, "day": "../../x"}).encode(), 400),
        (json.dumps({**sent, "package": "../x"}).encode(), 400),
        (json.dumps({**sent, "verified_at": "x" * 100}).encode(), 400),
        (json.dumps({**sent, "verified_at": "yesterday"}).encode(), 400),
        (json.dumps({**sent, "package": "0" * 64}).encode(), 409),
        (json.dumps({**sent, "day": DAYS[1]}).encode(), 409),
    ]
    before = files_of(root)
    for body, status in refused:
        assert await _post(url, body) == status
    assert await _post(url, json.dumps(sent).encode(), {}) == 401
    assert files_of(root) == before
    assert await _post(url, json.dumps(sent).encode()) == 201
    receipt = read_receipt(root, DAY)
    assert receipt is not None
    assert receipt.package == sent["package"]
    assert receipt.files == len(decode_package(line).files), "counted here, not believed"
    assert set(files_of(root)) - set(before) == {f"run/backups/{DAY}.receipt.json"}


async def test_failures(url: str, tmp_path: Path) -> None:
    """A puller's word that a day is not safe: a small note, settled by the day's receipt."""
    root = tmp_path / "data"
    sent = {"day": DAY, "findings": 2, "first": "corrupted wire/p/09.jsonl: 시세"}
    refused: list[tuple[bytes, int]] = [
        (b"", 400),
        (b"{}", 400),
        (json.dumps({**sent, "day": "../../x"}).encode(), 400),
        (json.dumps({**sent, "findings": 0}).encode(), 400),
        (json.dumps({**sent, "first": "x" * 501}).encode(), 400),
        (json.dumps({**sent, "first": "a line\nand another"}).encode(), 400),
        (json.dumps({**sent, "day": "20991231"}).encode(), 404),
    ]
    before = files_of(root)
    for body, status in refused:
        assert await _post(url, body, to="failures") == status
    assert await _post(url, json.dumps(sent).encode(), {}, to="failures") == 401
    assert files_of(root) == before
    assert await _post(url, json.dumps(sent).encode(), to="failures") == 201
    assert set(files_of(root)) - set(before) == {f"run/backups/{DAY}.failure.json"}
    failure = read_failure(root, DAY)
    assert failure is not None
    assert (failure.findings, failure.first) == (2, sent["first"])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_there_is_no_other_write(url: str, method: str, tmp_path: Path) -> None:
    before = files_of(tmp_path / "data")
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url + FILE, headers=AUTH) as answer,
    ):
        assert answer.status == 405
    assert files_of(tmp_path / "data") == before


async def test_a_journal_that_cannot_be_read(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(pack, "seal_finished", fail)
    status, body = await _get(f"{url}/days")
    assert (status, body) == (503, b'{"error": "the journal cannot be read at the moment"}')
