"""Pulling: whole days arrive byte for byte, marked last, receipted; what goes on is not called finished."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from sise.fleet.held import Busy, HeldDay, alone
from sise.fleet.source import Changed, Refused, Source
from sise.fleet.verify import verify
from sise.journal.keeping import backup_state
from sise.journal.package import decode_package
from sise.journal.partition import JOURNAL_FOLDERS
from sise.journal.receipt import read_failure, read_receipt
from sise.journal.seal import seal_finished
from tests.journal.parts import HandClock, files_of

from .backups import DAYS, EVENING, FIRST_DAY, TOKEN, backed_up, make_days, pull, serving


async def test_days_arrive_byte_for_byte(tmp_path: Path) -> None:
    root, to = tmp_path / "data", tmp_path / "backup"
    make_days(root)
    pulled = await backed_up(root, to)
    assert [each.day for each in pulled] == list(DAYS)
    source = files_of(root)
    for day in DAYS:
        held = files_of(to / day / "data")
        for path, data in held.items():
            if not path.endswith("MANIFEST.jsonl"):
                assert source[path] == data
        package = decode_package((to / day / "MANIFEST.json").read_bytes())
        assert sorted(held) == [file.path for file in package.files]
        assert f"universe/p/crypto/{day}.json" in held
        assert f"quarantine/torn/wire__p__{day}__09.jsonl.1763000000000000000" in held
        receipt = read_receipt(root, day)
        assert receipt is not None
        assert (receipt.package, receipt.by) == (HeldDay(to / day).marker().package, "127.0.0.1")  # type: ignore[union-attr]
    day_files = {p for p in source if any(day in p for day in DAYS) and not p.startswith("run/")}
    got = {path for day in DAYS for path in files_of(to / day / "data")}
    assert day_files <= got
    report = verify(to, HandClock())
    assert report.ok, report.findings


async def test_what_is_held_is_not_fetched_again(tmp_path: Path) -> None:
    root, to = tmp_path / "data", tmp_path / "backup"
    make_days(root)
    first = await backed_up(root, to)
    assert all(each.fetched_bytes >= each.bytes > 0 and not each.held_before for each in first)
    again = await backed_up(root, to)
    assert all(each.held_before and each.fetched_bytes == 0 for each in again)


async def test_a_day_that_goes_on_has_no_marker(tmp_path: Path) -> None:
    """The last day, at noon of that day, with a collector at work."""
    root, to = tmp_path / "data", tmp_path / "backup"
    make_days(root)
    path = root / "wire/p/20261119/11.jsonl"
    noon = EVENING - 33 * 3600 * 10**9
    with path.open("rb") as held:
        fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        async with serving(root, noon) as url:
            [pulled] = await pull(url, to, ["20261119"])
            assert (pulled.ok, pulled.finished) == (False, False)
            assert pulled.open == ["wire/p/20261119/11.jsonl: a collector holds it"]
            assert not (to / "20261119/SUCCESS.marker").exists()
            assert (to / "20261119/data/wire/p/20261119/10.jsonl.zst").exists(), (
                "what is sealed is safe already"
            )
            assert read_receipt(root, "20261119") is None
    [finding] = verify(to, HandClock()).findings
    assert finding.kind == "missing"
    assert "a collector holds it" in finding.what
    async with serving(root, noon) as url:
        [pulled] = await pull(url, to, ["20261119"])
    assert pulled.ok
    assert verify(to, HandClock()).ok


async def test_a_day_that_was_sealed_since_is_pulled_again(tmp_path: Path) -> None:
    """In the evening its last hour is a plain partition; later it is sealed: another package."""
    root, to = tmp_path / "data", tmp_path / "backup"
    make_days(root, seal=False)
    evening = EVENING - 24 * 3600 * 10**9
    async with serving(root, evening) as url:
        [before] = await pull(url, to, ["20261119"])
    assert before.ok
    plain = to / "20261119/data/wire/p/20261119/11.jsonl"
    content = plain.read_bytes()
    newer = root / "wire/p/20261120"
    newer.mkdir()
    (newer / "00.jsonl").write_bytes(content)
    seal_finished(root, list(JOURNAL_FOLDERS), EVENING)
    async with serving(root) as url:
        [after] = await pull(url, to, ["20261119"])
    assert after.ok
    assert after.package != before.package
    assert not plain.exists()
    assert plain.with_name("11.jsonl.zst").exists()
    assert verify(to, HandClock()).ok
    receipt = read_receipt(root, "20261119")
    assert receipt is not None
    assert receipt.package == after.package


async def test_a_whole_day_stays_while_its_day_goes_on(tmp_path: Path) -> None:
    root, to = tmp_path / "data", tmp_path / "backup"
    make_days(root)
    await backed_up(root, to)
    before = files_of(to)
    path = root / "wire/p/20261119/11.jsonl"
    with path.open("ab") as held:
        fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        held.write(b'{"half a li')
        held.flush()
        async with serving(root) as url:
            [pulled] = await pull(url, to, ["20261119"])
    assert not pulled.finished
    assert files_of(to) == before


async def test_a_quiet_partition_is_final_although_a_collector_holds_it(tmp_path: Path) -> None:
    root, to = tmp_path / "data", tmp_path / "backup"
    make_days(root)
    with (root / "wire/p/20261119/11.jsonl").open("rb") as held:
        fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        assert all(each.ok for each in await backed_up(root, to))


async def test_two_pullers(tmp_path: Path) -> None:
    root, to = tmp_path / "data", tmp_path / "backup"
    make_days(root)
    async with serving(root) as url:
        results = await asyncio.gather(*(pull(url, to) for _ in range(4)), return_exceptions=True)
    done = [result for result in results if isinstance(result, list)]
    assert len(done) == 1
    assert all(isinstance(result, Busy) for result in results if result not in done)
    assert verify(to, HandClock()).ok
    with alone(to), pytest.raises(Busy, match="another puller"), alone(to):
        pass


@pytest.mark.parametrize("token", ["another-token-of-the-tests", TOKEN[:-1], TOKEN + "x", TOKEN.upper()])
async def test_the_wrong_token(tmp_path: Path, token: str, caplog: pytest.LogCaptureFixture) -> None:
    root, to = tmp_path / "data", tmp_path / "backup"
    make_days(root, 1)
    async with serving(root) as url:
        with pytest.raises(Refused, match="SISE_BACKUP_TOKEN") as refused:
            await pull(url, to, token=token)
    assert "without the right token" in caplog.text
    for secret in (token, TOKEN):
        assert secret not in caplog.text + str(refused.value)
    assert not list(to.glob("2*"))


async def test_a_day_that_is_not_there(tmp_path: Path) -> None:
    make_days(tmp_path / "data", 1)
    async with serving(tmp_path / "data") as url:
        with pytest.raises(Changed, match="no such day"):
            await pull(url, tmp_path / "backup", ["20250101"])


async def test_damage_at_the_source_is_named(tmp_path: Path) -> None:
    """A bit of a sealed file has changed at the server: its own manifest convicts it."""
    root, to = tmp_path / "data", tmp_path / "backup"
    make_days(root)
    path = root / "wire/p/20261118/10.jsonl.zst"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    (root / "scalp/p/crypto/20261117/09_00_00.jsonl.zst").unlink()
    async with serving(root) as url:
        pulled = await pull(url, to)
    assert [each.ok for each in pulled] == [False, False, True]
    assert [(f.file, f.kind) for each in pulled for f in each.findings] == [
        ("scalp/p/crypto/20261117/09_00_00.jsonl.zst", "missing"),
        ("wire/p/20261118/10.jsonl.zst", "corrupted"),
    ]
    assert read_receipt(root, "20261118") is None
    assert not (to / "20261118/SUCCESS.marker").exists()
    assert (to / "20261118/data/wire/p/20261118/09.jsonl.zst").exists(), "the rest is kept all the same"


class PowerCut(BaseException):
    """The power is cut here."""


@pytest.mark.parametrize("update", [False, True], ids=["first", "update"])
async def test_cut_at_each_durable_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: bool
) -> None:
    """Whatever step is the last: a day with a marker is whole, and the next pull ends whole.

    Of a first pull, and of one that brings a newer package of a day that is held.
    """
    root, held = tmp_path / "data", tmp_path / "held"
    make_days(root, 1, hours=1)
    held.mkdir()
    if update:
        await backed_up(root, held)
        for name in (f"universe/p/crypto/{DAYS[0]}.json", f"universe/p/b/{DAYS[0]}.json"):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text('{"symbols": ["KRW-BTC", "KRW-ETH"]}\n')
    fsync = os.fsync
    async with serving(root) as url:
        for step in range(1, 100):
            to = tmp_path / f"backup-{step}"
            shutil.copytree(held, to)
            calls = 0

            def cut(fd: int, to: Path = to, step: int = step) -> None:
                nonlocal calls
                if str(to) in str(Path(f"/proc/self/fd/{fd}").readlink()):
                    calls += 1
                    if calls == step:
                        raise PowerCut
                fsync(fd)

            with monkeypatch.context() as patch, suppress(PowerCut):
                patch.setattr(os, "fsync", cut)
                await pull(url, to)
                break
            if (to / DAYS[0] / "SUCCESS.marker").exists():
                found = verify(to, HandClock()).findings
                assert [finding for finding in found if not finding.file.endswith(".part")] == []
            [pulled] = await pull(url, to)
            assert pulled.ok
            report = verify(to, HandClock())
            assert report.ok, (step, report.findings)
    assert step > 8


async def test_a_failure_is_told_the_server_until_a_pull_is_whole(tmp_path: Path) -> None:
    """The people of the recording machine must see it: they never look at the other one."""
    root, to = tmp_path / "data", tmp_path / "backup"
    make_days(root, 1)
    path = root / "wire/p/20261117/09.jsonl.zst"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    async with serving(root) as url:
        [pulled] = await pull(url, to)
        assert not pulled.ok
        failure = read_failure(root, FIRST_DAY)
        assert failure is not None
        assert failure.first.startswith("corrupted wire/p/20261117/09.jsonl.zst: ")
        assert backup_state(root, FIRST_DAY, EVENING) == "failed"
        path.write_bytes(whole)
        [pulled] = await pull(url, to)
    assert pulled.ok
    assert read_failure(root, FIRST_DAY) is None
    assert backup_state(root, FIRST_DAY, EVENING) == "verified"


async def test_a_server_that_knows_no_failures_is_pulled_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root, to = tmp_path / "data", tmp_path / "backup"
    make_days(root)
    (root / "wire/p/20261117/09.jsonl.zst").write_bytes(b"no seal")

    async def unknown(*_: object) -> None:
        raise Changed("/failures: not there")

    monkeypatch.setattr(Source, "send_failure", unknown)
    async with serving(root) as url:
        pulled = await pull(url, to)
    assert [each.ok for each in pulled] == [False, True, True]
    assert "the server could not be told of the failure" in caplog.text


async def test_the_marker_says_what_was_verified(tmp_path: Path) -> None:
    root, to = tmp_path / "data", tmp_path / "backup"
    make_days(root, 1)
    [pulled] = await backed_up(root, to)
    marker = json.loads((to / "20261117/SUCCESS.marker").read_bytes())
    assert marker["package"] == pulled.package
    assert (marker["files"], marker["bytes"]) == (pulled.files, pulled.bytes)
    assert marker["verified_at"] == "2026-11-20T12:00:00.000000Z"
