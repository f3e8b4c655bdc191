"""What a database's error means, in a sentence that says whose fault it is and what to do.

Known by the error's code (SQLSTATE, MariaDB's number), and by its words where there is no code: from
SQLite, and from PostgreSQL before a connection stands. Errors that a retry or a smaller batch can
cure are also kept as the cause: the loader asks for them.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sise.model.errors import BadInput, SiseError, Unreachable

FIELD: Final = "database_url (SISE_DATABASE_URL)"


class _Case(NamedTuple):
    kind: type[BadInput] | type[Unreachable]
    what: str
    marks: tuple[str, ...]
    """Patterns, of which one is found in ``[code] words``."""


_CASES: Final = (
    _Case(
        BadInput,
        "the server knows no such user, or another password; check the user and SISE_DATABASE_PASSWORD",
        (
            r"^\[(1045|1698|28P01|28000)\]",
            "password authentication failed",
            "no password supplied",
            r'role ".*" (does not exist|is not permitted to log in)',
            r"no pg_hba\.conf entry",
        ),
    ),
    _Case(
        BadInput,
        "the server has no such database; create it (CREATE DATABASE …) or correct its name",
        (r"^\[(1049|3D000)\]", r'database ".*" does not exist'),
    ),
    _Case(
        BadInput,
        "the database is read-only; let this user write to it (a file: to its folder too)",
        (r"^\[(1290|1836|25006)\]", "readonly database"),
    ),
    _Case(
        BadInput,
        "this user may not do that; grant it all rights on its database",
        (r"^\[(1044|1142|1227|42501)\]",),
    ),
    _Case(
        Unreachable,
        "no such host is known; check its name",
        (
            "could not translate host name",
            "failed to resolve host",
            "getaddrinfo",
            "name or service not known",
            "name resolution",
        ),
    ),
    _Case(
        Unreachable,
        "no server answers there; check host and port, and that it runs",
        (
            r"^\[2003\]",
            "connection refused",
            "connection timeout",
            "timeout expired",
            "no route to host",
            "network is unreachable",
            "is the server running",
        ),
    ),
    _Case(
        BadInput,
        "the file cannot be opened; check that its folder exists and that this user may write there",
        ("unable to open database file",),
    ),
    _Case(
        Unreachable,
        "its disk is full; make room and run this again, nothing is half stored",
        (r"^\[(1021|1114|53100)\]", "database or disk is full", r"errcode: 28\b", "no space left"),
    ),
    _Case(
        BadInput,
        "the file is damaged or no SQLite database; move it away and run: sise db upgrade",
        ("file is not a database", "disk image is malformed"),
    ),
    _Case(
        BadInput,
        "its tables are missing; run: sise db upgrade",
        (r"^\[(1146|42P01)\]", "no such table"),
    ),
    _Case(
        BadInput,
        "its tables are of another version of sise; run: sise db check",
        (r"^\[(1054|42703)\]", "no such column", "has no column named"),
    ),
    _Case(
        Unreachable,
        "another process holds it; wait or end that, then run this again",
        (r"^\[(1205|55P03)\]", "database is locked"),
    ),
    _Case(BadInput, "this server is MySQL, and not MariaDB", ("is not a mariadb variant",)),
    _Case(
        Unreachable,
        "the server went away; nothing is half stored, run this again",
        (
            r"^\[(2006|2013|4031|57P01|57P02|57P03)\]",
            "server closed the connection",
            "connection is lost",
            "starting up",
            "shutting down",
        ),
    ),
    _Case(
        Unreachable,
        "the server has no connection left; raise its limit or end idle clients",
        (r"^\[(1040|53300)\]", "too many (clients|connections)", "remaining connection slots"),
    ),
)
_PATTERNS: Final = tuple((re.compile("|".join(case.marks), re.IGNORECASE), case) for case in _CASES)


def translated(error: BaseException, shown_url: str, *, connecting: bool = False) -> SiseError | None:
    """The sentence for a driver's error; ``None`` where it is none of the known ones.

    ``shown_url`` is the database's URL without its password. The driver's words are not repeated, for
    they may hold values of rows; only while ``connecting``, an unknown error's first line is.
    """
    first = next(iter(error.args), None)
    code = first if isinstance(first, int) else getattr(error, "sqlstate", None)
    said = f"[{code}] {error}"
    for pattern, case in _PATTERNS:
        if pattern.search(said):
            if case.kind is BadInput:
                return BadInput(FIELD, shown_url, case.what)
            return Unreachable(f"{shown_url}: {case.what}")
    if connecting:
        return Unreachable(f"{shown_url}: no connection; {str(error).partition(chr(10))[0][:200]}")
    return None


def driver_missing(scheme: str, module: str | None) -> BadInput:
    """The database's driver is not installed."""
    extra = "mariadb" if scheme.startswith(("mariadb", "mysql")) else "postgresql"
    remedy = f"its driver ({module}) is not installed; pip install 'sise[{extra}]'"
    return BadInput(FIELD, f"{scheme}://…", remedy)
