"""``sise demo --provider kis`` end to end: it ends with its day, by itself, and says what the day came to."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from sise.journal.receipt import read_receipt
from sise.simulator.kis.keys import credentials_of
from tests.run.command_line import START_SECONDS, Run, in_folder, start

SEED: Final = 11
CHILDREN: Final = 3
END_SECONDS: Final = 30.0
ARGUMENTS: Final = ("demo", "--provider", "kis", "--no-browser", "--json", "--port", "0")
MEMBERS: Final = {
    "day", "universe", "sweeps", "slots", "record_rate", "reconnects", "gaps", "completeness", "ledger",
    "backup", "journal_hash", "url", "record_rate_lowest", "records", "files",
}  # fmt: skip


@pytest.fixture
def sise(tmp_path: Path) -> Run:
    """The command, in an empty folder."""
    return in_folder(tmp_path)


def _asked(url: str, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(url.replace("/dashboard", path), timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def _unplugged(url: str) -> dict[str, Any]:
    """What the page's button gets, before anyone listens to the market's line."""
    headers = {"X-Sise": "1", "Content-Type": "application/json"}
    place = url.replace("/dashboard", "/api/demo/unplug")
    request = urllib.request.Request(place, b'{"seconds": 1}', headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def test_a_day_ends_by_itself_with_its_report(tmp_path: Path, sise: Run) -> None:
    piece = ("--day", "2026-11-18", "--to", "09:05", "--speed", "90", "--seed", str(SEED))
    with start(tmp_path, *ARGUMENTS, *piece, SISE_KIS_CONFIG="/nowhere/kis_devlp.yaml") as demo:
        assert demo.stderr is not None
        line = demo.stderr.readline()
        children = psutil.Process(demo.pid).children(recursive=True)
        assert len(children) == CHILDREN
        url = line.split()[2]
        assert _asked(url, "/api/uptime")["now"].startswith("2026-11-17T23:5"), "the page lives in that day"
        assert _unplugged(url) == {"ok": True, "seconds": 1.0}
        ours = credentials_of(SEED, mock=False)
        secrets = (ours.appkey, ours.appsecret)
        assert not [secret for child in children for secret in secrets if secret in " ".join(child.cmdline())]
        out, err = demo.communicate(timeout=START_SECONDS + END_SECONDS)
    assert demo.returncode == 0, err
    _, alive = psutil.wait_procs(children, timeout=END_SECONDS)
    assert alive == []
    facts = json.loads(out.splitlines()[-1])
    assert set(facts) == MEMBERS
    assert facts["day"] == "2026-11-18"
    assert facts["universe"]["count"] > 0
    assert facts["sweeps"] == {"planned": 1, "done": 1, "late": 0}
    assert facts["slots"]["limit"] == 41
    frames = facts["ledger"]["frames"]
    assert frames["received"] == frames["recorded"] > 0
    data = tmp_path / "data" / "demo-kis"
    backup = facts["backup"]
    assert (backup["verified"], backup["findings"]) == (True, [])
    assert set(backup) == {"verified", "files", "bytes", "seconds", "findings"}
    assert backup["files"] > 0
    assert (data / "backup/20261118/SUCCESS.marker").exists()
    receipt = read_receipt(data, "20261118")
    assert receipt is not None
    assert receipt.received_at.startswith("2026-11-18T12:00:"), "at 21:00 of that day"
    assert not (data / "run" / "tokens").exists()
    files = [path.read_bytes() for path in data.rglob("*") if path.is_file()]
    for secret in secrets:
        assert secret not in out + line + err
        assert not any(secret.encode() in content for content in files)
    assert sise("journal", "verify", SISE_DATA_DIR=str(data)).returncode == 0


def test_at_max_speed_the_same_seed_gives_the_same_journal(tmp_path: Path, sise: Run) -> None:
    stretch = ("--day", "2026-11-20", "--from", "09:27", "--to", "09:34", "--speed", "max", "--seed", "5")
    (tmp_path / "faults.json").write_text('[{"at": 260, "kind": "drop"}]')
    told = []
    for data in ("one", "two"):
        done = sise(*ARGUMENTS, *stretch, "--faults", "faults.json", SISE_DATA_DIR=str(tmp_path / data))
        assert done.returncode == 0, done.stderr
        told.append(json.loads(done.stdout.splitlines()[-1]))
    for facts in told:
        assert facts.keys() == MEMBERS
        assert facts["backup"]["verified"] is True
        assert [gap["reason"] for gap in facts["gaps"]] == ["ws_disconnect"]
        assert facts["url"] is None
    assert told[0]["journal_hash"] == told[1]["journal_hash"]
    assert told[0]["ledger"] == told[1]["ledger"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--speed", "max", "--for", "5s"), "the day has its own end: use --to HH:MM"),
        (("--day", "2026-11-21"), "the market is closed (weekend)"),
        (("--faults", "nowhere.json"), "name a file that exists"),
        (("--provider", "upbit", "--speed", "60"), "Upbit is played now"),
        (("--provider", "krx"), "use upbit or kis"),
    ],
)
def test_what_cannot_be_played_is_bad_usage(sise: Run, options: tuple[str, ...], said: str) -> None:
    done = sise(*ARGUMENTS, *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_keys_that_a_file_names_are_not_used(tmp_path: Path, sise: Run) -> None:
    (tmp_path / "sise.toml").write_text('kis_config = "kis_devlp.yaml"\n')
    done = sise(*ARGUMENTS)
    assert done.returncode == 2
    assert "the demo has keys of its own" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["sise.toml"]
