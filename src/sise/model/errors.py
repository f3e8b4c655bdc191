"""Errors by whose fault they are, because that decides what happens next.

========================  ==================  =====================================================
error                     whose fault         what happens
========================  ==================  =====================================================
:class:`Undecodable`      the provider's      the frame is kept and quarantined; the socket stays open
:class:`ProviderRefused`  the provider's      said to the user with the provider's own code
:class:`Unreachable`      the world's         retried within a stated limit; the hole is recorded
:class:`BadInput`         the user's          one sentence with field, value and remedy; exit code 2
anything else             ours                stops loudly
========================  ==================  =====================================================
"""

from __future__ import annotations


class SiseError(Exception):
    """The root of every error that sise raises on purpose."""


class Undecodable(SiseError):
    """A frame that does not have the form the provider's documents promise."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProviderRefused(SiseError):
    """The provider answered, and the answer is no."""

    def __init__(self, provider: str, status: int, name: str, message: str) -> None:
        super().__init__(f"{provider} refused (HTTP {status}, {name}): {message}")
        self.provider, self.status, self.name, self.message = provider, status, name, message


class Unreachable(SiseError):
    """No answer, or no answer that is the provider's: line cut, timeout, maintenance page."""


class BadInput(SiseError):
    """What the user gave cannot be used: names the field, the value and the remedy."""

    def __init__(self, field: str, value: object, remedy: str) -> None:
        super().__init__(f"{field}: {value!r} cannot be used; {remedy}")
        self.field, self.value, self.remedy = field, value, remedy
