"""The universe of a day: which symbols are swept, by a rule, from inputs that can be looked up again.

Made once before the open from the previous closes, then fixed: the file of a day is never written twice, a
late start reads it, and a provider that is down leads to the last good one. The same inputs give the same
bytes, in whatever order they came. The file holds its rule, where its inputs stand, why symbols were left
out, and the SHA-256 of all that; a file that was changed by anyone is damaged, and says so.

    universe/<provider>/<market>/<YYYYMMDD>.json
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from sise.journal.disk import make_folder, sync_folder
from sise.model.errors import BadInput, SiseError

UNIVERSE_VERSION: Final = "1.0"
SYMBOLS_MAX: Final = 20_000
"""In one universe: more means that a list was read wrongly."""
FILE_BYTES_MAX: Final = 4 * 1024 * 1024

Measure = Literal["prev_close", "value_24h"]


class Rule(Struct, frozen=True):
    """Taken are symbols of ``kinds`` (empty: of any kind) whose ``measure`` is at least ``minimum``."""

    market: str
    measure: Measure
    minimum: float
    unit: str
    kinds: tuple[str, ...] = ()
    halted: Literal["exclude", "keep"] = "exclude"


RULES: Final = {
    "kr_stocks": Rule("kr_stocks", "prev_close", 4_000.0, "KRW", kinds=("stock",)),
    "crypto": Rule("crypto", "value_24h", 1_000_000_000.0, "KRW"),
    "us_stocks": Rule("us_stocks", "prev_close", 1.0, "USD"),
}


class Listing(Struct, frozen=True):
    """What is known of a symbol before the open. ``None`` is not known."""

    symbol: str
    kind: str = "stock"
    prev_close: float | None = None
    value_24h: float | None = None
    halted: bool = False


class InputRef(Struct, frozen=True):
    """Where an input of a universe stands: what it is, its place in the journal, its hash."""

    what: str
    ref: str
    sha256: str = ""


class Inputs(Struct, frozen=True):
    """Everything a universe is made of. ``prices_of`` is the day whose closes are meant."""

    provider: str
    prices_of: date
    listings: Sequence[Listing]
    refs: Sequence[InputRef]


class Universe(Struct, frozen=True, forbid_unknown_fields=True):
    """The symbols of a day, sorted; ``excluded`` counts the others by reason."""

    version: str
    day: date
    provider: str
    market: str
    rule: Rule
    prices_of: date
    inputs: tuple[InputRef, ...]
    listed: int
    excluded: dict[str, int]
    count: int
    symbols: tuple[str, ...]
    sha256: str = ""
    """Of the file's bytes with this field empty."""


class UniverseDamaged(SiseError):
    """A universe file that is not as it was written."""


def build_universe(day: date, rule: Rule, inputs: Inputs) -> Universe:
    """The universe of ``day``: pure, and blind to the order of its inputs.

    ``listed`` = ``count`` + all of ``excluded``. A symbol that is listed twice with the same facts counts
    once (``repeated``); with different facts it is left out (``ambiguous``), as no one can say which is true.

    Raises
    ------
    BadInput
        Prices that are not of an earlier day (crypto: a later day), no listing at all, or too many.
    """
    _check(day, rule, inputs)
    excluded: Counter[str] = Counter()
    symbols = []
    for symbol, facts in _by_symbol(inputs.listings).items():
        if len(set(facts)) > 1:
            excluded["ambiguous"] += len(facts)
            continue
        excluded["repeated"] += len(facts) - 1
        if reason := _excluded(facts[0], rule):
            excluded[reason] += 1
        else:
            symbols.append(symbol)
    universe = Universe(
        version=UNIVERSE_VERSION,
        day=day,
        provider=inputs.provider,
        market=rule.market,
        rule=rule,
        prices_of=inputs.prices_of,
        inputs=tuple(sorted(inputs.refs, key=lambda ref: (ref.what, ref.ref, ref.sha256))),
        listed=len(inputs.listings),
        excluded={reason: count for reason, count in sorted(excluded.items()) if count},
        count=len(symbols),
        symbols=tuple(sorted(symbols)),
    )
    return msgspec.structs.replace(universe, sha256=_digest(universe))


