"""Runs other people's clients: each in a process of its own (``client_*.py``), which prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final

CLIENT_SECONDS: Final = 120.0
HERE: Final = Path(__file__).parent


async def run(client: str, *arguments: str) -> Any:
    """What ``client`` printed; its errors fail the test."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / client),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), CLIENT_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, err.decode()[-3000:]
    return json.loads(out)
