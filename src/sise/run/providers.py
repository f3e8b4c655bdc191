"""From settings to a provider: the only place that knows which setting belongs to whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from sise.model.errors import BadInput

if TYPE_CHECKING:
    from sise.providers.contract import Provider
    from sise.providers.kis.keys import KisKeys
    from sise.run.settings import Settings


def make_provider(name: str, settings: Settings) -> Provider:
    """The provider called ``name``, as the settings want it.

    Raises
    ------
    BadInput
        No provider has that name, or its settings are missing or cannot be used.
    """
    from sise.providers.registry import provider

    if name != "kis":
        return provider(
            name,
            rest_url=settings.upbit_rest_url,
            ws_url=settings.upbit_ws_url,
            book_depth=settings.book_depth,
        )
    return provider(
        "kis",
        rest_url=settings.kis_rest_url,
        ws_url=settings.kis_ws_url,
        mock=settings.kis_mock,
        venue=settings.kis_venue,
        books=settings.kis_books,
        states=settings.kis_states,
        notices=settings.kis_notices,
        keys=_kis_keys(settings),
        tokens_dir=settings.kis_tokens_dir.expanduser(),
    )


def _kis_keys(settings: Settings) -> KisKeys:
    """The keys from the environment, or from a ``kis_devlp.yaml``."""
    from sise.providers.kis.config import read_config
    from sise.providers.kis.keys import KisKeys, Secret, checked

    if settings.kis_config is not None:
        return read_config(Path(settings.kis_config).expanduser(), mock=settings.kis_mock).keys
    if settings.kis_app_key is None or settings.kis_app_secret is None:
        raise BadInput(
            "kis_app_key, kis_app_secret",
            "(not given)",
            "set SISE_KIS_APP_KEY and SISE_KIS_APP_SECRET, or SISE_KIS_CONFIG to your kis_devlp.yaml",
        )
    return KisKeys(
        app_key=checked("kis_app_key", settings.kis_app_key.get_secret_value()),
        app_secret=checked("kis_app_secret", settings.kis_app_secret.get_secret_value()),
        mock=settings.kis_mock,
        hts_id=Secret(_text(settings.kis_hts_id)),
    )


def _text(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()
