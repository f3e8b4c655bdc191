"""Every ``./run sise …`` and ``curl …`` line of the documents is typed here, against a simulator."""

from __future__ import annotations

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.processes import environment, pointed_at, pointed_at_kis, simulator, sise

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
CANDLES = "timestamp,open,high,low,close,volume\n2025-09-01 00:00:00,100.0,102.0,99.0,101.0,1.5\n"
DAYS = "종목코드,일자,시가,고가,저가,종가,거래량\n005930,20240102,780,798,782,796,171\n"
IMPORTS = {
    "minutes.csv": "--symbol KRW-BTC --provider upbit --market crypto --size 1m --tz UTC",
    "days.csv": "--provider krx --market kr_stocks --size 1d",
}
CAPTURE = (
    "1618678263.010785: b'"
    '{"ty":"trade","cd":"KRW-LAMB","tms":1618678262712,"td":"2021-04-17","ttm":"16:51:02",'
    '"ttms":1618678262000,"tp":127.0,"tv":46.48838371,"ab":"BID","pcp":123.00000000,"c":"RISE",'
    '"cp":4.00000000,"sid":1618678262000003,"st":"REALTIME"}'
    "'\n"
)


def documented(start: str) -> list[str]:
    """The commands of indented lines that begin with ``start``; words after two blanks explain them."""
    lines = (line for path in DOCUMENTS for line in path.read_text(encoding="utf-8").splitlines())
    found = {re.split(r"\s{2,}", line.strip())[0] for line in lines if line.startswith("    " + start)}
    return sorted(found)


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables that lead to a simulated Upbit and a simulated KIS."""
    folder = tmp_path_factory.mktemp("venue")
    with simulator(folder) as upbit, simulator(folder, provider="kis") as kis:
        yield {
            **pointed_at(upbit),
            **pointed_at_kis(kis, folder / "tokens"),
            "CONTROL": upbit["control"],
        }


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of candles, and a data folder whose history has them."""
    folder = tmp_path_factory.mktemp("candles")
    for (name, said), text in zip(IMPORTS.items(), (CANDLES, DAYS), strict=True):
        (folder / name).write_text(text, encoding="utf-8")
        done = sise(folder / "data", "candles", "import", str(folder / name), *said.split())
        assert done.returncode == 0, done.stderr
    return folder


def test_there_is_something_to_type() -> None:
    assert len(documented("./run sise ")) >= 8
    assert len(documented("curl ")) >= 4


@pytest.mark.parametrize("command", documented("./run sise "))
def test_a_documented_command_works(
    tmp_path: Path, venue: dict[str, str], candles: Path, command: str
) -> None:
    """Such commands run until they are stopped: here they end by themselves after two seconds."""
    (tmp_path / "capture.gz").write_bytes(gzip.compress(CAPTURE.encode()))
    words = shlex.split(command)[2:]
    for name in IMPORTS:
        shutil.copy(candles / name, tmp_path)
    if words[0] == "candles":
        shutil.copytree(candles / "data", tmp_path / "data")
    if words[0] in ("collect", "serve", "simulate") and "--for" not in words:
        words += ["--for", "2s"]
    words = ["2s" if word == "20s" else word for word in words]
    done = subprocess.run(
        [sys.executable, "-m", "sise", *words],
        cwd=tmp_path,
        env=environment(tmp_path / "data", SISE_PORT="0", **venue),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("command", documented("curl "))
def test_a_documented_request_works(venue: dict[str, str], command: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("CURL ABSENT: the documents' curl lines were not typed")
    done = subprocess.run(
        ["sh", "-c", command.replace("curl", "curl --fail --silent --show-error", 1)],
        env={**os.environ, **venue},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{")
