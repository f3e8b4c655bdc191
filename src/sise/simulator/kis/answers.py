"""The forms of REST answers: two envelopes, codes with their texts and statuses [wire/kis.md 1.4]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct

JSON_TYPE: Final = "application/json; charset=utf-8"
MESSAGE_BYTES: Final = 80
"""``msg1`` of continued answers is padded with blanks to so many bytes of cp949."""

# msg_cd: status, text, whether it stands in the envelope of OAuth errors
ERRORS: Final = {
    "EGW00002": (500, "서버 에러가 발생했습니다.", False),
    "EGW00103": (403, "유효하지 않은 AppKey입니다.", True),
    "EGW00105": (403, "유효하지 않은 AppSecret입니다.", True),
    "EGW00121": (500, "유효하지 않은 token 입니다.", False),
    "EGW00122": (500, "token을 찾을 수 없습니다.", False),
    "EGW00123": (500, "기간이 만료된 token 입니다.", False),
    "EGW00132": (500, "Content-Type이 유효하지 않습니다.", False),
    "EGW00133": (403, "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)", True),
    "EGW00201": (500, "초당 거래건수를 초과하였습니다.", False),
    "EGW00206": (500, "API 사용 권한이 없습니다.", False),
    "EGW00208": (500, "고객타입이 유효하지 않습니다.", False),
    "EGW00213": (500, "모의투자 TR 이 아닙니다.", False),
    "EGW00300": (500, "Gateway 라우팅 오류가 발생했습니다.", False),
    "EGW00301": (500, "연결 시간이 초과하였습니다. 직전 거래를 반드시 확인하세요.", False),
    "OPSQ0002": (200, "없는 서비스 코드 입니다.", False),
    "OPSQ0008": (200, "MCI 전송 에러입니다.", False),
    "OPSQ2001": (200, "ERROR INVALID FID_COND_MRKT_DIV_CODE", False),
    "OPSQ2002": (200, "ERROR INPUT FIELD SIZE", False),
}
"""Statuses of 103, 105, 121-123, 133 and 201 are measured; the others are ours."""

_INFOS: Final = {
    "MCA00000": "정상처리 되었습니다!",
    "KIOK0500": "조회가 계속됩니다..다음버튼을 Click 하십시오.",
}


class Refused(Exception):
    """A request that is answered with an error of :data:`ERRORS`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def response(self) -> web.Response:
        """The answer."""
        return error_response(self.code)


class Answer(Struct):
    """Outputs in their order; ``cont`` is the response header ``tr_cont``."""

    outputs: Mapping[str, object]
    code: str = "MCA00000"
    cont: str = ""

    def body(self) -> bytes:
        """The JSON."""
        text = _INFOS[self.code]
        if self.code != "MCA00000":
            text += " " * (MESSAGE_BYTES - len(text.encode("cp949")))
        return msgspec.json.encode({**self.outputs, "rt_cd": "0", "msg_cd": self.code, "msg1": text})


def error_response(code: str) -> web.Response:
    """The answer for an error code; of a code that is not known, a server error with it."""
    status, text, is_oauth = ERRORS.get(code, (500, ERRORS["EGW00002"][1], False))
    body = (
        {"error_description": text, "error_code": code}
        if is_oauth
        else {"rt_cd": "1", "msg_cd": code, "msg1": text}
    )
    return json_response(body, status=status)


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """``body`` as KIS sends JSON."""
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return web.Response(status=status, body=data, headers={"Content-Type": JSON_TYPE, **(headers or {})})
