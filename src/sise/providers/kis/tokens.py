"""Token and approval key: one of each per app key, for every process of the machine and across restarts.

KIS issues one token a minute and tells the user of each by message; within six hours it issues the
same one again. So the keys lie in a file that all processes share, named after a hash of the app
key, readable by its owner only (0600), in a folder that is handed in. The file holds what KIS
issued, when it expires and when it was last asked; the app key and its secret are never in it.
It is as secret as a password for a day: no backup or journal should hold that folder.

Whoever issues holds the file's lock (``flock``; it ends with the process), so that of several that
start at once one asks KIS and the others read its answer. The time of asking is written *before*
KIS is asked: a process that dies in between does not lead the next one to ask twice in a minute.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from sise.model.errors import BadInput, ProviderRefused, Unreachable
from sise.model.time import NS_PER_SECOND, Clock
from sise.providers.kis.keys import KisKeys, Secret
from sise.providers.kis.oauth import Issued, Issuer

log = logging.getLogger(__name__)

ISSUE_SECONDS_MIN: Final = 60.0
"""Between two issues of a kind for an app key, from the end of the first."""

RENEW_BEFORE_SECONDS: Final = 30 * 60.0
"""So long before its expiry a key is no longer handed out."""

LOCK_SECONDS_MAX: Final = 30.0
LOCK_POLL_SECONDS: Final = 0.05
ISSUE_TRIES_MAX: Final = 3
ISSUED_TOO_OFTEN: Final = "EGW00133"
"""Another machine asked with the same app key: a minute later KIS answers with the same token."""

_FILE_BYTES_MAX: Final = 64 * 1024

Kind = Literal["token", "approval"]


class _Key(Struct, forbid_unknown_fields=True):
    """One kind of key in the file; times are UTC ns."""

    key: str = ""
    expires_at: int = 0
    asked_at: int = 0

    def __repr__(self) -> str:
        return f"_Key(expires_at={self.expires_at}, asked_at={self.asked_at})"


class _File(Struct, forbid_unknown_fields=True):
    token: _Key = msgspec.field(default_factory=_Key)
    approval: _Key = msgspec.field(default_factory=_Key)


class Tokens:
    """The keys of one app key. ``folder`` is made (0700) where it is missing."""

    def __init__(self, folder: Path, keys: KisKeys, issuer: Issuer, clock: Clock) -> None:
        name = f"kis-{'mock' if keys.mock else 'real'}-{keys.fingerprint()}"
        self._path = folder / f"{name}.json"
        self._lock_path = folder / f"{name}.lock"
        self._issuer = issuer
        self._clock = clock

    async def token(self, refused: Secret | None = None) -> Secret:
        """The bearer token.

        Parameters
        ----------
        refused
            The token that KIS has just called invalid or expired: another one is wanted.

        Raises
        ------
        ProviderRefused, Unreachable, Undecodable
            A new one was needed, and KIS gave none.
        BadInput
            The folder cannot be used.
        """
        return await self._good("token", self._issuer.token, refused)

    async def approval(self, refused: Secret | None = None) -> Secret:
        """The approval key of WebSocket registrations; as :meth:`token`."""
        return await self._good("approval", self._issuer.approval, refused)

    async def _good(
        self, kind: Kind, issue: Callable[[], Awaitable[Issued]], refused: Secret | None
    ) -> Secret:
        tries = 0
        while True:
            async with self._locked():
                file = self._read()
                known: _Key = getattr(file, kind)
                if self._usable(known, refused):
                    return Secret(known.key)
                wait = self._wait_seconds(known.asked_at)
                if wait <= 0:
                    tries += 1
                    issued = await self._issue(file, kind, issue, last=tries == ISSUE_TRIES_MAX)
                    if issued is not None:
                        return issued
                    continue
            # Without the lock: whoever else may issue sooner, and then there is nothing to wait for.
            log.info("kis: the next %s may be asked for in %.0f s", kind, wait)
            await self._clock.sleep(wait)

    def _usable(self, known: _Key, refused: Secret | None) -> bool:
        if not known.key or (refused is not None and refused.reveal() == known.key):
            return False
        return known.expires_at - self._clock.now_ns() > RENEW_BEFORE_SECONDS * NS_PER_SECOND

    def _wait_seconds(self, asked_at: int) -> float:
        """A clock that was set back must not make us wait for its old time to come again."""
        since = (self._clock.now_ns() - asked_at) / NS_PER_SECOND
        return ISSUE_SECONDS_MIN - max(since, 0.0) if asked_at else 0.0

    async def _issue(
        self, file: _File, kind: Kind, issue: Callable[[], Awaitable[Issued]], *, last: bool
    ) -> Secret | None:
        """A new key, written down; None where KIS wants us to wait and ask again."""
        known: _Key = getattr(file, kind)
        known.asked_at = self._clock.now_ns()
        self._write(file)
        try:
            issued = await issue()
        except ProviderRefused as error:
            if error.name != ISSUED_TOO_OFTEN or last:
                raise
            known.asked_at = self._clock.now_ns()
            self._write(file)
            return None
        log.info("kis: a new %s was issued", kind)
        known.key, known.expires_at = issued.key.reveal(), issued.expires_at
        known.asked_at = self._clock.now_ns()
        self._write(file)
        return issued.key

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        folder = self._lock_path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BadInput(
                "token folder", str(folder), f"make it a folder of this user's own: {error.strerror}"
            ) from None
        try:
            await self._take(lock)
            yield
        finally:
            os.close(lock)  # and with it the lock

    async def _take(self, lock: int) -> None:
        waited = 0.0
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waited >= LOCK_SECONDS_MAX:
                    raise Unreachable(
                        f"kis: another process has been asking for a key for {LOCK_SECONDS_MAX:.0f} s"
                    ) from None
                # Real time: the lock is another process's, which knows nothing of our clock.
                await asyncio.sleep(LOCK_POLL_SECONDS)
                waited += LOCK_POLL_SECONDS
            else:
                return

    def _read(self) -> _File:
        try:
            with self._path.open("rb") as stream:
                return msgspec.json.decode(stream.read(_FILE_BYTES_MAX), type=_File)
        except FileNotFoundError:
            return _File()
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Made by another version, or torn by a power cut: an issue replaces it.
            log.warning("kis: the file of keys cannot be read and is made anew")
            return _File()

    def _write(self, file: _File) -> None:
        """Whole or not at all, and never readable by anyone else."""
        beside = self._path.with_suffix(".new")
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:  # noqa: PTH123
            os.fchmod(stream.fileno(), 0o600)
            stream.write(msgspec.json.encode(file))
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(self._path)