def _check(day: date, rule: Rule, inputs: Inputs) -> None:
    if inputs.prices_of > day or (rule.measure == "prev_close" and inputs.prices_of == day):
        raise BadInput(
            "prices_of", inputs.prices_of.isoformat(), f"give the closes of a trading day before {day}"
        )
    if not 0 < len(inputs.listings) <= SYMBOLS_MAX:
        raise BadInput("listings", len(inputs.listings), f"give 1 to {SYMBOLS_MAX} listings")


def _by_symbol(listings: Iterable[Listing]) -> dict[str, list[Listing]]:
    found: dict[str, list[Listing]] = {}
    for listing in listings:
        found.setdefault(listing.symbol, []).append(listing)
    return found


def _excluded(listing: Listing, rule: Rule) -> str:
    """Why the rule leaves the symbol out; empty: it does not."""
    if rule.kinds and listing.kind not in rule.kinds:
        return "kind_not_wanted"
    if listing.halted and rule.halted == "exclude":
        return "halted"
    value = listing.prev_close if rule.measure == "prev_close" else listing.value_24h
    if value is None or not isfinite(value):
        return f"no_{rule.measure}"
    return "" if value >= rule.minimum else "below"


def universe_bytes(universe: Universe) -> bytes:
    """The file of a universe: JSON with sorted keys, one symbol a line."""
    return msgspec.json.format(msgspec.json.encode(universe, order="sorted"), indent=1) + b"\n"


def _digest(universe: Universe) -> str:
    return hashlib.sha256(universe_bytes(msgspec.structs.replace(universe, sha256=""))).hexdigest()


def universe_path(root: Path, provider: str, market: str, day: date) -> Path:
    """Where the universe of ``day`` lies in the data folder ``root``."""
    return root / "universe" / provider / market / f"{day:%Y%m%d}.json"


def write_universe(root: Path, universe: Universe) -> Universe:
    """Fix the universe of its day, durably, and give the one that is fixed.

    Where the day has one already, that one holds and is given back, whatever the new one says.
    Raises :class:`UniverseDamaged` where it cannot be trusted, and ``OSError``.
    """
    path = universe_path(root, universe.provider, universe.market, universe.day)
    make_folder(path.parent)
    # The process id: two starts at once must not write into one another's file.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(universe_bytes(universe))
            file.flush()
            os.fsync(file.fileno())
        # A link fails where the name is taken: the first writer wins, and no one ever sees half a file.
        path.hardlink_to(draft)
    except FileExistsError:
        return read_universe(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
    return universe


def read_universe(path: Path) -> Universe:
    """The universe of a file, verified. Raises :class:`UniverseDamaged`, and ``OSError``."""
    with path.open("rb") as file:
        content = file.read(FILE_BYTES_MAX + 1)
    try:
        universe = msgspec.json.decode(content, type=Universe)
    except (msgspec.DecodeError, ValueError) as error:
        raise UniverseDamaged(f"{path.name} is no universe file: {error}") from None
    # Written again it must be the same to the byte: so nothing in the file escapes the hash.
    if universe_bytes(universe) != content or universe.sha256 != _digest(universe):
        raise UniverseDamaged(f"{path.name} was changed after it was written: its SHA-256 does not fit")
    return universe


class LastGood(Struct, frozen=True):
    """The newest universe that can be trusted, and the newer files that could not."""

    universe: Universe
    path: Path
    passed_over: tuple[str, ...]


def last_good(folder: Path, day: date) -> LastGood | None:
    """The newest good universe in ``folder`` (of one provider and market) of ``day`` or before; or None."""
    passed_over: list[str] = []
    for path in sorted(folder.glob("[0-9]*.json"), reverse=True):
        if path.stem > f"{day:%Y%m%d}":
            continue
        try:
            return LastGood(read_universe(path), path, tuple(passed_over))
        except (UniverseDamaged, OSError) as error:
            passed_over.append(str(error))
    return None
