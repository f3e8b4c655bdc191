"""What the documents tell people to type is typed here: each ``$ sise journal …`` line in a ``console``
block of README and ``docs`` runs against a small journal, and each local link leads somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from tests.journal.session import make_session
from tests.run.command_line import in_folder

PROJECT: Final = Path(__file__).resolve().parents[1]
DOCUMENTS: Final = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
RUNNABLE: Final = "$ sise journal "

_console: Final = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_link: Final = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")


def _commands() -> list[str]:
    blocks = (block for path in DOCUMENTS for block in _console.findall(path.read_text(encoding="utf-8")))
    lines = {line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()}
    return sorted(line.removeprefix("$ ") for line in lines if line.startswith(RUNNABLE))


def test_there_is_something_to_run() -> None:
    assert {"sise journal stat", "sise journal gaps", "sise journal verify --json"} <= set(_commands())


@pytest.mark.parametrize("command", _commands())
def test_what_is_written_can_be_typed(tmp_path: Path, command: str) -> None:
    make_session(tmp_path / "data", provider="upbit")
    said = in_folder(tmp_path)(*shlex.split(command)[1:])
    assert said.returncode == 0, said.stderr
    assert said.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_local_links_lead_somewhere(document: Path) -> None:
    links = _link.findall(document.read_text(encoding="utf-8"))
    broken = [link for link in links if not (document.parent / link).exists()]
    assert not broken
