"""REST as documented: keys, envelopes, limits, and answers that agree with the market's own sums."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.kis_bench import BUSY, QUOTATIONS, Bench, KoreanClock, bench

J = "J"


def _one(code: str = BUSY, division: str = J) -> dict[str, str]:
    return {"FID_COND_MRKT_DIV_CODE": division, "FID_INPUT_ISCD": code}


def _sample(shared: Path, name: str) -> Any:
    return json.loads((shared / "wire/samples/kis" / name).read_text())


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for member in value.values() for leaf in _leaves(member)]
    if isinstance(value, list):
        return [leaf for member in value for leaf in _leaves(member)]
    return [value]


async def test_a_token_is_issued_once_a_minute_and_is_the_same_for_six_hours() -> None:
    async with bench() as here:
        status, first = await here.issue_token()
        assert (status, first["token_type"], first["expires_in"]) == (200, "Bearer", 86_400)
        assert first["access_token_token_expired"] == "2026-11-21 09:10:00"
        assert first["access_token"].count(".") == 2
        status, refused = await here.issue_token()
        assert status == 403
        assert refused == {
            "error_description": "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)",
            "error_code": "EGW00133",
        }
        here.clock.move(3 * 3_600)
        assert (await here.issue_token())[1]["access_token"] == first["access_token"]
        here.clock.move(3 * 3_600 + 1)
        assert (await here.issue_token())[1]["access_token"] != first["access_token"]


async def test_wrong_keys_get_the_other_envelope() -> None:
    async with bench() as here:
        secret = here.addresses.credentials.appsecret
        assert len(here.addresses.credentials.appkey) == 36
        assert len(secret) == 180
        for appkey, code in (("no", "EGW00103"), (here.addresses.credentials.appkey, "EGW00105")):
            status, body = await here.post("/oauth2/tokenP", appkey=appkey, appsecret="no")
            assert (status, body["error_code"]) == (403, code)
            assert "rt_cd" not in body
        status, body = await here.post("/oauth2/Approval", appkey=here.addresses.credentials.appkey)
        assert (status, body["error_code"]) == (403, "EGW00105")


async def test_tokens_expire_are_revoked_and_are_asked_for() -> None:
    async with bench() as here:
        await here.good("inquire-price", "FHKST01010100", **_one())
        here.clock.move(86_400)
        status, body, _ = await here.get("inquire-price", "FHKST01010100", **_one())
        assert (status, body["rt_cd"], body["msg_cd"]) == (500, "1", "EGW00123")
        here.token = (await here.issue_token())[1]["access_token"]
        await here.good("inquire-price", "FHKST01010100", **_one())
        await here.fault(kind="token_expired")
        assert (await here.get("inquire-price", "FHKST01010100", **_one()))[1]["msg_cd"] == "EGW00123"
        here.clock.move(61)
        here.token = (await here.issue_token())[1]["access_token"]
        ours = here.addresses.credentials
        status, body = await here.post(
            "/oauth2/revokeP", appkey=ours.appkey, appsecret=ours.appsecret, token=here.token
        )
        assert (status, body["code"]) == (200, 200)
        assert (await here.get("inquire-price", "FHKST01010100", **_one()))[1]["msg_cd"] == "EGW00121"


@pytest.mark.parametrize(("mock", "limit"), [(False, 18), (True, 1)])
async def test_calls_per_second(mock: bool, limit: int) -> None:
    async with bench(mock=mock) as here:
        for _ in range(2):
            seen = [await here.get("inquire-price", "FHKST01010100", **_one()) for _ in range(limit + 2)]
            assert [status for status, _, _ in seen] == [200] * limit + [500] * 2
            assert seen[-1][1] == {
                "rt_cd": "1",
                "msg_cd": "EGW00201",
                "msg1": "초당 거래건수를 초과하였습니다.",
            }
            here.clock.move(1.0)


async def test_the_mock_host_lacks_some_calls() -> None:
    async with bench(mock=True) as here:
        status, body, _ = await here.get("volume-rank", "FHPST01710000", FID_COND_MRKT_DIV_CODE=J)
        assert (status, body["msg_cd"]) == (500, "EGW00213")


async def test_wrong_parameters_are_refused_with_status_200() -> None:
    async with bench() as here:
        for query, tr_id, code in (
            (_one(division="X"), "FHKST01010100", "OPSQ2001"),
            (_one(code=""), "FHKST01010100", "OPSQ2002"),
            (_one(), "FHKST01010101", "OPSQ0002"),
        ):
            status, body, _ = await here.get("inquire-price", tr_id, **query)
            assert (status, body["rt_cd"], body["msg_cd"]) == (200, "1", code)
        response = await here.http.get(here.addresses.rest + QUOTATIONS + "no-such-call")
        assert response.status == 404


_SAMPLES: tuple[tuple[str, str, str, dict[str, str], tuple[str, ...]], ...] = (
    ("rest_inquire_price_FHKST01010100.json", "inquire-price", "FHKST01010100", {}, ("output",)),
    (
        "rest_asking_price_FHKST01010200.json",
        "inquire-asking-price-exp-ccn",
        "FHKST01010200",
        {},
        ("output1", "output2"),
    ),
    (
        "rest_minute_chart_FHKST03010200_excerpt.json",
        "inquire-time-itemchartprice",
        "FHKST03010200",
        {"FID_INPUT_HOUR_1": "091000", "FID_PW_DATA_INCU_YN": "Y", "FID_ETC_CLS_CODE": ""},
        ("output1", "output2"),
    ),
    (
        "rest_daily_chart_FHKST03010100_excerpt.json",
        "inquire-daily-itemchartprice",
        "FHKST03010100",
        {"FID_INPUT_DATE_1": "20260101", "FID_INPUT_DATE_2": "20261231", "FID_PERIOD_DIV_CODE": "D"},
        ("output1", "output2"),
    ),
    (
        "rest_volume_rank_FHPST01710000_excerpt.json",
        "volume-rank",
        "FHPST01710000",
        {"FID_BLNG_CLS_CODE": "3"},
        ("output",),
    ),
)


@pytest.mark.parametrize(("file", "name", "tr_id", "more", "outputs"), _SAMPLES)
async def test_answers_have_the_keys_of_the_official_examples(
    shared: Path, file: str, name: str, tr_id: str, more: dict[str, str], outputs: tuple[str, ...]
) -> None:
    sample = _sample(shared, file)
    async with bench() as here:
        body = await here.good(name, tr_id, **_one(), **more)
    for output in outputs:
        ours, theirs = body[output], sample[output]
        if isinstance(theirs, list):
            ours, theirs = ours[0], theirs[0]
        assert set(ours) == set(theirs)
        if tr_id in ("FHKST01010100", "FHKST01010200", "FHPST01710000"):  # the others were sorted
            moved = {"prdy_vrss", "prdy_vrss_sign", "prdy_ctrt"}
            assert [k for k in ours if k not in moved] == [k for k in theirs if k not in moved]
    assert all(isinstance(leaf, str) for leaf in _leaves(body))


async def _sums(here: Bench, code: str = BUSY) -> dict[str, Any]:
    sums: dict[str, Any] = (await here.control("GET", f"/control/market?code={code}"))["sums"]
    return sums


async def test_every_answer_tells_the_same_sums() -> None:
    async with bench() as here:
        truth = (await _sums(here))[J]
        price = (await here.good("inquire-price", "FHKST01010100", **_one()))["output"]
        multi = {"FID_COND_MRKT_DIV_CODE_1": J, "FID_INPUT_ISCD_1": BUSY}
        several = (await here.good("intstock-multprice", "FHKST11300006", **multi))["output"][0]
        truth = (await _sums(here))[J]
        price = (await here.good("inquire-price", "FHKST01010100", **_one()))["output"]
        minutes = []
        for hour in ("091059", "084000"):
            chart = await here.good(
                "inquire-time-itemchartprice", "FHKST03010200", **_one(), FID_INPUT_HOUR_1=hour
            )
            minutes += [int(row["cntg_vol"]) for row in chart["output2"]]
        assert int(price["acml_vol"]) >= truth["volume"] >= int(several["acml_vol"]) > 0
        assert float(price["wghn_avrg_stck_prc"]) == pytest.approx(
            int(price["acml_tr_pbmn"]) / int(price["acml_vol"]), abs=0.006
        )
        assert sum(minutes) <= (await _sums(here))[J]["volume"]
        assert sum(minutes) >= truth["volume"]
        assert int(price["stck_sdpr"]) + int(price["prdy_vrss"]) == int(price["stck_prpr"])
        assert int(price["stck_llam"]) <= int(price["stck_lwpr"]) <= int(price["stck_hgpr"])


async def test_the_last_trades_are_thirty_newest_first() -> None:
    async with bench() as here:
        rows = (await here.good("inquire-ccnl", "FHKST01010300", **_one()))["output"]
        assert len(rows) == 30
        hours = [row["stck_cntg_hour"] for row in rows]
        assert hours == sorted(hours, reverse=True)


async def test_thirty_at_a_time_with_halted_and_unknown_ones() -> None:
    async with bench(issues=600) as here:
        listed = here.simulator._market.listings()
        halted = next(one.code for one in listed if one.halted)
        codes = [halted, "ZZZZZZ", *(one.code for one in listed if not one.halted)][:33]
        query = {f"FID_INPUT_ISCD_{i}": code for i, code in enumerate(codes, 1)}
        query |= {f"fid_cond_mrkt_div_code_{i}": J for i in range(1, 34)}  # lower case is taken too
        rows = (await here.good("intstock-multprice", "FHKST11300006", **query))["output"]
        assert [row["inter_shrn_iscd"] for row in rows] == codes[:30]
        assert rows[0]["inter2_prpr"] == rows[1]["inter2_prpr"] == "0"
        assert int(rows[0]["inter2_sdpr"]) > 0
        assert all(int(row["inter2_prpr"]) > 0 for row in rows[2:])
        price = (await here.good("inquire-price", "FHKST01010100", **_one(halted)))["output"]
        assert (price["iscd_stat_cls_code"], price["acml_vol"]) == ("58", "0")


async def test_days_are_walked_back_by_the_end_date() -> None:
    async with bench() as here:
        dates: list[str] = []
        end = "20261120"
        for _ in range(3):
            body = await here.good(
                "inquire-daily-itemchartprice",
                "FHKST03010100",
                **_one(),
                FID_INPUT_DATE_1="20250101",
                FID_INPUT_DATE_2=end,
                FID_PERIOD_DIV_CODE="D",
            )
            rows = body["output2"]
            assert len(rows) == 100
            dates += [row["stck_bsop_date"] for row in rows if row["stck_bsop_date"] not in dates]
            end = dates[-1]
        assert dates[0] == "20261120"
        assert dates == sorted(set(dates), reverse=True)
        assert len(dates) == 298
        for period, most in (("W", 60), ("M", 13), ("Y", 2)):
            body = await here.good(
                "inquire-daily-itemchartprice",
                "FHKST03010100",
                **_one(),
                FID_INPUT_DATE_1="20251125",
                FID_INPUT_DATE_2="20261120",
                FID_PERIOD_DIV_CODE=period,
            )
            assert 0 < len(body["output2"]) <= most


async def test_minutes_of_a_past_day_are_walked_back_and_add_up_to_the_day() -> None:
    async with bench() as here:
        day = (
            await here.good(
                "inquire-daily-itemchartprice",
                "FHKST03010100",
                **_one(),
                FID_INPUT_DATE_1="20261119",
                FID_INPUT_DATE_2="20261119",
                FID_PERIOD_DIV_CODE="D",
            )
        )["output2"][0]
        rows: dict[str, int] = {}
        hour = "153000"
        while True:
            body = await here.good(
                "inquire-time-dailychartprice",
                "FHKST03010230",
                **_one(),
                FID_INPUT_DATE_1="20261119",
                FID_INPUT_HOUR_1=hour,
            )
            page = {row["stck_cntg_hour"]: int(row["cntg_vol"]) for row in body["output2"]}
            assert len(body["output2"]) <= 120
            if not page.keys() - rows.keys():
                break
            rows |= page
            hour = min(page)
        assert sum(rows.values()) == int(day["acml_vol"])


async def test_the_rank_is_ordered_and_bounded() -> None:
    async with bench() as here:
        query = {"FID_COND_MRKT_DIV_CODE": J, "FID_BLNG_CLS_CODE": "3", "FID_INPUT_PRICE_1": "5000"}
        rows = (await here.good("volume-rank", "FHPST01710000", **query))["output"]
        values = [int(row["acml_tr_pbmn"]) for row in rows]
        assert values == sorted(values, reverse=True)
        assert 10 < len(rows) <= 30
        assert all(int(row["stck_prpr"]) >= 5_000 for row in rows)


async def test_interruptions_are_listed() -> None:
    async with bench() as here:
        await here.control("POST", "/control/surge", {"code": BUSY, "seconds": 300, "move_percent": 27})
        await here.pass_time(330)
        rows = (await here.good("inquire-vi-status", "FHPST01390000", **_one(), FID_MRKT_CLS_CODE="0"))[
            "output"
        ]
        mine = [row for row in rows if row["mksc_shrn_iscd"] == BUSY]
        assert mine
        assert abs(float(mine[-1]["vi_dprt"])) >= 10
        assert (await here.control("GET", f"/control/market?code={BUSY}"))["vis"] == len(mine)


async def test_holidays_go_on_by_the_blank_padded_context(shared: Path) -> None:
    sample = _sample(shared, "rest_chk_holiday_CTCA0903R_excerpt.json")
    async with bench() as here:
        here.clock.move(1)
        query = {"BASS_DT": "20261201", "CTX_AREA_NK": "", "CTX_AREA_FK": ""}
        status, body, headers = await here.get("chk-holiday", "CTCA0903R", **query)
        assert (status, headers["tr_cont"], body["msg_cd"]) == (200, "F", "KIOK0500")
        assert [*body] == [*sample]
        assert body["output"][0].keys() == sample["output"][0].keys()
        assert len(body["ctx_area_nk"]) == len(sample["ctx_area_nk"]) == 20
        assert body["msg1"].endswith("  ")
        query["CTX_AREA_NK"] = body["ctx_area_nk"]
        _, more, headers = await here.get("chk-holiday", "CTCA0903R", **query)
        assert headers["tr_cont"] == "M"
        assert more["output"][0]["bass_dt"] == body["ctx_area_nk"].strip()


async def test_faults_of_calls() -> None:
    async with bench() as here:
        await here.good("inquire-price", "FHKST01010100", **_one())
        await here.fault(kind="rest_error", code="EGW00300")
        status, body, _ = await here.get("inquire-price", "FHKST01010100", **_one())
        assert (status, body["msg_cd"]) == (500, "EGW00300")
        await here.fault(kind="html", target="rest", count=1)
        response = await here.http.get(here.addresses.rest + QUOTATIONS + "inquire-price")
        assert (response.status, response.content_type) == (200, "text/html")
        await here.good("inquire-price", "FHKST01010100", **_one())


async def test_faults_of_upbit_are_not_ours() -> None:
    async with bench() as here:
        response = await here.http.post(here.addresses.control + "/control/fault", json={"kind": "rest_418"})
        assert response.status == 400
        assert "session_busy" in (await response.json())["error"]["remedy"]


async def test_hashkey_is_the_same_for_the_same_order() -> None:
    async with bench() as here:
        ours = here.addresses.credentials
        headers = {"appkey": ours.appkey, "appsecret": ours.appsecret}
        hashes = set()
        for _ in range(2):
            response = await here.http.post(
                here.addresses.rest + "/uapi/hashkey", json={"PDNO": BUSY}, headers=headers
            )
            hashes.add((await response.json())["HASH"])
        assert len(hashes) == 1


async def test_a_closed_day_has_no_trades_and_still_answers() -> None:
    async with bench(KoreanClock("2026-11-21T10:00:00")) as here:
        price = (await here.good("inquire-price", "FHKST01010100", **_one()))["output"]
        assert (price["acml_vol"], price["stck_prpr"]) == ("0", price["stck_sdpr"])
        rows = (await here.good("volume-rank", "FHPST01710000", FID_COND_MRKT_DIV_CODE=J))["output"]
        assert rows == []
