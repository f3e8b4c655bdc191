"""The settings: from ``sise.toml``, from ``SISE_…`` variables and from ``.env``.

The order, first wins: an option of the command, the environment, ``.env``, ``sise.toml`` (in the
working folder, or where ``SISE_CONFIG`` says), the default. Secrets come from the environment or
``.env`` only: a configuration file is copied, shared and committed. All of them are listed in
``docs/settings.md``; a test fails when one is missing there.

pydantic checks the values; pydantic-settings, which could also find them, would cost every process
0.15 s and 9 MB to save the twenty lines of :func:`_given`.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from sise.model.errors import BadInput
from sise.run.lifetime import WATCH_STDIN
from sise.run.redact import names_a_secret, remember, shown

PREFIX: Final = "SISE_"
CONFIG_VARIABLE: Final = "SISE_CONFIG"
CONFIG_FILE: Final = "sise.toml"
ENV_FILE: Final = ".env"
OTHER_VARIABLES: Final = {
    "SISE_BACKUP_TOKEN": "**Secret** of `sise backup serve` and `pull`: 16 characters or more.",
    CONFIG_VARIABLE: "Where `sise.toml` lies, if not in the working folder.",
    WATCH_STDIN: "`1`: end when standard input is closed. `sise demo` sets it for its children.",
}
"""Variables that are no settings, with what they do."""

BOOK_DEPTHS: Final = (1, 5, 15, 30)
_SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9._-]{1,31}")


class Settings(BaseModel):
    """Every setting of every process of sise. Immutable: a process is configured once."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    data_dir: Path = Field(Path("data"), description="The folder that holds the journal.")
    markets: int = Field(
        41, ge=1, le=500, description="How many markets to record: those with the highest traded value."
    )
    symbols: list[str] = Field(
        [], max_length=500, description="Record these instead of the highest traded ones: `KRW-BTC,KRW-ETH`."
    )
    sample_hz: float = Field(
        2.0, ge=0.1, le=10, description="Samples per second and slot in the scalp track."
    )
    book_depth: int = Field(5, description="Levels of the order book to ask for: 1, 5, 15 or 30.")
    history_candles: int = Field(
        200,
        ge=0,
        le=200,
        description="One-minute candles of the past to ask for per slot at the start; 0: none.",
    )
    swing: bool = Field(
        True, description="Sweep the universe of the day by REST every ten minutes while the market is open."
    )
    calendar: Path | None = Field(
        None,
        description="A TOML file of days that are not as the built-in calendar has them.",
    )
    pins: list[str] = Field(
        [], max_length=500, description="Always have a slot: `005930,000660`. `sise slots pin` does it live."
    )
    excluded: list[str] = Field(
        [], max_length=500, description="Never get a slot: `KRW-XRP`. `sise slots exclude` does it live."
    )
    slot_hold_seconds: float = Field(
        300.0, ge=0, le=86_400, description="A symbol keeps a slot that it was given for so long."
    )
    slot_margin: float = Field(
        0.15, gt=0, le=1, description="By so much a challenger's score must beat that of a slot's holder."
    )
    slot_memory_seconds: float = Field(
        1_800.0,
        ge=0,
        le=86_400,
        description="The half life of what a holder's best score is still worth; 0: nothing is remembered.",
    )
    slot_score_min: float = Field(0.6, ge=0, le=1, description="A slot asks for such a score.")
    rank_seconds: float = Field(
        60.0, ge=0, le=3_600, description="How often the provider's own ranking is asked for; 0: never."
    )
    rank_value_min: float = Field(
        50_000_000.0,
        ge=0,
        description="Value traded between two rankings, in quote currency, below which no surge is seen.",
    )
    upbit_rest_url: str = Field("https://api.upbit.com", description="Upbit's REST server, or a stand-in.")
    upbit_ws_url: str = Field(
        "wss://api.upbit.com/websocket/v1", description="Upbit's WebSocket server, or a stand-in."
    )
    upbit_access_key: SecretStr | None = Field(
        None,
        min_length=8,
        description="Upbit access key. Market data needs none. Secret: environment or `.env` only.",
    )
    upbit_secret_key: SecretStr | None = Field(
        None,
        min_length=8,
        description="Upbit secret key. Market data needs none. Secret: environment or `.env` only.",
    )
    kis_rest_url: str | None = Field(None, description="KIS's REST server, or a stand-in; empty: KIS's own.")
    kis_ws_url: str | None = Field(
        None, description="KIS's WebSocket server, or a stand-in; empty: KIS's own."
    )
    kis_mock: bool = Field(False, description="The mock market of KIS (모의투자), which has keys of its own.")
    kis_venue: Literal["KRX", "NXT", "UN"] = Field(
        "KRX", description="Whose trades of KIS: `KRX`, `NXT`, or both as one feed, `UN`; each its own venue."
    )
    kis_books: bool = Field(
        False, description="Also hear the book of each issue, ten levels; half as many slots."
    )
    kis_states: bool = Field(
        False, description="Also hear halts, interruptions and phases of each issue; half as many slots."
    )
    kis_notices: bool = Field(
        False, description="Also hear that one's own orders met the market (never which); one slot."
    )
    kis_config: Path | None = Field(
        None, description="Read the keys from this `kis_devlp.yaml` instead of the environment."
    )
    kis_tokens_dir: Path = Field(
        Path("~/.local/state/sise"),
        description="Where KIS's tokens are kept, shared by all processes of this user (mode 0600).",
    )
    kis_app_key: SecretStr | None = Field(
        None, min_length=8, description="KIS app key. Secret: environment or `.env` only."
    )
    kis_app_secret: SecretStr | None = Field(
        None, min_length=8, description="KIS app secret. Secret: environment or `.env` only."
    )
    kis_hts_id: SecretStr | None = Field(
        None, min_length=2, description="KIS login name, for notices. Secret: environment or `.env` only."
    )
    database_url: str | None = Field(
        None,
        description="The trading database: `sqlite:///…`, `postgresql://user@host/name` or "
        "`mariadb://user@host/name`; empty: the file `trading.db` in `data_dir`.",
    )
    database_password: SecretStr | None = Field(
        None, description="Password of the trading database. Secret: environment or `.env` only."
    )
    history: str | None = Field(
        None,
        description="The history of bars: a folder or `s3://bucket/folder`; empty: the folder `history` in "
        "`data_dir`.",
    )
    host: str = Field("127.0.0.1", description="The address that API and page listen on.")
    port: int = Field(
        8001, ge=0, le=65535, description="The port that API and page listen on; 0: any free one."
    )
    history_hours: float = Field(
        6.0, ge=0, le=168, description="Hours of the journal that API and page read back when they start."
    )
    demo_control: str | None = Field(
        None,
        description="The simulator's control address, for the page's unplug button. `sise demo` sets it.",
    )
    clock: str | None = Field(
        None,
        description="Live in another time: START@SPEED@WALL, the day's start, how fast, and since which real "
        "moment. For simulated days only.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that is logged."
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="Coloured lines, or a JSON object a line."
    )
    log_dir: Path | None = Field(None, description="Also log into files in this folder.")

    @field_validator("book_depth")
    @classmethod
    def _is_depth(cls, value: int) -> int:
        if value not in BOOK_DEPTHS:
            raise ValueError("it should be 1, 5, 15 or 30")
        return value

    @field_validator("symbols", "pins", "excluded", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value
        )

    @field_validator("symbols", "pins", "excluded")
    @classmethod
    def _are_symbols(cls, value: list[str]) -> list[str]:
        for word in value:
            if not _SYMBOL.fullmatch(word):
                raise ValueError(f"{shown(word)} is no symbol: write KRW-BTC,KRW-ETH or 005930,000660")
        return value

    @field_validator("host")
    @classmethod
    def _is_address(cls, value: str) -> str:
        try:
            return str(ipaddress.ip_address("127.0.0.1" if value == "localhost" else value))
        except ValueError:
            raise ValueError("it should be an IP address, such as 127.0.0.1 or 0.0.0.0") from None

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str | None) -> str | None:
        if value is not None and re.match(r"[^/]*//[^/@]*:[^/]*@", value):
            raise ValueError("write the URL without its password; SISE_DATABASE_PASSWORD holds that")
        if value and not re.match(r"(sqlite|postgres(ql)?|mariadb|mysql)(\+\w+)?://", value):
            raise ValueError("it should begin with sqlite:///, postgresql:// or mariadb://")
        return value

    @field_validator("history")
    @classmethod
    def _is_place(cls, value: str | None) -> str | None:
        if value and "://" in value and not re.fullmatch(r"s3://[^/@:?#]+(/[^@?#]*)?", value):
            raise ValueError(
                "name a folder or s3://bucket/folder; the bucket's keys come from the AWS_… variables"
            )
        return value

    @field_validator("upbit_rest_url", "kis_rest_url", "demo_control")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        return value if value is None else _plain_url(value, ("http", "https"))

    @field_validator("upbit_ws_url", "kis_ws_url")
    @classmethod
    def _is_ws(cls, value: str | None) -> str | None:
        return value if value is None else _plain_url(value, ("ws", "wss"))


