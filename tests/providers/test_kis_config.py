"""The file that users of KIS's samples have is read as it is; nothing of it is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from sise.model.errors import BadInput
from sise.providers.kis.config import read_config

APP, SECRET = "P" + "a" * 35, "s" * 178 + "=="
FILE = f"""
#홈페이지에서 API서비스 신청시 받은 Appkey, Appsecret 값 설정
my_app: "{APP}"
my_sec: "{SECRET}"
paper_app: "{APP[::-1]}"
paper_sec: {SECRET}
my_htsid: "canary-hts"
my_acct_stock: 01234567   # no octal number
my_acct_future: "98765432"
my_paper_stock: "50001234"
my_prod: "01" # 종합계좌
prod: "https://127.0.0.1:9443"
ops: "ws://127.0.0.1:21000"
vps: "https://127.0.0.1:29443"
vops: "ws://127.0.0.1:31000"
my_token: ""
my_agent: "Mozilla/5.0"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "kis_devlp.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_the_keys_of_both_markets(tmp_path: Path, start: str) -> None:
    path = written(tmp_path, start + FILE)
    real, mock = read_config(path), read_config(path, mock=True)
    assert (real.keys.app_key.reveal(), real.keys.app_secret.reveal()) == (APP, SECRET)
    assert (real.keys.account.reveal(), real.keys.product) == ("01234567", "01")
    assert (real.rest_url, real.ws_url) == ("https://127.0.0.1:9443", "ws://127.0.0.1:21000")
    assert (mock.keys.app_key.reveal(), mock.keys.account.reveal()) == (APP[::-1], "50001234")
    assert (mock.rest_url, mock.ws_url) == ("https://127.0.0.1:29443", "ws://127.0.0.1:31000")
    assert mock.keys.mock
    assert not any(text in repr((real.keys, mock.keys)) for text in (APP, SECRET, "canary", "1234"))


def test_addresses_need_not_be_there(tmp_path: Path) -> None:
    path = written(tmp_path, f"my_app: {APP}\nmy_sec: {SECRET}\n")
    found = read_config(path)
    assert (found.rest_url, found.ws_url, bool(found.keys.hts_id)) == (None, None, False)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("my_app: canary: canary", "kis_devlp.yaml"),
        ("- canary", "kis_devlp.yaml"),
        ("!!python/object:os.system canary", "kis_devlp.yaml"),
        ("x" * 70_000, "larger"),
        (f"my_sec: {SECRET}", "my_app"),
        (f"my_app: 앱키\nmy_sec: {SECRET}", "my_app"),
        (f"my_app: {APP}\nmy_sec: [canary]", "my_sec"),
        (f"my_app: {APP}\nmy_sec: {SECRET}\nprod: ftp://host", "prod"),
        (f"my_app: {APP}\nmy_sec: {SECRET}\nops: ws://me:canary@host", "ops"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(BadInput, match=field) as refused:
        read_config(written(tmp_path, text))
    assert not any(secret in str(refused.value) for secret in ("canary", APP, SECRET))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_config(tmp_path / "none.yaml")
