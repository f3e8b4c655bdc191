"""The life of a process: how it begins, and the three ways it is asked to end.

A process ends on SIGINT or SIGTERM, when its time (``--for``) is over, or, as a child of ``sise
demo``, when its parent is gone: the child's standard input is a pipe that only the parent holds, so
even ``kill -9`` of the parent closes it. All three set one event, and the command stops cleanly.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sise.run.settings import Settings

WATCH_STDIN: Final = "SISE_WATCH_STDIN"
ORPHAN_GRACE_SECONDS: Final = 8.0
"""An orphan that has not ended by itself by then is ended."""


def begin(**options: object) -> Settings:
    """Settings and logs of a process; ``options`` as in :func:`sise.run.settings.load`.

    Raises
    ------
    BadInput
        A setting cannot be used.
    """
    from sise.run import logs, settings

    loaded = settings.load(**options)
    logs.catch_uncaught()
    logs.configure(level=loaded.log_level, form=loaded.log_format, folder=loaded.log_dir)
    logs.warn_of(settings.unknown_names())
    return loaded


@contextmanager
def stop_event(seconds: float | None = None) -> Iterator[asyncio.Event]:
    """An event that is set on SIGINT, on SIGTERM, or after ``seconds``. Needs a running loop."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, event.set)
    timer = None if seconds is None else loop.call_later(seconds, event.set)
    try:
        yield event
    finally:
        if timer is not None:
            timer.cancel()
        for number in signals:
            loop.remove_signal_handler(number)


def end_with_parent() -> None:
    """If asked to by ``SISE_WATCH_STDIN``: interrupt this process when its standard input closes."""
    if os.environ.get(WATCH_STDIN) == "1":
        threading.Thread(target=_wait_for_parent, name="end-with-parent", daemon=True).start()


def _wait_for_parent() -> None:
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(ORPHAN_GRACE_SECONDS)
    os._exit(1)
