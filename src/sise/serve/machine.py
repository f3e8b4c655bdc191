"""The machine and this process, in figures."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from sise.serve.answers import Cpu, System, Usage
from sise.serve.told import Process


class Machine:
    """Reads the figures; percentages of CPU are since the last reading, 100 is one whole core."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._process = psutil.Process()
        psutil.cpu_percent()
        self._process.cpu_percent()

    def read(self) -> System:
        """CPU, memory and the data folder's disk, now."""
        memory = psutil.virtual_memory()
        disk = psutil.disk_usage(str(_existing(self._data_dir)))
        return System(
            Cpu(psutil.cpu_percent(), psutil.cpu_count() or 1, round(os.getloadavg()[0], 2)),
            Usage(memory.total, memory.total - memory.available, memory.percent),
            Usage(disk.total, disk.used, disk.percent),
            Process(self._process.pid, self._process.cpu_percent(), self._process.memory_info().rss),
        )


def _existing(folder: Path) -> Path:
    """``folder``, or the nearest folder above it that is there already."""
    folder = folder.absolute()
    return next((each for each in (folder, *folder.parents) if each.is_dir()), Path("/"))
