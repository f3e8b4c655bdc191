"""How one kind of message is read: strictly and fast, or, when its form has changed, still read.

A strict decoder knows every field the documents and the wire have shown. Where it refuses, the
loose one, which knows only the fields that our events need, has the last word: what it can read
was understood, and the names of what was new are told beside the event; what it cannot read is
:class:`~sise.model.errors.Undecodable`, with the name of the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import Struct

from sise.model.errors import Undecodable
from sise.providers.upbit.wire import loosened

UNKNOWN_NAMES_MAX: Final = 32
"""How many unknown names one message may report; a hostile frame cannot fill the log."""

_S = TypeVar("_S", bound=Struct)
_PATH: Final = re.compile(r"`\$(?:\[\.\.\.\])?\.([A-Za-z0-9_.\[\]]+)`")


class Form(Generic[_S]):
    """One kind of message in one spelling. ``kind`` is the wire's own name of it."""

    def __init__(self, kind: str, form: type[_S], used: Iterable[str]) -> None:
        self.kind = kind
        self.strict = msgspec.json.Decoder(form).decode
        self.strict_rows = msgspec.json.Decoder(list[form]).decode  # type: ignore[valid-type]
        self._loose = loosened(form, used)
        self._known = _known(form)

    def read_changed(self, message: Mapping[str, Any]) -> tuple[_S, tuple[str, ...]]:
        """The message as far as we use it, and the names of the fields whose form is new to us.

        Raises
        ------
        Undecodable
            A field that we use is missing or has another type.
        """
        try:
            read = msgspec.convert(message, self._loose)
        except msgspec.ValidationError as error:
            raise Undecodable(f"{self.kind}: {error}") from None
        return read, _unknown(message, self._known)

    def changed_field(self, error: Exception) -> tuple[str, ...]:
        """The field that a strict decoder complained about: known by name, new by type."""
        found = _PATH.search(str(error))
        return (found.group(1),) if found else ()


def _known(form: type[Struct]) -> dict[str, dict[str, Any]]:
    """The wire's names of a form; under a list of structs, the names in there."""
    known: dict[str, dict[str, Any]] = {}
    for field in msgspec.structs.fields(form):
        inner = getattr(field.type, "__args__", (None,))[0]
        nested = isinstance(inner, type) and issubclass(inner, Struct)
        known[field.encode_name] = _known(inner) if nested else {}  # type: ignore[arg-type]
    return known


def _unknown(message: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for name, value in message.items():
        if name not in known:
            names[name] = None
        elif known[name] and isinstance(value, list):
            for row in value:
                inner = _unknown(row, known[name]) if isinstance(row, dict) else ()
                names.update(dict.fromkeys(f"{name}.{each}" for each in inner))
    return tuple(names)[:UNKNOWN_NAMES_MAX]