def load(**options: object) -> Settings:
    """The settings in force. ``options`` are those of the command line; ``None`` means not given.

    Raises
    ------
    BadInput
        A value cannot be used, a secret stands in ``sise.toml``, or a file cannot be read. No
        secret is repeated, and from here on :mod:`sise.run.redact` knows them all.
    """
    chosen = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings.model_validate(_given() | chosen)
    except ValidationError as error:
        raise _bad_input(error) from None


def unknown_names() -> list[str]:
    """A sentence for each ``SISE_…`` variable and each key of ``sise.toml`` that means nothing."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | set(OTHER_VARIABLES)
    return [
        _unknown(name, "the environment", known) for name in sorted({*_prefixed(_variables())} - known)
    ] + [
        _unknown(name, CONFIG_FILE, Settings.model_fields)
        for name in sorted(set(_read_toml()) - set(Settings.model_fields))
    ]


def _given() -> dict[str, Any]:
    """What file and environment say, by field; an empty variable says nothing."""
    found = {name: value for name, value in _prefixed(_variables()).items() if value}
    remember(value for name, value in found.items() if names_a_secret(name))
    return _read_toml() | {name.removeprefix(PREFIX).lower(): value for name, value in found.items()}


def _variables() -> Mapping[str, str | None]:
    try:
        return dotenv_values(ENV_FILE) | dict(os.environ)
    except (OSError, UnicodeDecodeError):
        raise BadInput(ENV_FILE, "(its contents)", "it should be a readable file of UTF-8 text") from None


def _prefixed(variables: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name.upper(): value for name, value in variables.items() if name.upper().startswith(PREFIX)}


def _unknown(name: str, where: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else "; docs/settings.md lists the known ones"
    return f"unknown setting {name[:60]} in {where} is ignored{hint}"


def _read_toml() -> dict[str, Any]:
    named = os.environ.get(CONFIG_VARIABLE)
    path = Path(named or CONFIG_FILE)
    if not named and not path.exists():
        return {}
    try:
        values = dict(_flat(tomllib.loads(path.read_text(encoding="utf-8"))))
    except OSError as error:
        raise BadInput(CONFIG_VARIABLE, str(path), f"it cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(CONFIG_FILE, str(path), f"it is no valid TOML: {_where(error)}") from None
    for name in filter(names_a_secret, values):
        remedy = (
            f"secrets come from the environment ({PREFIX}{name.upper()}) or {ENV_FILE} only; remove it there"
        )
        raise BadInput(f"{name} in {path.name}", "(hidden)", remedy)
    return values


def _where(error: Exception) -> str:
    """The place of a fault, without the text around it: that may be a secret."""
    place = re.search(r"\(at .*\)$", str(error))
    return place[0].strip("()") if place else "it is not UTF-8 text"


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """``[upbit] rest_url`` is the same as ``upbit_rest_url``."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}_")
        else:
            yield prefix + key, value


def _bad_input(error: ValidationError) -> BadInput:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "settings"
    value = "(hidden)" if names_a_secret(name) else shown(first["input"])
    message = first["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    return BadInput(f"{name} ({PREFIX}{name.upper()})", value, message.partition(", unable")[0])


def _plain_url(value: str, schemes: tuple[str, str]) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in schemes and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable:
        raise ValueError(f"it should be a URL such as {schemes[1]}://host:port")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(
            "write the URL without user, password, query and fragment; keys have settings of their own"
        )
    return value.rstrip("/")
