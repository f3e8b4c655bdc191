"""Addresses as the user gives them, and as they may be shown: never with what could be a secret."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from sise.model.errors import BadInput


def checked(field: str, url: str, schemes: Sequence[str]) -> str:
    """``url`` without a trailing slash, if it can be used.

    Raises
    ------
    BadInput
        Another scheme, no host, a port that is no port, or a user name or password inside.
    """
    remedy = f"write it as {schemes[0]}://host[:port][/path]"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        raise BadInput(field, "(an address)", remedy) from None
    if not usable:
        raise BadInput(field, shown(url), f"{remedy}; the scheme is one of {', '.join(schemes)}")
    if parts.username is not None or parts.password is not None:
        raise BadInput(field, shown(url), f"{remedy}, without a user name or password")
    return url.rstrip("/")


def shown(url: str) -> str:
    """Scheme, host, port and path of ``url``: no user, password, query or fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(an address that cannot be read)"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path
