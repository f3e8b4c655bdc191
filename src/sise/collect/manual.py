"""The operator's word: who always has a slot, and who never gets one.

The settings say what stands; what is said to a running collector (``sise slots``) goes before it, symbol by
symbol, and is kept in ``run/slots-<provider>.json`` of the data folder, so that it survives a restart. Each
word is an event ``manual_override`` too: who, when, why.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec
from msgspec import Struct

from sise.model.errors import BadInput, SiseError

Action = Literal["pin", "unpin", "exclude", "allow"]
ACTIONS: Final = get_args(Action)
WORDS_MAX: Final = 500
TEXT_MAX: Final = 200
"""Characters of who and why."""
SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,31}")

_UNDONE: Final[dict[str, Action]] = {"unpin": "pin", "allow": "exclude"}


class ManualFileDamaged(SiseError):
    """The file with the operator's words cannot be read."""


class Word(Struct, frozen=True):
    """What was said of a symbol last; ``unpin`` and ``allow`` take back what the settings say."""

    symbol: str
    action: Action
    at: str
    by: str = ""
    why: str = ""


class Manual:
    """Pins and exclusions in force."""

    def __init__(self, root: Path, provider: str, pins: Sequence[str], excluded: Sequence[str]) -> None:
        """``pins`` and ``excluded`` are those of the settings. Reads nothing yet.

        Raises :class:`~sise.model.errors.BadInput` for a symbol that is both.
        """
        self._path = root / "run" / f"slots-{provider}.json"
        self._settings: dict[str, Action] = dict.fromkeys(pins, "pin")
        for symbol in excluded:
            if symbol in self._settings:
                raise BadInput("excluded (SISE_EXCLUDED)", symbol, "it is in SISE_PINS too: choose one")
            self._settings[symbol] = "exclude"
        self._words: dict[str, Word] = {}

    def read(self) -> None:
        """Take the words of the file. Raises :class:`ManualFileDamaged`; then the settings alone stand."""
        try:
            words = msgspec.json.decode(self._path.read_bytes(), type=list[Word])
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ManualFileDamaged(f"{self._path.name} cannot be read: {error}") from None
        self._words = {word.symbol: word for word in words[:WORDS_MAX]}

    @property
    def pins(self) -> tuple[str, ...]:
        """In the order in which they get a slot: those of the settings, then as they were said."""
        return self._having("pin")

    @property
    def excluded(self) -> tuple[str, ...]:
        return self._having("exclude")

    def _having(self, action: Action) -> tuple[str, ...]:
        said = {symbol: word.action for symbol, word in self._words.items()}
        return tuple(symbol for symbol, last in (self._settings | said).items() if last == action)

    def check(self, word: Word, slots: int) -> None:
        """Raise :class:`~sise.model.errors.BadInput` for a word that cannot be obeyed."""
        if not SYMBOL.fullmatch(word.symbol):
            raise BadInput("symbol", word.symbol[:40], "write it as the provider does: 005930 or KRW-BTC")
        if max(len(word.by), len(word.why)) > TEXT_MAX:
            raise BadInput("why", f"{word.why[:20]}…", f"use at most {TEXT_MAX} characters")
        undone = _UNDONE.get(word.action)
        if undone is not None and word.symbol not in self._having(undone):
            raise BadInput("symbol", word.symbol, f"it has no {undone} to take back")
        if word.action == "pin" and word.symbol not in self.pins and len(self.pins) >= slots:
            raise BadInput("symbol", word.symbol, f"all {slots} slots are pinned: unpin another one first")
        if word.symbol not in self._words and len(self._words) >= WORDS_MAX:
            raise BadInput("symbol", word.symbol, f"{WORDS_MAX} symbols have a word: take some back first")

    def say(self, word: Word) -> None:
        """Let the word stand from now on, and keep it. Raises ``OSError`` where it cannot be kept."""
        words = {symbol: kept for symbol, kept in self._words.items() if symbol != word.symbol}
        if word.action not in _UNDONE or word.symbol in self._settings:
            words[word.symbol] = word
        self._keep(list(words.values()))
        self._words = words

    def _keep(self, words: list[Word]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".tmp")
        with draft.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(words), indent=1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
