"""The providers by name. A new provider is one row here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sise.model.errors import BadInput
from sise.providers.contract import Provider
from sise.providers.kis.provider import Kis
from sise.providers.upbit.provider import Upbit

PROVIDERS: Final[dict[str, Callable[..., Provider]]] = {"kis": Kis, "upbit": Upbit}


def provider(
    name: str, *, rest_url: str | None = None, ws_url: str | None = None, **options: Any
) -> Provider:
    """The provider called ``name``; addresses that are ``None`` are the provider's own.

    ``options`` are the provider's own: see :class:`~sise.providers.upbit.provider.Upbit` and
    :class:`~sise.providers.kis.provider.Kis`.

    Raises
    ------
    BadInput
        No provider has that name, or an address or an option cannot be used.
    """
    make = PROVIDERS.get(name)
    if make is None:
        raise BadInput("provider", name, f"choose one of: {', '.join(sorted(PROVIDERS))}")
    return make(rest_url=rest_url, ws_url=ws_url, **options)
