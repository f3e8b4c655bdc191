"""Logs: milliseconds, JSON that stays JSON, files that rotate, and no secret in any of them."""

from __future__ import annotations

import json
import logging
import multiprocessing
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sise.run import logfiles, logs, redact
from sise.run.logfiles import SharedFile

KEY = "canary-7f3a9c51e2"


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    kept = root.handlers[:], root.level, logging.raiseExceptions
    hooks = sys.excepthook, sys.unraisablehook
    redact.remember([KEY])
    yield
    root.handlers[:], level, logging.raiseExceptions = kept
    root.setLevel(level)
    sys.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)


def _say_secrets() -> None:
    log = logging.getLogger("sise.collect.socket")
    log.info("heard %s", KEY)
    log.info("%(key)s", {"key": KEY})
    log.info("asked", extra={"access_key": KEY, "headers": {"Authorization": f"Bearer {KEY}"}})
    try:
        raise ValueError(f"https://u:{KEY}@host/?access_key={KEY}")
    except ValueError:
        log.exception("failed")
    logging.getLogger("aiohttp.client").error("%r", {"secret": KEY.upper()})


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_secret_on_the_console_or_in_a_file(
    form: logs.Form, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure(level="info", form=form, folder=tmp_path)
    _say_secrets()
    written = capfd.readouterr().err
    files = [path.read_text() for path in tmp_path.rglob("*.log")]
    assert written.count("failed") == 1
    for text in [written, *files]:
        assert "canary" not in text.lower()
    assert "***" in written


def test_lines_have_milliseconds_and_json_is_json(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="info", form="json")
    _say_secrets()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["component"] for line in lines] == ["collect"] * 4 + ["other"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"]) for line in lines)
    assert "ValueError" in lines[3]["exception"]
    assert lines[2]["access_key"] == "***"


def test_files_for_all_errors_day_and_component(tmp_path: Path) -> None:
    logs.configure(level="info", form="console", folder=tmp_path)
    logging.getLogger("sise.collect.socket").info("one")
    logging.getLogger("sise.serve.app").error("two")
    logging.getLogger("sise.serve.app").debug("three")
    assert (tmp_path / "sise.log").read_text().count("\n") == 2
    assert "two" in (tmp_path / "error.log").read_text()
    assert "one" not in (tmp_path / "error.log").read_text()
    assert "one" in (tmp_path / "component" / "collect.log").read_text()
    (day,) = (tmp_path / "day").iterdir()
    assert re.fullmatch(r"\d{8}\.log", day.name)


def test_uncaught_errors_are_masked(capfd: pytest.CaptureFixture[str]) -> None:
    logs.catch_uncaught()
    error = ValueError(KEY)
    sys.excepthook(ValueError, error, None)
    written = capfd.readouterr().err
    assert "ValueError: ***" in written


def test_a_record_that_cannot_be_rendered_does_not_print_its_arguments(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    logs.configure(level="info", form="console", folder=tmp_path)
    logging.getLogger("sise.run").info("%d", KEY)
    captured = capfd.readouterr()
    assert "canary" not in captured.err + captured.out


def test_rotation_keeps_five_and_loses_nothing_before(tmp_path: Path) -> None:
    handler = SharedFile(tmp_path, lambda _: "sise.log", rotate_bytes=100)
    for number in range(20):
        handler.emit(logging.makeLogRecord({"msg": f"line {number:02d} {'x' * 31}"}))  # 40 bytes: two a file
    names = sorted(path.name for path in tmp_path.glob("sise.log*"))
    assert names == ["sise.log", *(f"sise.log.{n}" for n in range(1, 6))]
    kept = "".join((tmp_path / name).read_text() for name in [*reversed(names[1:]), names[0]])
    assert re.findall(r"line (\d\d)", kept) == [f"{n:02d}" for n in range(8, 20)]


def _write_many(folder: str, writer: int) -> None:
    handler = SharedFile(Path(folder), lambda _: "sise.log", rotate_bytes=20_000)
    for number in range(300):
        handler.emit(logging.makeLogRecord({"msg": f"{writer} {number} {'x' * 80}"}))


def test_two_processes_share_a_file_and_lose_no_line(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(str(tmp_path), n)) for n in range(2)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(30)
        assert process.exitcode == 0
    lines = [line for path in tmp_path.glob("sise.log*") for line in path.read_text().splitlines()]
    assert sorted(" ".join(line.split()[:2]) for line in lines) == sorted(
        f"{writer} {number}" for writer in range(2) for number in range(300)
    )


def test_a_folder_that_cannot_be_written_is_said_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    handler = SharedFile(tmp_path / "file", lambda _: "sise.log")
    for _ in range(3):
        handler.emit(logging.makeLogRecord({"msg": "x"}))
    assert capfd.readouterr().err.count("cannot be written") == 1


def test_old_days_are_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "day"
    folder.mkdir()
    for day in range(10_000_101, 10_000_101 + logfiles.KEEP_DAYS + 3):
        (folder / f"{day}.log").write_text("")
        (folder / f"{day}.log.1").write_text("")
    logfiles.handlers(tmp_path)
    assert len(list(folder.glob("*.log"))) == len(list(folder.glob("*.log.1"))) == logfiles.KEEP_DAYS
    assert not (folder / "10000101.log").exists()
