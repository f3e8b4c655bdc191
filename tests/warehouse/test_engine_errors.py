"""What goes wrong on the way to a database is said in a sentence, and no password is in it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text

from sise.model.errors import BadInput, SiseError, Unreachable
from sise.warehouse import migrate
from sise.warehouse.engine import open_engine, shown, writing
from sise.warehouse.load import load
from sise.warehouse.schema import scalp_ticks
from tests.warehouse.databases import MARIADB, POSTGRESQL, opened
from tests.warehouse.rows import NOON, TICK, tick

PASSWORD = "correct horse/battery"
SERVERS = pytest.mark.parametrize("server", [POSTGRESQL, MARIADB], ids=["postgresql", "mariadb"])


def refused(url: str, password: str | None = PASSWORD) -> SiseError:
    """What connecting raises; the password is not in it."""
    engine = open_engine(url, password)
    try:
        with pytest.raises(SiseError) as caught, engine.connect():
            pass
    finally:
        engine.dispose()
    assert PASSWORD not in str(caught.value)
    assert "horse" not in str(caught.value)
    return caught.value


def changed(server: str, **parts: object) -> str:
    return make_url(server).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]


@SERVERS
def test_an_unknown_user(server: str) -> None:
    error = refused(changed(server, username="sise_nobody"))
    assert isinstance(error, BadInput)
    assert "no such user, or another password" in str(error)


@SERVERS
def test_an_unknown_database(server: str) -> None:
    error = refused(changed(server, database="sise_absent"), None)
    assert isinstance(error, BadInput)
    assert "no such database" in str(error)


@SERVERS
def test_an_unknown_host(server: str) -> None:
    error = refused(changed(server, host="sise.invalid"))
    assert isinstance(error, Unreachable)
    assert "sise.invalid" in str(error)


@SERVERS
def test_nothing_listens(server: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    error = refused(changed(server, port=port))
    assert isinstance(error, Unreachable)
    assert "no server answers there" in str(error)


@SERVERS
def test_a_line_that_is_cut_is_noticed(server: str) -> None:
    """A server whose machine vanishes closes nothing; the system must ask it."""
    with opened(server) as engine, engine.connect() as connection:
        driver = connection.connection.driver_connection
        number = driver.pgconn.socket if engine.dialect.name == "postgresql" else driver._sock.fileno()  # type: ignore[union-attr]
        with socket.socket(fileno=os.dup(number)) as line:
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 10
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


@SERVERS
def test_a_user_that_may_only_read(server: str, database_url: Callable[[str], str]) -> None:
    kind = make_url(server).get_backend_name()
    url = database_url(kind)
    name = f"reader_{make_url(url).database}"[-32:]
    with opened(url) as engine:
        migrate.upgrade(engine, NOON)
        make, grant, drop = _STATEMENTS[kind]
        _run(engine, make.format(name), grant.format(name, make_url(url).database))
        try:
            with opened(changed(url, username=name)) as reader:
                migrate.require_current(reader)
                with pytest.raises(BadInput, match="may not do that"):
                    load(reader, scalp_ticks, TICK, [tick(1)])
        finally:
            _run(engine, *(each.format(name) for each in drop))


_STATEMENTS = {
    "postgresql": (
        "CREATE ROLE {0} LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {0}",
        ("DROP OWNED BY {0}", "DROP ROLE {0}"),
    ),
    "mariadb": (
        "CREATE USER {0}@'%'",
        "GRANT SELECT, CREATE TEMPORARY TABLES ON {1}.* TO {0}@'%'",
        ("DROP USER {0}@'%'",),
    ),
}


def _run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_read_only_database(database_url: Callable[[str], str]) -> None:
    url = database_url("postgresql")
    with opened(url) as engine:
        migrate.upgrade(engine, NOON)
        name = engine.url.database
        _run(engine, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        try:
            with opened(url) as other, pytest.raises(BadInput, match="read-only"):
                load(other, scalp_ticks, TICK, [tick(1)])
        finally:
            _run(engine, f"ALTER DATABASE {name} RESET default_transaction_read_only")


def test_a_read_only_file(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/trading.db") as engine:
        migrate.upgrade(engine, NOON)
    with (
        opened(f"sqlite:///file:{tmp_path}/trading.db?mode=ro&uri=true") as engine,
        pytest.raises(BadInput, match="read-only") as caught,
    ):
        load(engine, scalp_ticks, TICK, [tick(1)])
    assert "mode=ro" not in str(caught.value)


def test_a_full_disk_leaves_nothing_half_stored(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/trading.db") as engine:
        migrate.upgrade(engine, NOON)
        with engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Unreachable, match="disk is full"):
            load(engine, scalp_ticks, TICK, [tick(number) for number in range(5000)])
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        assert load(engine, scalp_ticks, TICK, [tick(1)]).changed == 1


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("Dear database, " * 100)
    assert "no SQLite database" in str(refused(f"sqlite:///{tmp_path}/letter.db", None))
    assert "cannot be opened" in str(refused(f"sqlite:///{tmp_path}/absent/trading.db", None))
    assert "cannot be opened" in str(refused(f"sqlite:///{tmp_path}", None))
    with (
        opened(f"sqlite:///{tmp_path}/letter.db/trading.db") as engine,
        pytest.raises(BadInput, match="folder cannot be made"),
    ):
        migrate.upgrade(engine, NOON)


def test_asking_makes_no_file(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/trading.db") as engine:
        assert migrate.current(engine) is None
        migrate.downgrade(engine, "base")
        with pytest.raises(BadInput, match="sise db upgrade"):
            migrate.require_current(engine)
    assert list(tmp_path.iterdir()) == []


def test_tables_that_are_missing(tmp_path: Path) -> None:
    with (
        opened(f"sqlite:///{tmp_path}/trading.db") as engine,
        pytest.raises(BadInput, match="sise db upgrade"),
    ):
        load(engine, scalp_ticks, TICK, [tick(1)])


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [("postgresql://h/n", "psycopg", "sise[postgresql]"), ("mariadb://h/n", "pymysql", "sise[mariadb]")],
)
def test_a_driver_that_is_not_installed(
    url: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BadInput, match="is not installed") as caught:
        open_engine(url)
    assert extra in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "nonsense", "oracle://h/n", "postgresql://h", "sqlite://", "sqlite:///:memory:", "http://h/n"]
)
def test_what_is_no_url_of_a_database(url: str) -> None:
    with pytest.raises(BadInput, match="database_url"):
        open_engine(url)


def test_a_url_is_shown_without_password_query_and_driver() -> None:
    engine = open_engine("postgresql://me:secret@h:1/n?sslpassword=secret", PASSWORD)
    assert shown(engine.url) == "postgresql://me:***@h:1/n"
    assert "horse" not in repr(engine)


def test_writers_of_a_file_wait_for_each_other(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/trading.db") as engine:
        migrate.upgrade(engine, NOON)
        with writing(engine) as connection, opened(str(engine.url)) as other:
            assert connection.in_transaction()
            with other.connect() as reader:  # readers do not wait
                assert reader.execute(scalp_ticks.select()).all() == []
