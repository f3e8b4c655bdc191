"""What a user of KIS is known by, wrapped so that no log, error or traceback shows it."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from msgspec import Struct

from sise.model.errors import BadInput

KEY_CHARACTERS_MAX: Final = 1024
_KEY: Final = re.compile(r"[!-~]{8,}")


class Secret:
    """A text that shows itself only to who asks by :meth:`reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: for a request's header or body, and for nothing else."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class KisKeys(Struct, frozen=True, kw_only=True):
    """One app key, of the real market or of the mock one: they are different keys on different hosts."""

    app_key: Secret
    app_secret: Secret
    mock: bool = False
    hts_id: Secret = Secret("")
    """The login name, case-sensitive: the key of a registration for notices."""
    account: Secret = Secret("")
    """Eight digits, ``CANO``."""
    product: str = "01"
    """Two digits, ``ACNT_PRDT_CD``."""

    def fingerprint(self) -> str:
        """Sixteen hex digits that name the app key without telling it."""
        return hashlib.sha256(self.app_key.reveal().encode()).hexdigest()[:16]


def checked(field: str, text: str) -> Secret:
    """``text`` as a key, if it can be one.

    Raises
    ------
    BadInput
        It is empty, a placeholder in Korean, or has blanks; the error never repeats it.
    """
    if not _KEY.fullmatch(text) or len(text) > KEY_CHARACTERS_MAX:
        raise BadInput(
            field, "(hidden)", "give the key that KIS shows under API 신청: at least 8 letters, no blanks"
        )
    return Secret(text)
