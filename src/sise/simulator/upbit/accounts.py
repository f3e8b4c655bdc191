"""``/v1/accounts``, so that a client with keys finds somebody at home [wire/upbit.md 5, 6].

Any key will do: the token's form and its claims are checked, its signature cannot be.
"""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from typing import Any, Final

import msgspec

from sise.simulator.upbit.parameters import RestError

MAX_NONCES_KEPT: Final = 10_000
_ALGORITHMS: Final = frozenset({"HS256", "HS384", "HS512"})

ACCOUNTS: Final = msgspec.json.encode(
    [
        {
            "currency": currency,
            "balance": balance,
            "locked": "0",
            "avg_buy_price": average,
            "avg_buy_price_modified": currency == "KRW",
            "unit_currency": "KRW",
        }
        for currency, balance, average in (
            ("KRW", "50000.47088291", "0"),
            ("BTC", "0.00431204", "115250000"),
            ("ETH", "0.25", "4720000"),
        )
    ]
)


class TokenCheck:
    """Checks bearer tokens; remembers nonces, because each may be used once."""

    def __init__(self) -> None:
        self._nonces: OrderedDict[str, None] = OrderedDict()

    def check(self, authorization: str | None) -> None:
        """Accept the header's token.

        Raises
        ------
        RestError
            401 with Upbit's word for it.
        """
        if not authorization or not authorization.startswith("Bearer "):
            raise RestError(401, "Authorization 토큰을 찾지 못했습니다.", "no_authorization_token")
        claims = _claims(authorization.removeprefix("Bearer "))
        nonce = claims.get("nonce") if claims else None
        if claims is None or not claims.get("access_key") or not isinstance(nonce, str) or not nonce:
            raise RestError(401, "Jwt 토큰 검증에 실패했습니다.", "jwt_verification")
        if nonce in self._nonces:
            raise RestError(401, "이미 요청한 nonce값이 다시 사용되었습니다.", "nonce_used")
        self._nonces[nonce] = None
        if len(self._nonces) > MAX_NONCES_KEPT:
            self._nonces.popitem(last=False)


def _claims(token: str) -> dict[str, Any] | None:
    try:
        head, payload, signature = token.split(".")
        header = msgspec.json.decode(_unpadded(head), type=dict[str, Any])
        claims = msgspec.json.decode(_unpadded(payload), type=dict[str, Any])
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        return None
    return claims if header.get("alg") in _ALGORITHMS and signature else None


def _unpadded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
