"""Where a history lies: a folder, or a bucket of S3. A file is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from sise.model.errors import BadInput, Unreachable

if TYPE_CHECKING:
    from obstore.store import RetryConfig, S3Store

S3_PREFIX: Final = "s3://"
RETRIES_MAX: Final = 3
RETRY_TIMEOUT: Final = timedelta(seconds=20)


class Files(Protocol):
    """Files by name; a name is a relative path with ``/``."""

    def write(self, name: str, content: bytes) -> None:
        """Put the file there, durably, in one step; what was there is replaced."""

    def read(self, name: str) -> bytes:
        """The content; :class:`FileNotFoundError` where there is none."""

    def names(self, prefix: str) -> list[str]:
        """The names that begin with the folder ``prefix``, sorted."""

    def local_path(self, name: str) -> Path | None:
        """Where the file lies on this machine, or None."""


class LocalFiles:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        _sync_folder(path.parent)

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def names(self, prefix: str) -> list[str]:
        found = (path for path in (self.root / prefix).rglob("*") if path.is_file())
        return sorted(
            path.relative_to(self.root).as_posix() for path in found if not path.name.startswith(".")
        )

    def local_path(self, name: str) -> Path | None:
        return self.root / name


class S3Files:
    """A bucket, or a folder in it; keys and endpoint come from the usual ``AWS_…`` variables."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    def write(self, name: str, content: bytes) -> None:
        import obstore

        with _told():
            obstore.put(self._store, name, content)

    def read(self, name: str) -> bytes:
        import obstore

        with _told():
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError:
                missing = name
        raise FileNotFoundError(missing)

    def names(self, prefix: str) -> list[str]:
        import obstore

        with _told():
            return sorted(item["path"] for part in obstore.list(self._store, prefix) for item in part)

    def local_path(self, name: str) -> Path | None:
        return None


def files_at(place: str) -> Files:
    """The files at a folder's path or an ``s3://bucket/folder``.

    Raises
    ------
    BadInput
        The URL is of another kind, or the part for S3 is not installed.
    """
    if not place.startswith(S3_PREFIX):
        if "://" in place:
            raise BadInput(
                "--history", place.partition("://")[0] + "://…", "name a folder or s3://bucket/folder"
            )
        return LocalFiles(Path(place))
    try:
        from obstore.store import S3Store
    except ImportError:
        raise BadInput("--history", S3_PREFIX, "install the part for S3: sise[s3]") from None
    retry: RetryConfig = {"max_retries": RETRIES_MAX, "retry_timeout": RETRY_TIMEOUT}
    return S3Files(S3Store.from_url(place, client_options={"allow_http": True}, retry_config=retry))


@contextmanager
def _told() -> Iterator[None]:
    """Turns what the bucket's client raises into errors that say whose fault it is."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:
        said = str(error).partition("\n")[0][:200]
        raise Unreachable(
            f"the history's bucket does not do as asked: {said}; check its name, keys and address"
        ) from error


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
