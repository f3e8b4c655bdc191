"""Many ISO texts as moments at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sise.model.time import NS_PER_US, parse_iso

TEXT_CHARACTERS: Final = 27
"""Of ``2026-11-20T13:52:01.123456Z``, the form that our journal is written in."""
_POINT, _ZONE, _FRACTION = 19, 26, range(20, 26)


class _Seconds(dict[str, int]):
    """UTC ns by the text of a whole second: many lines share one."""

    def __missing__(self, text: str) -> int:
        moment = self[text] = parse_iso(f"{text}.000000Z")
        return moment


def moments_of(texts: Sequence[str]) -> list[int]:
    """:func:`~sise.model.time.parse_iso` of each text, UTC ns; raises what that does."""
    if not _are_ours(texts):
        return list(map(parse_iso, texts))
    seconds = _Seconds()
    return [seconds[text[:_POINT]] + int(text[_POINT + 1 : _ZONE]) * NS_PER_US for text in texts]


def _are_ours(texts: Sequence[str]) -> bool:
    """Whether all texts have the form that the journal is written in; one look at all of them."""
    if set(map(len, texts)) != {TEXT_CHARACTERS}:
        return False
    joined = "".join(texts)
    return (
        joined.isascii()
        and set(joined[_POINT::TEXT_CHARACTERS]) == {"."}
        and set(joined[_ZONE::TEXT_CHARACTERS]) == {"Z"}
        and all(joined[at::TEXT_CHARACTERS].isdigit() for at in _FRACTION)
    )
