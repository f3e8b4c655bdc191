"""KIS's REST in a few lines and without our code: keys, envelopes, paging as the documents have them."""

from __future__ import annotations

import io
import json
import random
import zipfile
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from tests.providers.stand_ins import FastClock
from tests.providers.test_kis_master import line

KOREA = ZoneInfo("Asia/Seoul")
APP, SECRET = "canary-app-key", "canary-app-secret"
TODAY = date(2026, 9, 22)
NOW_NS = int(datetime(2026, 9, 22, 10, 30, 20, tzinfo=KOREA).timestamp()) * 10**9


def envelope(msg_cd: str, msg1: str, status: int = 500) -> web.Response:
    return web.json_response({"rt_cd": "1", "msg_cd": msg_cd, "msg1": msg1 + "   "}, status=status)


def oauth_error(code: str, text: str) -> web.Response:
    return web.json_response({"error_code": code, "error_description": text}, status=403)


class Server:
    """What it was asked and when; ``faults`` are given in turn instead of an answer."""

    def __init__(self, clock: FastClock) -> None:
        self.clock = clock
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: list[dict[str, str]] = []
        self.asked_at: list[int] = []
        self.issued: list[tuple[int, str]] = []
        self.faults: list[web.Response] = []
        self.revoked: set[str] = set()
        self.expires = timedelta(days=1)
        self.ignores_hour = self.ignores_days = False
        self.minutes_kept = 10_000
        chosen = random.Random(3)
        days = (TODAY - timedelta(days=n) for n in range(420))
        self.days = [day for day in days if day.weekday() < 5 and chosen.random() < 0.97]
        # Minutes of each day with their trades; the first one begins the day.
        minutes = [f"{n // 60:02d}{n % 60:02d}00" for n in range(540, 931)]
        self.minutes = [m for n, m in enumerate(minutes) if n == 0 or chosen.random() < 0.6]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path.endswith(".mst.zip"):
            return self._master(path)
        if path.startswith("/oauth2/"):
            return self._issue(path, await request.json())
        self.asked.append((path.rpartition("/")[2], dict(request.query)))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.asked_at.append(self.clock.now_ns())
        if self.faults:
            return self.faults.pop(0)
        head = self.headers[-1]
        token = head.get("authorization", "").removeprefix("Bearer ")
        if (head.get("appkey"), head.get("appsecret"), head.get("custtype")) != (APP, SECRET, "P"):
            return oauth_error("EGW00103", "유효하지 않은 AppKey입니다.")
        if token in self.revoked:
            return envelope("EGW00123", "기간이 만료된 token 입니다.")
        if token not in {name for _, name in self.issued}:
            return envelope("EGW00121", "유효하지 않은 token 입니다.")
        return self._answer(self.asked[-1][0], dict(request.query), head)

    def _issue(self, path: str, body: dict[str, str]) -> web.Response:
        secret = "secretkey" if path.endswith("Approval") else "appsecret"
        if (body.get("appkey"), body.get(secret)) != (APP, SECRET):
            return oauth_error("EGW00103", "유효하지 않은 AppKey입니다.")
        if path.endswith("Approval"):
            return web.json_response({"approval_key": "11111111-aaaa-bbbb-cccc-222222222222"})
        now = self.clock.now_ns()
        if self.issued and now - self.issued[-1][0] < 60 * 10**9:
            return oauth_error("EGW00133", "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)")
        self.issued.append((now, f"canary-token-{len(self.issued) + 1}"))
        expires = datetime.fromtimestamp(now // 10**9, KOREA) + self.expires
        return web.json_response(
            {
                "access_token": self.issued[-1][1],
                "access_token_token_expired": expires.strftime("%Y-%m-%d %H:%M:%S"),
                "token_type": "Bearer",
                "expires_in": 86400,
            }
        )

    def _answer(self, name: str, query: dict[str, str], head: dict[str, str]) -> web.Response:
        answers: dict[str, Any] = {
            "inquire-daily-itemchartprice": ("FHKST03010100", self._daily),
            "inquire-time-itemchartprice": ("FHKST03010200", self._minutes),
            "inquire-time-dailychartprice": ("FHKST03010230", self._minutes),
            "intstock-multprice": ("FHKST11300006", self._prices),
            "chk-holiday": ("CTCA0903R", self._holidays),
        }
        tr_id, make = answers[name]
        if head.get("tr_id") != tr_id:
            return envelope("OPSQ0002", "없는 서비스 코드 입니다.")
        found, headers = make(query)
        body = {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다!"} | found
        return web.Response(
            text=json.dumps(body, ensure_ascii=False), content_type="application/json", headers=headers
        )

    def _daily(self, query: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        first, last = query["FID_INPUT_DATE_1"], query["FID_INPUT_DATE_2"]
        if self.ignores_days:
            last = "99999999"
        found = [day for day in self.days if first <= f"{day:%Y%m%d}" <= last][:100]
        rows = [
            {
                "stck_bsop_date": f"{day:%Y%m%d}",
                "stck_oprc": "100",
                "stck_hgpr": "120",
                "stck_lwpr": "90",
                "stck_clpr": str(90 + day.day),
                "acml_vol": "1000",
                "acml_tr_pbmn": "100000",
            }
            for day in found
        ]
        return {"output1": {}, "output2": [*rows, {}]}, {}

    def _minutes(self, query: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        past = "FID_INPUT_DATE_1" in query
        day = query.get("FID_INPUT_DATE_1", f"{TODAY:%Y%m%d}")
        until = "235959" if self.ignores_hour else query["FID_INPUT_HOUR_1"]
        everything = [(each, m) for each in ("20260918", "20260921", "20260922") for m in self.minutes]
        if not past:  # today's minutes so far; asked for one to come, the present one
            everything = [each for each in everything if each <= (day, "103000")]
        found = [each for each in everything[-self.minutes_kept :] if each <= (day, until)]
        rows = [self.minute(*each) for each in found[::-1][: 120 if past else 30]]
        return {"output1": {}, "output2": rows}, {}

    def minute(self, day: str, hour: str) -> dict[str, str]:
        """Each minute trades 10 shares at 100 won plus its place in the day."""
        place = self.minutes.index(hour)
        so_far = sum(10 * (100 + n) for n in range(place + 1))
        price = str(100 + place)
        return {
            "stck_bsop_date": day,
            "stck_cntg_hour": hour,
            **dict.fromkeys(("stck_oprc", "stck_hgpr", "stck_lwpr", "stck_prpr"), price),
            "cntg_vol": "10",
            "acml_tr_pbmn": str(so_far),
        }

    def _prices(self, query: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        rows = []
        for n in range(1, 31):
            symbol = query.get(f"FID_INPUT_ISCD_{n}")
            if symbol is not None:
                halted = symbol == "000003"
                rows.append(
                    {
                        "inter_shrn_iscd": symbol,
                        "inter2_prpr": "0" if halted else "1000",
                        "inter2_prdy_clpr": "990",
                        "inter2_sdpr": "990",
                        "inter2_mxpr": "1287",
                        "inter2_llam": "693",
                        "inter2_askp": "1001",
                        "inter2_bidp": "0",
                        "seln_rsqn": "5",
                        "shnu_rsqn": "0",
                        "acml_vol": "7",
                        "acml_tr_pbmn": "7000",
                    }
                )
        return {"output": rows}, {}

    def _holidays(self, query: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        start = date.fromisoformat(query["CTX_AREA_NK"].strip() or query["BASS_DT"])
        days = [start + timedelta(days=n) for n in range(24)]
        rows = [
            {"bass_dt": f"{day:%Y%m%d}", "wday_dvsn_cd": "01"}
            | dict.fromkeys(("bzdy_yn", "tr_day_yn", "sttl_day_yn"), "Y")
            | {"opnd_yn": "N" if day.weekday() > 4 else "Y"}
            for day in days
        ]
        following = days[-1] + timedelta(days=1)
        more = {"ctx_area_nk": f"{following:%Y%m%d}".ljust(20), "ctx_area_fk": query["BASS_DT"].ljust(20)}
        return {"output": rows} | more, {"tr_cont": "F" if not query["CTX_AREA_NK"] else "M"}

    def _master(self, path: str) -> web.Response:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            if "kospi" in path:
                rows = [
                    line(at0=f"{n:06d}", at142=f"{n:012d}", at121="YNN02" if n == 3 else "N")
                    for n in range(1, 6)
                ]
                rows.append(line(at0="Q500001", at61="EN"))
            else:
                rows = [line("kosdaq", at0="0193T0")]
            archive.writestr("x.mst", b"\n".join(rows) + b"\n")
        return web.Response(body=out.getvalue(), content_type="application/zip")
