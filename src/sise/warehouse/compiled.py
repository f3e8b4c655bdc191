"""Loops over single bytes and ticks as machine code, by Numba."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import numba

import sise

F = TypeVar("F", bound=Callable[..., Any])

_config: Any = numba.config
_PACKAGE: Final = Path(sise.__file__).parent
_SOURCES: Final = ("model/**/*.py", "journal/line.py", "warehouse/**/*.py")
"""What compiled functions and the constants in them may come from."""


def fingerprint(files: Iterable[Path]) -> str:
    """Changes with the name or content of any of the files."""
    found = hashlib.sha256()
    for path in sorted(files):
        found.update(f"{path.name} {path.stat().st_size} ".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _place() -> Path | None:
    """Where machine code of just these sources is kept; ``None``: nowhere.

    In ``NUMBA_CACHE_DIR``; else beside the source or in the user's cache, whichever can be written.

    Numba alone looks at the file of a function only, and would go on using machine code with a constant or a
    function of another file as it was.
    """
    sources = fingerprint(path for pattern in _SOURCES for path in _PACKAGE.glob(pattern))
    for base in _bases():
        place = base / f"compiled-{sources}"
        try:
            place.mkdir(parents=True, exist_ok=True)
            (place / "writable").touch()
        except OSError:
            continue
        return place
    return None


def _bases() -> Iterator[Path]:
    if _config.CACHE_DIR:
        yield Path(_config.CACHE_DIR)
        return
    yield _PACKAGE / "warehouse/__pycache__"
    with suppress(RuntimeError):  # there is no home
        yield Path("~/.cache/sise").expanduser()


_KEPT: Final = _place()


def compiled(function: F) -> F:
    """``function``, compiled at its first call; other threads go on while it runs.

    The machine code is kept for later processes where there is a place for it. An index out of range is not
    noticed: callers give arrays that are large enough.
    """
    before = _config.CACHE_DIR
    _config.CACHE_DIR = str(_KEPT or "")
    try:
        kept = _KEPT is not None and Path(function.__code__.co_filename).exists()
        made: Any = numba.njit(function, nogil=True, error_model="numpy", cache=kept)
    finally:
        _config.CACHE_DIR = before
    return made  # type: ignore[no-any-return]  # it is called as the function is
