"""``sise backup`` and ``sise journal retain`` as people and programs use them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sise.model.time import SystemClock
from sise.simulator.tls import make_certificate
from tests.journal.parts import files_of
from tests.run.command_line import in_folder, start

from .backups import DAYS, TOKEN, make_days

SECRET = {"SISE_BACKUP_TOKEN": TOKEN}


@contextmanager
def server(folder: Path, *options: str) -> Iterator[str]:
    """``sise backup serve`` over ``folder/data``; gives its URL."""
    with start(folder, "backup", "serve", "--port", "0", "--json", *options, **SECRET) as process:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])


def test_the_drill(tmp_path: Path) -> None:
    """Served, pulled, verified, a byte flipped and found, pulled again, restored, equal."""
    make_days(tmp_path / "data")
    sise = in_folder(tmp_path)
    with server(tmp_path) as url:
        said = sise("backup", "pull", url, "--to", "kept", "--json", **SECRET)
        assert said.returncode == 0, said.stderr
        pulled = json.loads(said.stdout)
        assert pulled["ok"] is True
        assert pulled["verified"] == list(DAYS)

        said = sise("backup", "verify", "kept", "--json")
        report: dict[str, Any] = json.loads(said.stdout)
        assert (said.returncode, report["ok"], report["findings"]) == (0, True, [])
        assert set(report) == {"ok", "files", "bytes", "seconds", "findings"}

        path = tmp_path / "kept/20261118/data/wire/p/20261118/10.jsonl.zst"
        whole = path.read_bytes()
        path.write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
        said = sise("backup", "verify", "kept", "--json")
        [finding] = json.loads(said.stdout)["findings"]
        assert (said.returncode, finding["kind"]) == (1, "corrupted")
        assert finding["file"] == "20261118/data/wire/p/20261118/10.jsonl.zst"
        said = sise("backup", "restore", "kept", "--to", "half", "--json")
        assert (said.returncode, json.loads(said.stdout)["ok"]) == (1, False)

        path.unlink()
        said = sise("backup", "pull", url, "--to", "kept", "--day", "2026-11-18", **SECRET)
        assert (said.returncode, said.stdout.startswith("20261118: verified")) == (0, True)
    said = sise("backup", "restore", "kept", "--to", "restored", "--json")
    assert (said.returncode, json.loads(said.stdout)["ok"]) == (0, True)
    source = {name: data for name, data in files_of(tmp_path / "data").items() if not name.startswith("run/")}
    assert files_of(tmp_path / "restored") == source
    said = sise("journal", "verify", "--json", SISE_DATA_DIR="restored")
    assert (said.returncode, json.loads(said.stdout)["ok"]) == (0, True)
    said = sise("backup", "restore", f"kept/{DAYS[2]}", "--to", "one-day")
    assert said.returncode == 0
    said = sise("journal", "verify", "--json", SISE_DATA_DIR="one-day")
    assert json.loads(said.stdout)["findings"] == [], "earlier frames are elsewhere, and it says so"
    said = sise("backup", "restore", "kept", "--to", "restored")
    assert said.returncode == 2
    assert "nothing is overwritten" in said.stderr


def test_retention_after_a_backup(tmp_path: Path) -> None:
    make_days(tmp_path / "data")
    sise = in_folder(tmp_path)
    with server(tmp_path) as url:
        assert sise("backup", "pull", url, "--to", "kept", **SECRET).returncode == 0
    said = sise("journal", "retain", "--dry-run", "--json")
    plan = json.loads(said.stdout)
    assert plan["applied"] is False
    assert [each["day"] for each in plan["days"]] == list(DAYS)
    assert all(each["action"] in ("keep", "remove") and each["backed_up"] for each in plan["days"])
    for day in DAYS:
        (tmp_path / f"data/run/backups/{day}.receipt.json").unlink()
    said = sise("journal", "retain", "--json")
    assert all(each["action"] != "remove" for each in json.loads(said.stdout)["days"])
    assert (tmp_path / "data/wire/p" / DAYS[0]).is_dir()
    assert "no verified backup" in said.stdout or said.returncode == 0


def test_over_tls(tmp_path: Path) -> None:
    make_days(tmp_path / "data", 1)
    certificate, key = make_certificate(tmp_path, SystemClock().now_ns())
    sise = in_folder(tmp_path)
    with server(tmp_path, "--cert", str(certificate), "--key", str(key)) as url:
        assert url.startswith("https://127.0.0.1:")
        said = sise("backup", "pull", url, "--to", "kept", "--ca", str(certificate), **SECRET)
        assert said.returncode == 0, said.stderr


def test_the_wrong_token(tmp_path: Path) -> None:
    make_days(tmp_path / "data", 1)
    wrong = "wrong-" + TOKEN
    with server(tmp_path) as url:
        said = in_folder(tmp_path)("backup", "pull", url, "--to", "kept", SISE_BACKUP_TOKEN=wrong)
    assert said.returncode == 1
    assert "the server refuses the token" in said.stderr
    assert TOKEN not in said.stdout + said.stderr
    assert wrong not in said.stdout + said.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        (["serve"], {}, "cannot be used; set at least 16 characters, the same on both machines"),
        (["serve", "--host", "0.0.0.0"], SECRET, "http would show the token"),
        (["serve", "--cert", "x.pem"], SECRET, "give both"),
        (["pull", "http://127.0.0.1:9", "--to", "kept", "--day", "x"], SECRET, "write a day as 20261120"),
        (["pull", "http://127.0.0.1:9", "--to", "k", "--every-day-at", "9pm"], SECRET, "write a time"),
        (["restore", "data", "--to", "x"], {}, "no backup lies there"),
    ],
)
def test_what_cannot_be_used(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], sentence: str
) -> None:
    (tmp_path / "data").mkdir()
    said = in_folder(tmp_path)("backup", *arguments, **variables)
    assert said.returncode == 2, said.stderr
    assert sentence in said.stderr
    assert "Traceback" not in said.stderr
