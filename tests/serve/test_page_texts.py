"""The page's words and colours: every text in both languages, every code translated, every pair legible."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
UI: Final = ROOT / "ui"
LANGUAGES: Final = {"ko", "en"}
AA_TEXT: Final = 4.5
AA_LARGE: Final = 3.0
"""WCAG 2 for graphics and for text from 24 px (18.7 px where bold)."""

TEXT_CALL: Final = re.compile(r"""\bt\(\s*"([\w.]+)\"""")
CHOSEN_CALL: Final = re.compile(r"""\bt\([^()"]*\?\s*"([\w.]+)"\s*:\s*"([\w.]+)\"""")
TEMPLATE_CALL: Final = re.compile(r"\bt\(`([\w.]+\.)\$\{\w+\}`\)")
CODE_CALL: Final = re.compile(r"""\bcode\(\s*"(\w+)\"""")
REASONS_CALL: Final = re.compile(r"""\breasons\(\s*"(\w+)\"""")
TEMPLATE_TAIL: Final = re.compile(r"`([\w.]+\.)\$\{\w+\}(\.\w+)?`")
ATTRIBUTE: Final = re.compile(r'data-t(?:-title|-label|-placeholder)?="([\w.]+)"')
PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


def _texts() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = json.loads((UI / "src" / "texts.json").read_text(encoding="utf-8"))
    return table


def _sources() -> Iterator[str]:
    for path in sorted((UI / "src").glob("*.ts")):
        yield path.read_text(encoding="utf-8")


def _used_keys() -> set[str]:
    used = set(ATTRIBUTE.findall((UI / "index.html").read_text(encoding="utf-8")))
    for source in _sources():
        used.update(TEXT_CALL.findall(source))
        for pair in CHOSEN_CALL.findall(source):
            used.update(pair)
    return used


def _used_prefixes() -> set[str]:
    """Beginnings of keys whose end is a code from the server or a name from a list."""
    prefixes: set[str] = set()
    for source in _sources():
        prefixes.update(TEMPLATE_CALL.findall(source))
        prefixes.update(prefix for prefix, _ in TEMPLATE_TAIL.findall(source))
        prefixes.update(f"{name}." for name in CODE_CALL.findall(source) + REASONS_CALL.findall(source))
    return prefixes


def test_no_key_is_written_twice() -> None:
    pairs = json.loads((UI / "src" / "texts.json").read_text(encoding="utf-8"), object_pairs_hook=list)
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys))


def test_every_text_is_there_in_both_languages_with_the_same_values() -> None:
    def is_whole(texts: dict[str, str]) -> bool:
        return (
            set(texts) == LANGUAGES
            and all(text.strip() for text in texts.values())
            and set(PLACEHOLDER.findall(texts["ko"])) == set(PLACEHOLDER.findall(texts["en"]))
        )

    assert [key for key, texts in _texts().items() if not is_whole(texts)] == []


def test_no_text_is_missing() -> None:
    assert _used_keys() - set(_texts()) == set()


def test_no_text_is_unused() -> None:
    used, prefixes = _used_keys(), tuple(_used_prefixes())
    assert {key for key in _texts() if key not in used and not key.startswith(prefixes)} == set()


def test_every_reason_the_server_may_give_is_translated() -> None:
    decision = (ROOT / "docs" / "decisions" / "0002-page-and-api.md").read_text(encoding="utf-8")
    codes = re.search(r"Reasons \(codes, translated by the page\): `([\w ]+)`", decision)
    assert codes is not None
    assert {f"reason.{code}" for code in codes[1].split()} - set(_texts()) == set()


def test_every_refusal_is_translated() -> None:
    decision = (ROOT / "docs" / "decisions" / "0001-first-light.md").read_text(encoding="utf-8")
    refused = re.search(r"^Refused: [^(]*\(([^)]+)\)", decision, re.MULTILINE)
    assert refused is not None
    codes = re.findall(r"`(\w+)`", refused[1])
    assert codes
    assert {f"refusal.{code}" for code in codes} - set(_texts()) == set()


def _themes() -> dict[str, dict[str, str]]:
    css = (UI / "src" / "css" / "base.css").read_text(encoding="utf-8")
    blocks = re.findall(r"^(:root(?:\[data-theme=\"light\"\])?) \{(.*?)^\}", css, re.MULTILINE | re.DOTALL)
    dark, light = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", body)) for _, body in blocks)
    return {"dark": dark, "light": {**dark, **light}}


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_colours_meet_aa(theme: str) -> None:
    colors = _themes()[theme]
    texts = ["text", "muted", "red", "blue", "green", "hole", "good", "accent"]
    pairs = [(text, ground, AA_TEXT) for text in texts for ground in ("panel", "raised")]
    pairs += [(f"state-{name}-text", f"state-{name}", AA_TEXT) for name in ("good", "warn", "bad", "none")]
    pairs += [("text", "bg", AA_TEXT), ("muted", "bg", AA_TEXT), ("faint", "panel", AA_LARGE)]
    pairs += [("panel", "hole", AA_TEXT), ("bg", "text", AA_TEXT)]
    poor = {
        f"{text} on {ground}": round(_contrast(colors[text], colors[ground]), 2)
        for text, ground, least in pairs
        if _contrast(colors[text], colors[ground]) < least
    }
    assert poor == {}


def test_the_page_names_no_foreign_address_but_the_attribution() -> None:
    """No request leaves the machine: the only link outwards is the one that the chart's licence asks for."""
    files = [UI / "index.html", *sorted((UI / "src").rglob("*.ts")), *sorted((UI / "src").rglob("*.css"))]
    found = {
        address
        for path in files
        for address in re.findall(r"https?://[\w./-]+", path.read_text(encoding="utf-8"))
        if not address.startswith("http://www.w3.org/")
    }
    assert found == {"https://www.tradingview.com/"}
