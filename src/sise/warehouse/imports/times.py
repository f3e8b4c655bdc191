"""The written time of a row, as the UTC moment at which its bar begins.

Understood are ISO 8601 with or without offset (blank or ``T`` between, ``-``, ``/`` or ``.`` inside the day),
``YYYYMMDD``, ``YYYYMMDDHHMM(SS)``, and seconds, milliseconds, micro- or nanoseconds since 1970. A time
without offset is refused until its zone is named. A plain date is no moment but a day of the market, and
needs none.
"""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from sise.model.errors import BadInput
from sise.warehouse.candles import UTC_TIME

OFFSET: Final = r"([+-]\d{2}:?\d{2}|[Zz])$"
_DAY: Final = r"^\d{4}-\d{2}-\d{2}$"
_LOCAL: Final = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}(:\d{2}(\.\d+)?)?$"
_EPOCHS: Final = ((10, 1_000_000), (13, 1_000))

UNREADABLE: Final = "unreadable_time"
TWICE: Final = "ambiguous_local_time"
NEVER: Final = "nonexistent_local_time"


def zone_named(name: str | None) -> ZoneInfo | None:
    """The IANA zone of that name.

    Raises
    ------
    BadInput
        There is none.
    """
    try:
        return None if name is None else ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise BadInput("--tz", name, "name an IANA time zone, for example UTC or Asia/Seoul") from None


def with_starts(
    frame: pl.DataFrame, zone: ZoneInfo | None, day_zone: ZoneInfo, *, days: bool | None = None
) -> pl.DataFrame:
    """``frame`` with ``start`` (UTC; null where it cannot be said), ``offset``, ``time_form``, ``time_flaw``.

    Reads the columns ``time`` and, if it is there, ``time_of_day``; text or a date or time of Parquet. The
    latter without zone are ``days`` where all of the file are midnights.

    Raises
    ------
    BadInput
        Some times name no offset, and ``zone`` is None.
    """
    written = frame.with_columns(_text(frame, days=bool(days)).alias("_text"))
    shapes = written.select(
        local=pl.col("_text").str.contains(_LOCAL).any(),
        example=pl.col("_text").filter(pl.col("_text").str.contains(_LOCAL)).first(),
    )
    if zone is None and shapes.item(0, "local"):
        raise BadInput(
            "--tz",
            None,
            f"the times name no offset ({shapes.item(0, 'example')!r}): name their zone, "
            "for example --tz UTC or --tz Asia/Seoul",
        )
    return _resolved(written, zone or day_zone, day_zone).drop("_text", "_early", "_late")


def _resolved(written: pl.DataFrame, zone: ZoneInfo, day_zone: ZoneInfo) -> pl.DataFrame:
    text = pl.col("_text")
    naive = pl.when(text.str.contains(_LOCAL)).then(text).str.to_datetime(strict=False, time_unit="us")
    early, late = (
        naive.dt.replace_time_zone(zone.key, ambiguous=side, non_existent="null").dt.convert_time_zone("UTC")
        for side in ("earliest", "latest")
    )
    day = pl.when(text.str.contains(_DAY)).then(text).str.to_date("%Y-%m-%d", strict=False)
    at_midnight = day.cast(pl.Datetime("us")).dt.replace_time_zone(day_zone.key).dt.convert_time_zone("UTC")
    resolved = written.with_columns(_early=early, _late=late, offset=text.str.extract(OFFSET))
    sure = pl.when(pl.col("_early") == pl.col("_late")).then(pl.col("_early"))
    form = (
        pl.when(text.str.contains(_DAY))
        .then(pl.lit("day"))
        .when(text.str.contains(_LOCAL))
        .then(pl.lit("local"))
        .when(pl.col("offset").is_not_null())
        .then(pl.lit("offset"))
        .otherwise(pl.lit("epoch"))
    )
    return resolved.with_columns(
        time_form=form,
        start=pl.coalesce(sure, at_midnight, _aware(text), *_epochs(text)).cast(UTC_TIME),
        time_flaw=_flaw(text),
    ).with_columns(time_flaw=pl.when(pl.col("start").is_null()).then(pl.col("time_flaw")))


def _flaw(text: pl.Expr) -> pl.Expr:
    local = text.str.contains(_LOCAL)
    return (
        pl.when(local & (pl.col("_early") != pl.col("_late")))
        .then(pl.lit(TWICE))
        .when(local & pl.col("_early").is_null() & text.str.to_datetime(strict=False).is_not_null())
        .then(pl.lit(NEVER))
        .otherwise(pl.lit(UNREADABLE))
    )


def _aware(text: pl.Expr) -> pl.Expr:
    marked = pl.when(text.str.contains(r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}.*" + OFFSET)).then(text)
    plain = marked.str.replace(r"[Zz]$", "+0000").str.replace(r"([+-]\d{2}):(\d{2})$", "${1}${2}")
    return plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", strict=False, time_unit="us")


def _epochs(text: pl.Expr) -> list[pl.Expr]:
    number = text.str.strip_suffix(".0").cast(pl.Int64, strict=False)
    digits = number.abs().cast(pl.String).str.len_chars()
    kinds = [(10, number * 1_000_000), (13, number * 1_000), (16, number), (19, number // 1_000)]
    return [pl.when(digits == count).then(micros).cast(UTC_TIME) for count, micros in kinds]


def _text(frame: pl.DataFrame, *, days: bool) -> pl.Expr:
    """The time as one text: ``YYYY-MM-DD``, ``YYYY-MM-DD HH:MM:SS…`` or as it is written."""
    kind = frame.schema["time"]
    if isinstance(kind, pl.Datetime) and kind.time_zone:
        return pl.col("time").dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%d %H:%M:%S%.6f+0000")
    if isinstance(kind, pl.Datetime):
        return pl.col("time").dt.strftime("%Y-%m-%d" if days else "%Y-%m-%d %H:%M:%S%.6f")
    text = pl.col("time").cast(pl.String).str.strip_chars()
    if "time_of_day" in frame.columns:
        text = text + " " + pl.col("time_of_day").cast(pl.String).str.strip_chars()
        text = text.str.replace(r" (\d{2})(\d{2})(\d{2})?$", " ${1}:${2}:${3}").str.strip_chars_end(":")
    text = text.str.replace(r"^(\d{4})[./](\d{2})[./](\d{2})", "${1}-${2}-${3}")
    text = text.str.replace(r"^(\d{4})(\d{2})(\d{2})(?:\.0)?( |$)", "${1}-${2}-${3}${4}")
    text = text.str.replace(r"^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})$", "${1}-${2}-${3} ${4}:${5}:00")
    text = text.str.replace(
        r"^((?:19|20)\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$", "${1}-${2}-${3} ${4}:${5}:${6}"
    )
    return text.str.replace(r"^(\d{4}-\d{2}-\d{2})[Tt]", "${1} ")
