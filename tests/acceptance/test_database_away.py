"""The database's server really goes away, and comes again: nothing is lost, and collecting does not notice.

The short form stops a server under a follower in this process; the long one (``-m long``) lets a simulated
venue, a collector and ``sise etl --follow`` run as processes, and takes the server away for a minute.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, func, select

from sise.model.errors import Unreachable
from sise.model.time import NS_PER_SECOND
from sise.warehouse.etl.bookkeeping import Patience
from sise.warehouse.etl.run import Etl
from sise.warehouse.etl.verify import verify_day
from sise.warehouse.migrate import upgrade
from sise.warehouse.schema import rejects, scalp_ticks
from tests.acceptance.processes import (
    PATIENCE_SECONDS,
    events,
    finish,
    pointed_at,
    process,
    simulator,
    sise,
    sise_json,
    until,
)
from tests.acceptance.servers import OWN, OwnServer, own_postgresql
from tests.warehouse.databases import opened
from tests.warehouse.etl.journals import (
    DAY,
    empty,
    etl,
    gap,
    hashes,
    sample,
    scalp,
    seconds,
    slots,
    trade,
    write,
)

AWAY_SECONDS = float(os.environ.get("SISE_TEST_AWAY_SECONDS", "60"))
BEFORE_SECONDS = AFTER_SECONDS = 15.0
COLLECT = (
    "collect",
    "--json",
    "--symbols",
    "KRW-BTC,KRW-ETH,KRW-XRP,KRW-SOL,KRW-DOGE,KRW-ADA,KRW-LINK,KRW-TRX",
)
CAUGHT_UP_SECONDS = 120.0
BEHIND_NS = 2 * NS_PER_SECOND
"""A follower that keeps up is hardly ever so far behind."""

log = logging.getLogger(__name__)


def lines_of(minute: int) -> list[bytes]:
    """A minute of a journal."""
    first = minute * 60
    lines = [sample(DAY, first + at, volume=1.0 * first + at) for at in range(60)]
    return [*lines, *(trade(DAY, first + at, first + at) for at in range(0, 60, 7))]


class Keeper:
    """Waits as ``Patience`` does, but starts the server instead of letting time pass."""

    def __init__(self, server: OwnServer) -> None:
        self._server, self.waits = server, list[float]()

    def wait(self, wanted: float) -> None:
        self.waits.append(wanted)
        if len(self.waits) % 2 == 0:
            self._server.start()


def test_a_follower_waits_for_its_server_and_goes_on(tmp_path: Path) -> None:
    write(tmp_path, DAY.events, [slots(DAY, 0, "KRW-BTC"), gap(DAY, 70, 75)])
    with own_postgresql() as server, opened(server.url) as engine:
        upgrade(engine, DAY.start_ns)
        keeper, now = Keeper(server), [seconds(DAY, 0)]
        follower = Etl(engine, tmp_path, lambda: now[0], Patience(60, keeper.wait))
        follower.begin_following()
        for minute in range(6):
            scalp(tmp_path, DAY, lines_of(minute))
            now[0] = seconds(DAY, minute * 60 + 61)
            _take_away(server, engine, minute)
            while follower.follow_once():
                pass
        follower.close()
        assert keeper.waits == [1, 2] * 4
        followed = hashes(engine)
        assert verify_day(engine, tmp_path, DAY).ok
        empty(engine)
        etl(engine, tmp_path).load_day(DAY)
        assert hashes(engine) == followed
        assert followed["scalp_1m_bars"][0] == 6


def _take_away(server: OwnServer, engine: Engine, minute: int) -> None:
    """Stopped or killed while nothing happens, and between a transaction's last statement and its end."""
    match minute:
        case 1 | 2:
            server.end(kill=minute == 2)
        case 3 | 4:

            def before_the_end(connection: Connection) -> None:
                server.end(kill=minute == 4)

            event.listen(engine, "commit", before_the_end, once=True)


@pytest.mark.long
@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
@pytest.mark.parametrize("kind", OWN)
def test_away_for_a_minute_costs_nothing(kind: str, kill: bool, tmp_path: Path) -> None:
    """Figures: ``--log-cli-level=INFO``."""
    with OWN[kind]() as server:
        variables = {"SISE_DATABASE_URL": server.url}
        sise_json(tmp_path, "db", "upgrade", "--json", **variables)
        with (
            simulator(tmp_path / "simulator") as addresses,
            process(tmp_path, *COLLECT, **pointed_at(addresses)) as collector,
            process(tmp_path, "etl", "--follow", "--json", **variables) as follower,
            opened(server.url) as engine,
        ):
            until(lambda: _last_ns(engine))
            time.sleep(BEFORE_SECONDS)
            before_ns = _last_ns(engine)
            server.end(kill=kill)
            time.sleep(AWAY_SECONDS)
            assert (collector.poll(), follower.poll()) == (None, None)
            server.start()
            _catch_up(engine, before_ns, f"{kind}, {'killed' if kill else 'stopped'}")
            time.sleep(AFTER_SECONDS)
            ledger = finish(collector)
            until(lambda: _rows(engine) == _lines(tmp_path))
            follower.send_signal(signal.SIGINT)
            out, err = follower.communicate(timeout=PATIENCE_SECONDS)
            assert follower.returncode == 0, err
        _check(tmp_path, ledger, json.loads(out.splitlines()[-1]), variables)


def _catch_up(engine: Engine, before_ns: int, what: str) -> None:
    """Wait until what was written meanwhile is in the database; how long that took."""
    back, behind = time.monotonic(), (time.time_ns() - before_ns) / NS_PER_SECOND
    until(lambda: time.time_ns() - _last_ns(engine) < BEHIND_NS, seconds=CAUGHT_UP_SECONDS)
    said = "%s: %.0f s behind when the server was back, level %.1f s later (it is tried again every 30 s)"
    log.info(said, what, behind, time.monotonic() - back)


def _check(root: Path, ledger: dict[str, Any], followed: dict[str, Any], variables: dict[str, str]) -> None:
    assert ledger["frames"]["received"] == ledger["frames"]["recorded"] > 0
    assert events(root, "gap_marker") == []
    assert sise_json(root, "journal", "stat", "--json")["balanced"]
    days = sorted(path.name for path in (root / "scalp/upbit/crypto").iterdir())
    assert sum(day["lines_read"] for day in followed["days"]) > 0
    first, last = (f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in (days[0], days[-1]))
    proof = sise(root, "etl", "verify", first, "--to", last, "--json", **variables)
    assert proof.returncode == 0, proof.stdout + proof.stderr


def _last_ns(engine: Engine) -> int:
    """The latest tick; 0 where there is none, or no server."""
    try:
        with engine.connect() as connection:
            return connection.scalar(select(func.max(scalp_ticks.c.event_time))) or 0
    except Unreachable:
        return 0


def _rows(engine: Engine) -> int:
    with engine.connect() as connection:
        counted = select(
            *(select(func.count()).select_from(each).scalar_subquery() for each in (scalp_ticks, rejects))
        )
        return sum(connection.execute(counted).one())


def _lines(root: Path) -> int:
    return sum(
        path.read_bytes().count(b"\n")
        for path in (root / "scalp").rglob("*.jsonl")
        if path.name != "MANIFEST.jsonl"
    )
