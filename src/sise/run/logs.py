"""Logs: the rooms log with the standard library, and only this module says where it goes.

The console is standard error (standard output is for results): coloured lines with milliseconds, or
a JSON object a line. With a folder, also the files of :mod:`sise.run.logfiles`. Whatever the form,
each line passes :mod:`sise.run.redact` before it is rendered (so that JSON stays JSON) and after it
(so that a secret in a place nobody thought of is masked too).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from sise.model.time import NS_PER_SECOND, iso
from sise.run import logfiles, redact

Form = Literal["console", "json"]

_CHATTY: Final = (
    "aiohttp.access",
    "asyncio",
    "picows",
    "uvicorn",
    "uvicorn.error",
    "uvicorn.access",
    "websockets",
)
"""Libraries that say on ``info`` what is ``debug`` to us."""
_COLOURS: Final = {"DEBUG": 2, "INFO": 36, "WARNING": 33, "ERROR": 31, "CRITICAL": 41}
_OWN_ATTRIBUTES: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""What every record has; anything else was given as ``extra``."""

_log = logging.getLogger(__name__)


def configure(*, level: str, form: Form, folder: Path | None = None) -> None:
    """Send every log line of this process to stderr and, with a ``folder``, into its files.

    ``level`` is one of ``debug info warning error``.
    """
    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(MaskedFormatter(form, coloured=_wants_colours()))
    handlers: list[logging.Handler] = [console]
    for handler in logfiles.handlers(folder) if folder is not None else ():
        handler.setFormatter(MaskedFormatter(form))
        handlers.append(handler)
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.captureWarnings(True)
    # A handler of the library that fails would print the record's raw arguments.
    logging.raiseExceptions = False


def catch_uncaught() -> None:
    """Print what nobody caught, in any thread, masked and without the values of variables."""
    sys.excepthook = lambda _kind, error, _trace: print_masked(error)
    threading.excepthook = lambda args: print_masked(args.exc_value)
    sys.unraisablehook = lambda args: print_masked(args.exc_value)


def print_masked(error: BaseException | None) -> None:
    """The traceback of ``error`` on stderr, masked."""
    if error is not None:
        sys.stderr.write(redact.mask("".join(traceback.format_exception(error))))


def warn_of(sentences: Iterable[str]) -> None:
    """Log each sentence as a warning."""
    for sentence in sentences:
        _log.warning("%s", sentence)


class MaskedFormatter(logging.Formatter):
    """Renders a record as a line for people or as a JSON object, masked before and after."""

    def __init__(self, form: Form, *, coloured: bool = False) -> None:
        super().__init__()
        self._form, self._coloured = form, coloured

    def format(self, record: logging.LogRecord) -> str:
        """The record's line; only a traceback takes more than one, and only on the console."""
        event = redact.mask(record.getMessage())
        extra = {
            name: redact.mask_value(value, name)
            for name, value in record.__dict__.items()
            if name not in _OWN_ATTRIBUTES
        }
        trace = redact.mask(self.formatException(record.exc_info)) if record.exc_info else ""
        moment = f"{iso(int(record.created * NS_PER_SECOND))[:23]}Z"
        render = self._json if self._form == "json" else self._console
        return redact.mask(render(moment, record, event, extra, trace))

    def _json(
        self, moment: str, record: logging.LogRecord, event: str, extra: dict[str, object], trace: str
    ) -> str:
        fields: dict[str, object] = {
            "timestamp": moment,
            "level": record.levelname.lower(),
            "component": logfiles.component(record.name),
            "logger": record.name,
            "pid": record.process,
            "event": event,
        }
        if trace:
            fields["exception"] = trace
        return json.dumps(fields | {k: v for k, v in extra.items() if k not in fields}, ensure_ascii=False)

    def _console(
        self, moment: str, record: logging.LogRecord, event: str, extra: dict[str, object], trace: str
    ) -> str:
        level = f"{record.levelname:<8}"
        if self._coloured:
            level = f"\033[{_COLOURS.get(record.levelname, 0)}m{level}\033[0m"
        name = logfiles.component(record.name)
        where = record.name.partition(".")[0] if name == "other" else name
        pairs = "".join(f" {key}={value!r}" for key, value in extra.items())
        return f"{moment} {level} {where:<9} {event}{pairs}" + (f"\n{trace}" if trace else "")


def _wants_colours() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
