"""Many short commands, each in a process of its own, without paying for the imports each time.

One child process loads what the commands need, then forks for every case: nothing that one command
remembers (its secrets above all) is known to the next.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.run.command_line import clean_env

ALL_CASES_SECONDS: Final = 120


@dataclass(frozen=True)
class Case:
    """A command line and its variables."""

    arguments: tuple[str, ...]
    variables: dict[str, str]


@dataclass(frozen=True)
class Done:
    """What a case did."""

    case: Case
    code: int
    out: str
    err: str


def run_all(folder: Path, cases: Sequence[Case]) -> list[Done]:
    """Run every case in ``folder``, one after the other."""
    given = json.dumps([[case.arguments, case.variables] for case in cases])
    done = subprocess.run(
        [sys.executable, "-c", "from tests.run.forks import main; main()"],
        cwd=folder,
        env=clean_env(PYTHONPATH=str(Path(__file__).parents[2])),
        input=given,
        capture_output=True,
        text=True,
        timeout=ALL_CASES_SECONDS,
        check=True,
    )
    return [Done(case, *result) for case, result in zip(cases, json.loads(done.stdout), strict=True)]


def main() -> None:
    """The child's side: cases on standard input, results on standard output."""
    import sise.collect.collector
    import sise.run.cli
    import sise.run.settings
    import sise.serve.app  # noqa: F401

    json.dump([_forked(*case) for case in json.load(sys.stdin)], sys.stdout)


def _forked(arguments: list[str], variables: dict[str, str]) -> tuple[int, str, str]:
    import os
    import tempfile

    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        pid = os.fork()
        if pid == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            _become(arguments, variables)
        _, status = os.waitpid(pid, 0)
        out.seek(0)
        err.seek(0)
        return os.waitstatus_to_exitcode(status), out.read(), err.read()


def _become(arguments: list[str], variables: dict[str, str]) -> None:
    import os

    from sise.run.cli import main as sise

    os.environ.update(variables)
    sys.argv = ["sise", *arguments]
    code: object = 0
    try:
        sise()
    except SystemExit as error:
        code = error.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)
