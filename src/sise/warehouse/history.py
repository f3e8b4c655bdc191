"""The history: bars and corporate actions for ever, as Parquet that any tool reads, in a folder or on S3.

    bars_1m/provider=upbit/market=crypto/period=2025-09/<id>.parquet     bars, sorted by symbol and start
    bars_1m/manifest/<id>.json                                           what was imported, and its proof
    actions/provider=yahoo/market=us_stocks/period=all/<id>.parquet      corporate actions, dated
    raw/bars_1m/provider=upbit/market=crypto/<id>.jsonl.zst              a provider's answers, as they came

Ticks lie there too (:mod:`sise.warehouse.history_ticks`).

Bars of several sources lie side by side and are told apart by ``source``; nothing is overwritten. Where a
reader asks for one bar of each moment, the source is chosen in this order: what we heard (``journal``), the
provider's own candles (``provider``), files (``import:…``), coarser bars made of finer ones
(``resample:…``); within one of these the one that was added last. What we heard stands even where it is
unknown: a file never fills a hole.

Of each symbol an answer is of one provider and one venue; where several are held, the choice is asked for.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final

import polars as pl
from msgspec import Struct

from sise.model.time import iso
from sise.warehouse.candles import KEY, SCHEMA, moment_text, seconds_of
from sise.warehouse.candles_actions import ACTIONS
from sise.warehouse.candles_adjust import adjusted as adjusted_bars
from sise.warehouse.history_choice import Asked, choose, refuse_several_venues
from sise.warehouse.history_entry import (
    Entry,
    HistoryDamaged,
    Origin,
    PricesKind,
    RawFile,
    StoredFile,
    decode,
    encode,
    entry_id,
    entry_name,
)
from sise.warehouse.history_files import Files, files_at
from sise.warehouse.history_raw import Answers
from sise.warehouse.history_rows import Span, by_period, of_asked, within

ZSTD_LEVEL: Final = 3
ROW_GROUP_ROWS: Final = 100_000


class Damage(Struct, frozen=True):
    """A file of the manifest that is ``missing`` or ``changed``."""

    file: str
    kind: str


class History:
    """The bars and actions at a place; a reader needs no more than this."""

    def __init__(self, files: Files) -> None:
        self.files = files

    @classmethod
    def at(cls, place: str) -> History:
        """The history in a folder or at ``s3://bucket/folder``; an absent one is empty."""
        return cls(files_at(place))

    def entries(self, kind: str | None = None) -> list[Entry]:
        """The imports of a kind (or all), the last added last."""
        kinds = [kind] if kind else self.kinds()
        names = (name for each in kinds for name in self.files.names(f"{each}/manifest"))
        found = [decode(name, self.files.read(name)) for name in names if name.endswith(".json")]
        return sorted(found, key=lambda entry: (entry.added_at, entry.id))

    def kinds(self) -> list[str]:
        """The kinds that are held, such as ``bars_1m``."""
        return sorted({name.split("/", 1)[0] for name in self.files.names("") if "/manifest/" in name})

    def add(
        self,
        kind: str,
        rows: pl.DataFrame,
        origin: Origin,
        now_ns: int,
        *,
        prices: PricesKind = "raw",
        said: Collection[object] = (),
        answers: Answers | None = None,
    ) -> list[str]:
        """Keep ``rows`` of one source; the files written, none where the same is held already.

        ``kind`` is ``bars_<size>`` (columns of SCHEMA) or ``actions``. ``said`` is how the origin was read:
        the same file read otherwise is another import. ``answers`` are what a provider said for it.
        """
        first = rows.row(0, named=True)
        source, provider, market = (str(first[name]) for name in ("source", "provider", "market"))
        identity = entry_id(origin, kind, provider, market, prices, *said)
        name = entry_name(kind, identity)
        if name in self.files.names(f"{kind}/manifest"):
            return []
        folder = f"{kind}/provider={provider}/market={market}"
        stored = [
            self._store(f"{folder}/period={period}/{identity}.parquet", part)
            for period, part in by_period(kind, rows)
        ]
        raw = answers.keep(self.files, kind, provider, market, identity) if answers else []
        entry = Entry(
            id=identity,
            kind=kind,
            provider=provider,
            market=market,
            source=source,
            prices=prices,
            made_from=origin,
            added_at=iso(now_ns),
            rows=rows.height,
            symbols=rows["symbol"].unique().sort().to_list(),
            files=stored,
            raw=raw,
        )
        self.files.write(name, encode(entry))
        return [file.file for file in stored] + [file.file for file in raw]

    def bars(
        self,
        symbol: str | Collection[str] | None,
        size: str,
        *,
        provider: str | None = None,
        market: str | None = None,
        venue: str | None = None,
        source: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        adjusted: bool = False,
    ) -> pl.DataFrame:
        """Bars that start in ``[start, end)`` (aware), one for each symbol and moment.

        Prices are as traded. ``adjusted``: derived from them and the dated corporate actions. A source whose
        prices were adjusted before it came here is given only where ``source`` names it, as it is.

        Raises
        ------
        BadInput
            Nothing is held, the choice between providers or venues is open, or only adjusted sources hold
            it.
        HistoryDamaged
            A stored file is missing or cannot be read.
        """
        seconds_of(size)
        symbols = [symbol] if isinstance(symbol, str) else symbol
        kind = f"bars_{size}"
        asked = Asked(symbols, provider, market, venue, source)
        chosen = choose(self.entries(kind), kind, asked)
        try:
            held = [(entry, of_asked(self._all(entry), asked)) for entry in chosen]
            refuse_several_venues(pl.concat(rows for _, rows in held), kind, asked)
            parts = [
                self._read(entry, rows, (start, end), adjusted).with_columns(_rank=pl.lit(number))
                for number, (entry, rows) in enumerate(held)
            ]
        except (pl.exceptions.PolarsError, OSError) as error:
            raise HistoryDamaged(str(error).partition("\n")[0][:200]) from error
        one = pl.concat(parts)
        ranked = one.sort(*KEY, "_rank").unique(KEY, keep="first", maintain_order=True)
        return ranked.drop("_rank")

    def actions(
        self, source: str | None = None, *, provider: str | None = None, market: str | None = None
    ) -> pl.DataFrame:
        """Corporate actions with ``version`` (1: the oldest told); without ``source`` the last told of each.

        A fact that a later file tells otherwise is a new version; the old one stays.
        """
        entries = [
            entry
            for entry in self.entries("actions")
            if source in (None, entry.source)
            and provider in (None, entry.provider)
            and market in (None, entry.market)
        ]
        parts = [
            self._frame(file.file).select(*ACTIONS).with_columns(version=pl.lit(number))
            for number, entry in enumerate(entries, 1)
            for file in entry.files
        ]
        if not parts:
            return pl.DataFrame(schema={**ACTIONS, "version": pl.Int32})
        fact = ("provider", "market", "symbol", "ex", "kind")
        told = pl.concat(parts).sort(*fact, "version")
        told = told.with_columns(version=pl.col("version").rank("dense").over(fact).cast(pl.Int32))
        return told if source else told.unique(fact, keep="last", maintain_order=True)

    def bars_of(self, entry: Entry) -> pl.DataFrame:
        """All bars of one import, as they were stored."""
        return self._all(entry).collect().sort(*KEY)

    def scan(self, name: str) -> pl.LazyFrame:
        """The rows of a stored file: of a folder, only what is asked of them is read."""
        path = self.files.local_path(name)
        return pl.scan_parquet(path, hive_partitioning=False) if path else self._frame(name).lazy()

    def verify(self) -> Iterator[Damage]:
        """Read every file of the manifest, and name those that are not what it says."""
        for entry in self.entries():
            proven: list[StoredFile | RawFile] = [*entry.files, *entry.raw]
            for file in proven:
                try:
                    content = self.files.read(file.file)
                except FileNotFoundError:
                    yield Damage(file.file, "missing")
                    continue
                if hashlib.sha256(content).hexdigest() != file.sha256:
                    yield Damage(file.file, "changed")

    def _read(self, entry: Entry, lazy: pl.LazyFrame, span: Span, adjusted: bool) -> pl.DataFrame:
        if not adjusted or entry.prices == "adjusted":
            return within(lazy, span).collect()
        # an action after the span changes it too, and the close before one may lie outside
        own = self.actions(entry.source)
        facts = own if own.height else self.actions(provider=entry.provider, market=entry.market)
        return within(adjusted_bars(lazy.collect(), facts).lazy(), span).collect()

    def _all(self, entry: Entry) -> pl.LazyFrame:
        return pl.concat([self.scan(file.file).select(*SCHEMA) for file in entry.files])

    def _store(self, name: str, rows: pl.DataFrame) -> StoredFile:
        buffer = io.BytesIO()
        rows.write_parquet(
            buffer,
            compression="zstd",
            compression_level=ZSTD_LEVEL,
            row_group_size=ROW_GROUP_ROWS,
            statistics=True,
        )
        content = buffer.getvalue()
        self.files.write(name, content)
        moments = rows["start" if "start" in rows.columns else "ex"]
        first, last = moment_text(moments.min()), moment_text(moments.max())
        sha256 = hashlib.sha256(content).hexdigest()
        return StoredFile(name, rows.height, len(content), sha256, first, last)

    def _frame(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(io.BytesIO(self.files.read(name)), hive_partitioning=False)
