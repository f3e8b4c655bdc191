"""Canary keys in every setting: no output, log, error or file of any command repeats them."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from sise.run.settings import Settings
from tests.run.command_line import START_SECONDS, Run, in_folder, start, wait_until_recording
from tests.run.forks import Case, run_all

CANARY = "canary7Kq2Zt9Xw4Rb6Ny8Lc3Vd5Hg1Jf0Ps"
"""As long and as mixed as a real key."""
SECRETS = {
    "SISE_UPBIT_ACCESS_KEY": f"{CANARY}-access",
    "SISE_UPBIT_SECRET_KEY": f"{CANARY}-secret",
    "SISE_KIS_APP_KEY": f"{CANARY}-app",
    "SISE_KIS_APP_SECRET": f"{CANARY}-app-secret",
    "SISE_KIS_HTS_ID": f"{CANARY}-hts",
    "SISE_DATABASE_PASSWORD": f"{CANARY}-database",
}
UNKNOWN = {"SISE_TOSS_APP_KEY": f"{CANARY}-unknown", "SISE_NONSENSE": CANARY}
BAD_URLS = (
    f"https://user:{CANARY}@127.0.0.1:9",
    f"https://{CANARY}@127.0.0.1:9",
    f"https://127.0.0.1:9/?access_key={CANARY}",
    f"https://127.0.0.1:9/#{CANARY}",
    f"{CANARY}://127.0.0.1",
    f"https://127.0.0.1:{CANARY}",
    CANARY,
)


@pytest.fixture
def sise(tmp_path: Path) -> Run:
    """The command, in an empty folder."""
    return in_folder(tmp_path)


def _assert_no_canary(out: str, err: str, folder: Path) -> None:
    assert "canary" not in out.lower(), out
    assert "canary" not in err.lower(), err
    for path in folder.rglob("*"):
        if path.is_file() and path.name != ".env":
            assert b"canary" not in path.read_bytes().lower(), path


def _settings_of_text() -> list[str]:
    """Every setting but folders, whose names are the user's own choice and are said."""
    folders = {"history"}
    return [name for name in Settings.model_fields if not name.endswith("_dir") and name not in folders]


def test_a_key_in_the_wrong_setting_is_not_repeated(tmp_path: Path) -> None:
    arguments = ("serve", "--port", "0", "--for", "10ms")
    logged = {"SISE_LOG_DIR": "logs"}
    cases = [Case(arguments, {f"SISE_{name.upper()}": CANARY, **logged}) for name in _settings_of_text()]
    harmless = {*SECRETS, "SISE_PORT", "SISE_KIS_CONFIG"}
    for done in run_all(tmp_path, cases):
        assert done.code == (0 if harmless & set(done.case.variables) else 2), done
        _assert_no_canary(done.out, done.err, tmp_path)


def test_a_key_in_a_url_is_not_repeated(tmp_path: Path) -> None:
    arguments = ("collect", "--provider", "upbit", "--for", "1s")
    for done in run_all(tmp_path, [Case(arguments, {"SISE_UPBIT_REST_URL": url}) for url in BAD_URLS]):
        assert done.code == 2, done
        _assert_no_canary(done.out, done.err, tmp_path)


@pytest.mark.parametrize("form", ["console", "json"])
def test_secrets_stay_secret_in_a_run_that_fails(form: str, sise: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"SISE_UPBIT_SECRET_KEY={CANARY}-dotenv\n")
    done = sise(
        "collect",
        "--for",
        "1500ms",
        "--json",
        SISE_UPBIT_REST_URL="http://127.0.0.1:9",
        SISE_UPBIT_WS_URL="ws://127.0.0.1:9/websocket/v1",
        SISE_LOG_DIR="logs",
        SISE_LOG_LEVEL="debug",
        SISE_LOG_FORMAT=form,
        **SECRETS | UNKNOWN,
    )
    assert "SISE_TOSS_APP_KEY" in done.stderr
    assert (tmp_path / "logs" / "sise.log").exists()
    _assert_no_canary(done.stdout, done.stderr, tmp_path)


def test_secrets_stay_secret_in_the_demo_and_its_journal(tmp_path: Path) -> None:
    arguments = ("demo", "--no-browser", "--json", "--port", "0", "--markets", "3")
    told = {"SISE_LOG_DIR": "logs", "SISE_LOG_LEVEL": "debug", **SECRETS, **UNKNOWN}
    with start(tmp_path, *arguments, **told) as demo:
        wait_until_recording(tmp_path / "data" / "demo")
        demo.send_signal(signal.SIGINT)
        out, err = demo.communicate(timeout=START_SECONDS)
    assert demo.returncode == 0, err
    assert list((tmp_path / "data" / "demo" / "wire").rglob("*.jsonl"))
    assert (tmp_path / "logs" / "component" / "collect.log").exists()
    _assert_no_canary(out, err, tmp_path)
