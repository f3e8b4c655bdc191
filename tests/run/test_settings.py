"""Settings: where they come from, what is refused, and that all of them are documented."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sise.collect.config import CollectConfig
from sise.model.errors import BadInput
from sise.run import redact
from sise.run.collect import config_of
from sise.run.settings import OTHER_VARIABLES, Settings, load, unknown_names

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process without settings, in an empty working folder (which is returned)."""
    for name in [name for name in os.environ if name.startswith("SISE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_order_of_sources(no_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (no_settings / "sise.toml").write_text('markets = 1\nport = 1\nsample_hz = 1.0\nlog_level = "error"\n')
    (no_settings / ".env").write_text("SISE_PORT=2\nSISE_SAMPLE_HZ=3\nSISE_LOG_LEVEL=warning\n")
    monkeypatch.setenv("SISE_SAMPLE_HZ", "4")
    monkeypatch.setenv("SISE_LOG_LEVEL", "info")
    settings = load(log_level="debug", host=None)
    assert (settings.markets, settings.port, settings.sample_hz) == (1, 2, 4.0)
    assert (settings.log_level, settings.host) == ("debug", "127.0.0.1")


def test_config_file_elsewhere_and_nested_tables(no_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (no_settings / "other.toml").write_text('[upbit]\nrest_url = "http://127.0.0.1:9/"\n')
    monkeypatch.setenv("SISE_CONFIG", "other.toml")
    assert load().upbit_rest_url == "http://127.0.0.1:9"
    assert unknown_names() == []


def test_a_named_config_file_must_exist(no_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SISE_CONFIG", "absent.toml")
    with pytest.raises(BadInput, match="SISE_CONFIG"):
        load()


def test_empty_variable_is_not_set(no_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SISE_PORT", "")
    assert load().port == 8001


def test_symbols_from_environment_and_file(no_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (no_settings / "sise.toml").write_text('symbols = ["KRW-XRP"]\n')
    assert load().symbols == ["KRW-XRP"]
    monkeypatch.setenv("SISE_SYMBOLS", "KRW-BTC, KRW-ETH")
    assert load().symbols == ["KRW-BTC", "KRW-ETH"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SISE_PORT", "70000", "65535"),
        ("SISE_PORT", "http", "integer"),
        ("SISE_BOOK_DEPTH", "7", "1, 5, 15 or 30"),
        ("SISE_LOG_LEVEL", "loud", "'debug'"),
        ("SISE_SYMBOLS", "krw-btc", "KRW-BTC,KRW-ETH"),
        ("SISE_HOST", "example.org", "IP address"),
        ("SISE_UPBIT_REST_URL", "ftp://127.0.0.1", "https://host:port"),
        ("SISE_UPBIT_WS_URL", "wss://127.0.0.1:99999/x", "wss://host:port"),
        ("SISE_UPBIT_REST_URL", "https://u:p@127.0.0.1", "without user"),
        ("SISE_UPBIT_REST_URL", "https://127.0.0.1?x=1", "without user"),
        ("SISE_UPBIT_ACCESS_KEY", "short", "at least 8"),
    ],
)
def test_bad_value_names_field_and_remedy(
    no_settings: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput) as caught:
        load()
    assert name in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text", ['upbit_secret_key = "{0}"', '[upbit]\naccess_key = "{0}"', 'kis_token = "{0}"']
)
def test_secret_in_the_file_is_refused_and_not_repeated(no_settings: Path, text: str) -> None:
    (no_settings / "sise.toml").write_text(text.format("canary-0123456789"))
    with pytest.raises(BadInput, match="environment") as caught:
        load()
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("text", ["port = canary0123456789\n", 'upbit_secret_key = "canary\n', "[canary"])
def test_broken_toml_says_where_and_repeats_nothing(no_settings: Path, text: str) -> None:
    (no_settings / "sise.toml").write_text(text)
    with pytest.raises(BadInput, match="TOML") as caught:
        load()
    assert "canary" not in str(caught.value)


def test_a_long_value_is_not_repeated(no_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SISE_LOG_LEVEL", "canary0123456789canary0123456789")
    with pytest.raises(BadInput) as caught:
        load()
    assert "canary" not in str(caught.value)
    assert "hidden" in str(caught.value)


def test_secrets_are_hidden_and_known_to_the_redactor(
    no_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (no_settings / ".env").write_text("SISE_UPBIT_SECRET_KEY=canary-from-dotenv\n")
    monkeypatch.setenv("SISE_UPBIT_ACCESS_KEY", "canary-from-environment")
    settings = load()
    assert settings.upbit_secret_key is not None
    assert settings.upbit_secret_key.get_secret_value() == "canary-from-dotenv"
    assert "canary" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    assert "canary" not in redact.mask("heard canary-from-dotenv and canary-from-environment")


def test_unknown_names_are_said_with_the_nearest(no_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SISE_DATADIR", "canary")
    (no_settings / ".env").write_text("SISE_ZZZ=canary\n")
    (no_settings / "sise.toml").write_text('marketz = "canary"\n')
    sentences = "\n".join(unknown_names())
    assert "SISE_DATADIR" in sentences
    assert "did you mean SISE_DATA_DIR?" in sentences
    assert "SISE_ZZZ" in sentences
    assert "did you mean markets?" in sentences
    assert "canary" not in sentences


def test_every_setting_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert field.description, name
        row = next((line for line in text.splitlines() if line.startswith(f"| `{name}` |")), "")
        assert f"`SISE_{name.upper()}`" in row, f"{name} is missing in {DOCS.name}"
        if field.default not in (None, []):
            assert f"`{field.default}`" in row, f"{name}: the default in {DOCS.name} is not {field.default}"
    for variable in OTHER_VARIABLES:
        assert f"`{variable}`" in text


def test_no_setting_is_documented_that_does_not_exist() -> None:
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    named = {line.split("`")[1] for line in rows}
    assert named == set(Settings.model_fields) | set(OTHER_VARIABLES)


def test_every_setting_is_taken_as_text_from_the_environment(
    no_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment holds text only: a default written there must be accepted and mean the same."""
    defaults = load()
    for name in Settings.model_fields:
        value = getattr(defaults, name)
        if value is not None:
            text = ",".join(value) if isinstance(value, list) else str(value)
            monkeypatch.setenv("SISE_" + name.upper(), text)
    assert load() == defaults


def test_the_defaults_of_the_slots_are_those_of_the_collector(no_settings: Path) -> None:
    ours = config_of(load(), 41)
    assert ours == CollectConfig(ours.data_dir, markets=41, history_candles=200)
