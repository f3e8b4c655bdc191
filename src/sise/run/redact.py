"""Masks secrets in every text that leaves a process: logs, errors, tracebacks, children's last words.

Two nets, because each has holes of its own. *By value*: what the settings hold as a secret is masked
wherever it appears, in each spelling it may take (plain, URL-quoted, base64). *By look*: what stands
behind a name such as ``access_key`` or ``authorization``, a bearer token, a JWT and the user part of
a URL are masked even where nobody told us that they are secret.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, quote_plus, urlsplit

MASK: Final = "***"
SHORTEST_SECRET_CHARACTERS: Final = 4
"""A shorter "secret" would blank half of every line."""
SHOWN_VALUE_CHARACTERS: Final = 16
"""A refused value longer than this is not repeated: it may be a key in the wrong place."""

_NAME: Final = (
    r"(?:access[-_]?key|secret|app[-_]?key|approval[-_]?key|api[-_]?key|private[-_]?key"
    r"|token|authorization|passw(?:or)?d|passphrase|credential)"
)
_SCHEMES: Final = frozenset({"http", "https", "ws", "wss"})
_NAME_RE: Final = re.compile(_NAME, re.IGNORECASE)
_PAIR: Final = re.compile(
    rf"""({_NAME}[\w-]{{0,40}}["']?\s*(?:=>|=|:|%3[dDaA])\s*(?:b(?=["']))?)"""
    r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:(?:bearer|basic|digest)\s+)?[^\s"'&,;<>(){}\[\]]+)""",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_JWT: Final = re.compile(r"\beyJ[\w-]{4,}\.[\w-]+\.?[\w-]*")
_USER: Final = re.compile(r"""\b([a-z][a-z0-9+.-]{0,20}://)[^/\s"'<>]*@""", re.IGNORECASE)


class Redactor:
    """Masks the given secrets, and all that looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {s for secret in secrets for s in _spellings(secret)}
        ordered = sorted(spellings, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """``text`` with every secret replaced by ``***``; doing it twice changes nothing."""
        if self._values is not None:
            text = self._values.sub(MASK, text)
        text = _USER.sub(rf"\1{MASK}@", text)
        text = _PAIR.sub(_mask_pair, text)
        text = _SCHEME.sub(rf"\1 {MASK}", text)
        return _JWT.sub(MASK, text)

    def value(self, value: object, name: str = "") -> object:
        """``value`` masked through and through, for structured logs; ``name`` is its key there."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if _NAME_RE.search(name):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item, str(key)) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(item) for item in value]
        return self.text(repr(value))


def names_a_secret(name: str) -> bool:
    """Whether a field of this name holds a secret (``SISE_KIS_APP_KEY``, ``upbit_secret_key``)."""
    return _NAME_RE.search(name) is not None


def shown(value: object) -> str:
    """A refused value as an error may repeat it: a URL's scheme and host, a short word, or its length."""
    text = str(value)
    if "://" in text:
        return _shown_url(text)
    if len(text) <= SHOWN_VALUE_CHARACTERS:
        return _current.text(text)
    return f"(hidden, {len(text)} characters)"


def remember(secrets: Iterable[str]) -> None:
    """From now on ``mask`` knows these values too; what it knew stays known."""
    global _current
    _known.update(secrets)
    _current = Redactor(_known)


def mask(text: str) -> str:
    """``text`` without the secrets of this process."""
    return _current.text(text)


def mask_value(value: object, name: str = "") -> object:
    """A structured ``value`` without the secrets of this process."""
    return _current.value(value, name)


def _mask_pair(match: re.Match[str]) -> str:
    value = match[2]
    mark = value[0] if value[0] in "\"'" else ""
    return f"{match[1]}{mark}{MASK}{mark}"


def _spellings(secret: str) -> list[str]:
    if len(secret) < SHORTEST_SECRET_CHARACTERS:
        return []
    raw = secret.encode()
    encoded = [base64.b64encode(raw), base64.urlsafe_b64encode(raw)]
    return [
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        repr(secret)[1:-1],
        *(text.decode().rstrip("=") for text in encoded),
    ]


def _shown_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.scheme not in _SCHEMES or not host:
        return f"(a URL of {len(text)} characters)"
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}/…"


_known: set[str] = set()
_current = Redactor()
