"""What the collector is told of the ETL: whether it failed for a day, from the file that each run leaves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path

from sise.journal.etlstate import etl_state

log = logging.getLogger(__name__)


def etl_failed(data_dir: Path) -> Callable[[date], bool | None]:
    """A question after a day: whether its last ETL failed; None where none has run."""

    def failed(day: date) -> bool | None:
        try:
            state = etl_state(data_dir, f"{day:%Y%m%d}")
        except OSError as error:
            log.warning("whether the ETL of %s failed cannot be read: %s", day, error)
            return None
        return None if state == "not_run" else state == "failed"

    return failed
