"""Redaction: by value in every spelling, by look where nobody told us, and no more than that."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.run.redact import Redactor, shown

KEY = "canary/7+Kf=9 x'q\"\\é"


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"before{KEY}after",
        repr(KEY),
        quote(KEY, safe=""),
        f"https://host/?x={quote(KEY)}",
        base64.b64encode(KEY.encode()).decode(),
        base64.urlsafe_b64encode(KEY.encode()).decode(),
    ],
)
def test_a_known_secret_is_masked_in_every_spelling(text: str) -> None:
    masked = Redactor([KEY]).text(text)
    assert "canary" not in masked
    assert base64.b64encode(KEY.encode()).decode()[:12] not in masked


@pytest.mark.parametrize(
    "text",
    [
        "access_key=canary123",
        "https://h/p?access_key=canary123&x=1",
        '{"secret_key": "canary 123", "x": 1}',
        "{'appkey': 'canary 123'}",
        "approval_key: canary123",
        "SISE_UPBIT_SECRET_KEY=canary123",
        "Authorization: Bearer canary123.abc",
        "('Authorization', 'Bearer canary123456')",
        "b'authorization', b'Bearer canary123456'",
        "password='it\\'s canary123'",
        "secret%3Dcanary123",
        "https://user:canary123@host/path",
        "wss://canary123@host/path",
        "eyJhbGciOiJIUzI1NiJ9.canary123.sig",
        "token => canary123",
        "X-API-Key: canary123",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    assert "canary" not in Redactor().text(text)


@pytest.mark.parametrize(
    "text",
    [
        "market=KRW-BTC price=116539000.0 n=7",
        "https://127.0.0.1:8001/dashboard?size=1m",
        "connected to wss://api.upbit.com/websocket/v1",
        "sha256 9f86d081884c7d659a2feaa0c55ad015",
        "3 tokens left in the group",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor(["canary-key"]).text(text) == text


def test_what_stands_beside_a_secret_stays() -> None:
    assert Redactor().text("GET /x?access_key=canary1&market=KRW-BTC 401") == (
        "GET /x?access_key=***&market=KRW-BTC 401"
    )


def test_a_secret_too_short_to_be_one_does_not_blank_everything() -> None:
    assert Redactor(["a", ""]).text("a banana") == "a banana"


def test_structured_values_are_masked_through_and_through() -> None:
    value = {"access_key": 5.0, "list": [{"x": KEY}, (KEY,)], "n": 1, "none": None, "error": ValueError(KEY)}
    masked = Redactor([KEY]).value(value)
    assert "canary" not in repr(masked)
    assert isinstance(masked, dict)
    assert (masked["n"], masked["none"]) == (1, None)
    assert Redactor().value("canary", "upbit_secret_key") == "***"


@given(secret=st.text(min_size=6, max_size=60), before=st.text(max_size=20), after=st.text(max_size=20))
def test_masking_any_text_holds_no_secret_and_is_stable(secret: str, before: str, after: str) -> None:
    redactor = Redactor([secret])
    once = redactor.text(before + secret + after)
    assert secret not in once or secret in "***"
    assert redactor.text(once) == once


def test_a_long_text_without_secrets_is_masked_in_linear_time() -> None:
    Redactor([KEY]).text("a" * 300_000)
    Redactor([KEY]).text("key_" * 80_000)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("loud", "loud"),
        ("https://u:canary@h:1/p?q=canary", "https://h:1/…"),
        ("canary://host", "(a URL of 13 characters)"),
        ("canary" * 6, "(hidden, 36 characters)"),
    ],
)
def test_a_refused_value_is_shown_only_as_far_as_it_helps(value: str, expected: str) -> None:
    assert shown(value) == expected
