"""Databases that the tests of this room share: made once a run, and only those that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.warehouse.databases import FRESH


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The URL of this run's database of a kind (``sqlite``, ``postgresql``, ``mariadb``)."""
    urls: dict[str, str] = {}
    with ExitStack() as stack:

        def url(kind: str) -> str:
            if kind not in urls:
                urls[kind] = stack.enter_context(FRESH[kind](tmp_path_factory.mktemp(kind)))
            return urls[kind]

        yield url
