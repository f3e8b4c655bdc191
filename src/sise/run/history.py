"""Where the history lies, by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sise.run.settings import Settings

FOLDER = "history"


def history_of(settings: Settings) -> str:
    """The folder or ``s3://bucket/folder`` that the settings name."""
    return settings.history or str(settings.data_dir / FOLDER)
