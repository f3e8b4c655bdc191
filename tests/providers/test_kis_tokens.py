"""One token per app key for all, never two issues in a minute, nothing secret where it could be read."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import stat
import time
from pathlib import Path

import pytest

from sise.model.errors import BadInput, ProviderRefused, Undecodable, Unreachable
from sise.model.time import NS_PER_SECOND, SystemClock
from sise.providers.kis.keys import KisKeys, Secret, checked
from sise.providers.kis.oauth import Issued
from sise.providers.kis.tokens import ISSUE_SECONDS_MIN, RENEW_BEFORE_SECONDS, Tokens
from tests.providers.stand_ins import FastClock

KEYS = KisKeys(app_key=Secret("canary-app-key"), app_secret=Secret("canary-app-secret"))
DAY_NS = 86_400 * NS_PER_SECOND


class Issuer:
    """Counts; each key has its number in its name."""

    def __init__(self, clock: FastClock) -> None:
        self.clock = clock
        self.asked_at: list[int] = []
        self.fails: list[Exception] = []
        self.life_ns = DAY_NS
        self.same = False

    async def token(self) -> Issued:
        self.asked_at.append(self.clock.now_ns())
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails.pop(0)
        name = "token" if self.same else f"token-{len(self.asked_at)}"
        return Issued(Secret(name), self.clock.now_ns() + self.life_ns)

    async def approval(self) -> Issued:
        return Issued(Secret("approval"), (await self.token()).expires_at)


def parts(folder: Path) -> tuple[FastClock, Issuer, Tokens]:
    clock = FastClock()
    issuer = Issuer(clock)
    return clock, issuer, Tokens(folder, KEYS, issuer, clock)


async def test_one_token_for_all_and_across_restarts(tmp_path: Path) -> None:
    clock, issuer, tokens = parts(tmp_path)
    again = Tokens(tmp_path, KEYS, issuer, clock)
    found = await asyncio.gather(*(each.token() for each in (tokens, again) for _ in range(5)))
    assert {token.reveal() for token in found} == {"token-1"}
    assert (await Tokens(tmp_path, KEYS, issuer, clock).token()).reveal() == "token-1"
    assert len(issuer.asked_at) == 1
    assert clock.slept == []


async def test_it_is_renewed_early(tmp_path: Path) -> None:
    clock, issuer, tokens = parts(tmp_path)
    await tokens.token()
    await clock.sleep(86_400 - RENEW_BEFORE_SECONDS - 2)
    assert (await tokens.token()).reveal() == "token-1"
    await clock.sleep(3)
    assert (await tokens.token()).reveal() == "token-2"
    assert len(issuer.asked_at) == 2


async def test_a_refused_token_is_replaced_once_for_all_who_had_it(tmp_path: Path) -> None:
    clock, issuer, tokens = parts(tmp_path)
    old = await tokens.token()
    await clock.sleep(3600)
    found = await asyncio.gather(*(tokens.token(refused=old) for _ in range(5)))
    assert {token.reveal() for token in found} == {"token-2"}
    assert len(issuer.asked_at) == 2


async def test_never_two_issues_in_a_minute(tmp_path: Path) -> None:
    _, issuer, tokens = parts(tmp_path)
    issuer.same = True
    issuer.fails = [Unreachable("line cut")]
    with pytest.raises(Unreachable):
        await tokens.token()
    old = await tokens.token()
    for _ in range(3):
        old = await tokens.token(refused=old)
    between = [b - a for a, b in zip(issuer.asked_at, issuer.asked_at[1:], strict=False)]
    assert len(between) == 4
    assert min(between) >= ISSUE_SECONDS_MIN * NS_PER_SECOND


async def test_another_machine_was_faster(tmp_path: Path) -> None:
    clock, issuer, tokens = parts(tmp_path)
    too_often = ProviderRefused("kis", 403, "EGW00133", "once a minute")
    issuer.fails = [too_often]
    assert (await tokens.token()).reveal() == "token-2"
    assert sum(clock.slept) >= ISSUE_SECONDS_MIN
    issuer.fails = [too_often] * 5
    with pytest.raises(ProviderRefused, match="EGW00133"):
        await tokens.token(refused=Secret("token-2"))


async def test_approval_and_token_do_not_wait_for_each_other(tmp_path: Path) -> None:
    clock, _, tokens = parts(tmp_path)
    await tokens.token()
    assert (await tokens.approval()).reveal() == "approval"
    assert clock.slept == []


async def test_the_real_and_the_mock_key_and_two_users_are_apart(tmp_path: Path) -> None:
    clock, issuer, tokens = parts(tmp_path)
    others = [
        KisKeys(app_key=KEYS.app_key, app_secret=KEYS.app_secret, mock=True),
        KisKeys(app_key=Secret("canary-other-key"), app_secret=KEYS.app_secret),
    ]
    found = [await tokens.token()] + [await Tokens(tmp_path, each, issuer, clock).token() for each in others]
    assert [token.reveal() for token in found] == ["token-1", "token-2", "token-3"]


async def test_a_clock_that_was_set_back_blocks_nobody(tmp_path: Path) -> None:
    clock, issuer, tokens = parts(tmp_path)
    issuer.life_ns = 0
    await tokens.token()
    earlier = FastClock(clock.now_ns() - DAY_NS)
    await Tokens(tmp_path, KEYS, Issuer(earlier), earlier).token()
    assert sum(earlier.slept) <= ISSUE_SECONDS_MIN


async def test_what_lies_on_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    old = os.umask(0)
    try:
        _, _, tokens = parts(folder)
        await tokens.token()
        await tokens.approval()
    finally:
        os.umask(old)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "canary" not in path.name + path.read_text()
    assert "token-1" in next(folder.glob("*.json")).read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"token":{"key":7}}', '{"token":{},"x":1}', "\udcff"])
async def test_a_file_that_cannot_be_read_is_made_anew(tmp_path: Path, text: str) -> None:
    _, issuer, tokens = parts(tmp_path)
    await tokens.token()
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert (await tokens.token()).reveal() == "token-2"
    assert json.loads(path.read_text())["token"]["key"] == "token-2"
    assert len(issuer.asked_at) == 2


async def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    _, _, tokens = parts(tmp_path / "file")
    with pytest.raises(BadInput, match="token folder"):
        await tokens.token()


class SlowIssuer:
    """Of one process: leaves a mark for each time it was asked."""

    def __init__(self, marks: Path) -> None:
        self.marks = marks

    async def token(self) -> Issued:
        mark = self.marks / f"{os.getpid()}-{time.monotonic_ns()}"
        mark.touch()
        await asyncio.sleep(0.3)
        return Issued(Secret(mark.name), time.time_ns() + DAY_NS)

    async def approval(self) -> Issued:
        return await self.token()


def in_a_process(folder: str, marks: str, barrier: object, out: object) -> None:
    async def ask() -> str:
        tokens = Tokens(Path(folder), KEYS, SlowIssuer(Path(marks)), SystemClock())
        barrier.wait()  # type: ignore[attr-defined]
        return (await tokens.token()).reveal()

    out.put(asyncio.run(ask()))  # type: ignore[attr-defined]


def test_processes_that_start_at_once_ask_once(tmp_path: Path) -> None:
    keys, marks = tmp_path / "keys", tmp_path / "marks"
    marks.mkdir()
    context = multiprocessing.get_context("spawn")
    barrier, out = context.Barrier(2), context.Queue()
    running = [context.Process(target=in_a_process, args=(str(keys), str(marks), barrier, out)) for _ in "ab"]
    for each in running:
        each.start()
    found = {out.get(timeout=60) for _ in running}
    for each in running:
        each.join(60)
    assert len(found) == 1
    assert len(list(marks.iterdir())) == 1


def test_nothing_shows_a_key() -> None:
    assert "canary" not in repr(KEYS) + str(KEYS.app_key) + f"{KEYS.app_secret}" + repr([KEYS.app_key])
    with pytest.raises(BadInput) as refused:
        checked("app_key", "canary with blanks")
    assert "canary" not in str(refused.value)
    assert checked("app_key", "P" * 36) == Secret("P" * 36)
    for text in ("", "앱키", "short", "x" * 2000):
        with pytest.raises((BadInput, Undecodable)):
            checked("app_key", text)
