"""Who may ask: the app key, its tokens and approval keys, its one WebSocket session [wire/kis.md 1.2, 4.3].

A token lives 24 hours; asking again within six hours gives the same one, and asking twice within a
minute is refused. The WebSocket takes one session per app key. A session that ended without a close
handshake keeps its place for a while, and every try in that while makes it longer.
"""

from __future__ import annotations

import base64
import hashlib
import random
import uuid
from typing import Final

import msgspec
from msgspec import Struct

from sise.model.time import NS_PER_SECOND, Clock

TOKEN_SECONDS: Final = 86_400
SAME_TOKEN_SECONDS: Final = 6 * 3_600
ISSUE_EVERY_SECONDS: Final = 60
APPROVAL_SECONDS: Final = 86_400
MAX_KEYS_KEPT: Final = 1_000
STICKY_LONGEST_FACTOR: Final = 10
_APPKEY_LENGTH, _APPSECRET_LENGTH = 36, 180
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Credentials(Struct, frozen=True):
    """What a client needs, valid here only. ``account`` is ``CANO`` and ``ACNT_PRDT_CD`` together."""

    appkey: str
    appsecret: str
    account: str
    hts_id: str


def credentials_of(seed: int, *, mock: bool) -> Credentials:
    """Credentials of the right lengths, the same for the same seed."""
    rng = random.Random(f"credentials {seed} {mock}")
    word = "".join(rng.choices(_LETTERS, k=_APPKEY_LENGTH + _APPSECRET_LENGTH))
    return Credentials("PS" + word[2:_APPKEY_LENGTH], word[_APPKEY_LENGTH:], "5012345601", "sisetest")


class Token(Struct):
    """An access token."""

    text: str
    issued_ns: int
    expires_ns: int
    revoked: bool = False


class KeyRefused(Exception):
    """A refusal with KIS's code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Keys:
    """Tokens, approval keys and the session of one app key."""

    def __init__(self, credentials: Credentials, clock: Clock, sticky_seconds: float, seed: int) -> None:
        self.credentials = credentials
        self._clock, self._seed = clock, seed
        self._tokens: dict[str, Token] = {}
        self._approvals: dict[str, int] = {}
        self._last_issue_ns: int | None = None
        self._made = 0
        self._sticky_ns = int(sticky_seconds * NS_PER_SECOND)
        self._holder: int | None = None
        self._stuck_until_ns = self._stuck_since_ns = 0

    def check(self, appkey: object, secret: object) -> None:
        """Raise :class:`KeyRefused` where these are not the credentials."""
        if appkey != self.credentials.appkey:
            raise KeyRefused("EGW00103")
        if secret != self.credentials.appsecret:
            raise KeyRefused("EGW00105")

    def token(self) -> Token:
        """Issue a token; raises :class:`KeyRefused` EGW00133 within a minute of the last issue."""
        now, monotonic = self._clock.now_ns(), self._clock.monotonic_ns()
        if (
            self._last_issue_ns is not None
            and monotonic - self._last_issue_ns < ISSUE_EVERY_SECONDS * NS_PER_SECOND
        ):
            raise KeyRefused("EGW00133")
        self._last_issue_ns = monotonic
        for known in self._tokens.values():
            young = now - known.issued_ns < SAME_TOKEN_SECONDS * NS_PER_SECOND
            if young and not known.revoked and now < known.expires_ns:
                return known
        token = Token(self._jwt(now), now, now + TOKEN_SECONDS * NS_PER_SECOND)
        self._tokens[token.text] = token
        while len(self._tokens) > MAX_KEYS_KEPT:
            del self._tokens[next(iter(self._tokens))]
        return token

    def revoke(self, text: object) -> bool:
        """Revoke a token; whether there was one."""
        known = self._tokens.get(text) if isinstance(text, str) else None
        if known is None:
            return False
        known.revoked = True
        return True

    def expire_all(self) -> None:
        """Every token issued so far has expired."""
        now = self._clock.now_ns()
        for known in self._tokens.values():
            known.expires_ns = min(known.expires_ns, now)

    def check_token(self, text: str) -> None:
        """Raise :class:`KeyRefused` where ``text`` is no valid token."""
        known = self._tokens.get(text)
        if not text:
            raise KeyRefused("EGW00122")
        if known is None or known.revoked:
            raise KeyRefused("EGW00121")
        if self._clock.now_ns() >= known.expires_ns:
            raise KeyRefused("EGW00123")

    def approval(self) -> str:
        """Issue an approval key."""
        self._made += 1
        number = random.Random(f"approval {self._seed} {self._made}").getrandbits(128)
        key = str(uuid.UUID(int=number, version=4))
        self._approvals[key] = self._clock.now_ns() + APPROVAL_SECONDS * NS_PER_SECOND
        while len(self._approvals) > MAX_KEYS_KEPT:
            del self._approvals[next(iter(self._approvals))]
        return key

    def approves(self, key: str) -> bool:
        """Whether an approval key is valid now."""
        return self._clock.now_ns() < self._approvals.get(key, 0)

    def hold_session(self, line: int) -> bool:
        """Let ``line`` have the session; ``False`` where another has it, or it still sticks."""
        now = self._clock.monotonic_ns()
        if self._holder == line:
            return True
        if self._holder is None and now >= self._stuck_until_ns:
            self._holder = line
            return True
        if self._holder is None:
            longest = self._stuck_since_ns + self._sticky_ns * STICKY_LONGEST_FACTOR
            self._stuck_until_ns = max(self._stuck_until_ns, min(now + self._sticky_ns, longest))
        return False

    def stick(self, seconds: float) -> None:
        """Nobody has the session, and for so long nobody gets it: as after an end that KIS has not seen."""
        self._holder = None
        self._stuck_since_ns = self._clock.monotonic_ns()
        self._stuck_until_ns = self._stuck_since_ns + int(seconds * NS_PER_SECOND)

    def release_session(self, line: int, *, cleanly: bool) -> None:
        """``line`` has ended."""
        if self._holder != line:
            return
        self._holder = None
        self._stuck_since_ns = self._clock.monotonic_ns()
        self._stuck_until_ns = self._stuck_since_ns + (0 if cleanly else self._sticky_ns)

    def issued(self) -> tuple[str, ...]:
        """Every token and approval key so far (the last :data:`MAX_KEYS_KEPT` of each)."""
        return (*self._tokens, *self._approvals)

    def state(self) -> dict[str, object]:
        """For people: who has the session, for how long it sticks."""
        left = max(0, self._stuck_until_ns - self._clock.monotonic_ns())
        return {
            "session": self._holder,
            "sticky_seconds_left": left / NS_PER_SECOND,
            "tokens": len(self._tokens),
        }

    def _jwt(self, now_ns: int) -> str:
        self._made += 1
        second = now_ns // NS_PER_SECOND
        head = _segment({"typ": "JWT", "alg": "HS512"})
        claims = {
            "sub": "token",
            "jti": self._made,
            "iss": "unogw",
            "iat": second,
            "exp": second + TOKEN_SECONDS,
        }
        body = f"{head}.{_segment(claims)}"
        digest = hashlib.sha512(f"{self._seed} {body}".encode()).digest()
        return f"{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _segment(claims: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(claims)).rstrip(b"=").decode()
