"""Where a running collector answers: ``run/collect-<provider>.json`` in its data folder says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from sise.model.errors import SiseError

HEADER: Final = "X-Sise"
"""Of every request that changes something; its value is ``1``."""


def address_file(data_dir: Path, provider: str) -> Path:
    """Holds ``{"pid", "url"}`` while a collector runs."""
    return data_dir / "run" / f"collect-{provider}.json"


def stated_url(data_dir: Path, provider: str) -> str:
    """The collector's address, ``http://127.0.0.1:N``.

    Raises :class:`~sise.model.errors.SiseError` where none is running.
    """
    try:
        said = json.loads(address_file(data_dir, provider).read_bytes())
        return str(said["url"]).removesuffix("/status")
    except (OSError, ValueError, KeyError, TypeError):
        remedy = f"start one: sise collect --provider {provider}"
        raise SiseError(f"no collector of {provider} is running on {data_dir}; {remedy}") from None
