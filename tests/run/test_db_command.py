"""``sise db`` as people and programs meet it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.run.command_line import in_folder


def test_up_current_check_down(tmp_path: Path) -> None:
    sise = in_folder(tmp_path)
    before = sise("db", "current", "--json")
    assert (before.returncode, json.loads(before.stdout)["revision"]) == (1, None)
    assert not (tmp_path / "data").exists()
    up = sise("db", "upgrade", "--json")
    assert (up.returncode, up.stderr) == (0, "")
    told = json.loads(up.stdout)
    assert told["revision"] == told["head"]
    assert (tmp_path / "data" / "trading.db").exists()
    assert sise("db", "current").returncode == 0
    assert json.loads(sise("db", "check", "--json").stdout) == {"ok": True, "differences": []}
    down = sise("db", "downgrade", "base", "--json")
    assert json.loads(down.stdout)["revision"] is None
    assert sise("db", "check").returncode == 2


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    secret = "hunter2hunter2"
    url = "postgresql://me@127.0.0.1:9/sise"
    refused = in_folder(tmp_path)("db", "current", SISE_DATABASE_URL=url, SISE_DATABASE_PASSWORD=secret)
    assert refused.returncode == 1
    assert "no server answers there" in refused.stderr
    inside = url.replace("me@", f"me:{secret}@")
    written = in_folder(tmp_path)("db", "current", SISE_DATABASE_URL=inside)
    assert written.returncode == 2
    assert "SISE_DATABASE_PASSWORD" in written.stderr
    assert secret not in refused.stderr + written.stderr
