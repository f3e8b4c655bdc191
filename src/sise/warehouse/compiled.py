"""Loops over single bytes and ticks as machine code, by Numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """``function``, compiled at its first call; other threads go on while it runs.

    The machine code is kept for later processes beside the source or in the user's cache
    (``NUMBA_CACHE_DIR``); where neither can be written, each process makes its own. An index out of range is
    not noticed: callers give arrays that are large enough.
    """
    try:
        return _compiled(function, keep=True)
    except RuntimeError:  # no place to keep it in
        return _compiled(function, keep=False)


def _compiled(function: F, *, keep: bool) -> F:
    made: Any = numba.njit(function, nogil=True, error_model="numpy", cache=keep)
    return made  # type: ignore[no-any-return]  # it is called as the function is
