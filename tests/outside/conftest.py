"""What the tests of this folder are given. Everything runs on loopback and in pytest's temporary folders."""

import itertools
import os

import pytest

from harness import BINARY, Kubewa, PostgreSQL, Receiver, SQLite

database_numbers = itertools.count(1)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the server's log."""
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" or not report.failed:
        return
    servers = [item.funcargs[name] for name in ("kubewa", "first", "second", "server") if name in item.funcargs]
    for server in servers:
        if server.log.exists():
            report.sections.append((server.log.stem, server.tail()))


@pytest.fixture(scope="session", autouse=True)
def binary():
    assert BINARY.exists(), f"{BINARY} is not built: run `swift build` first"
    return BINARY


def open_database(kind, folder):
    if kind == "sqlite":
        return SQLite(folder)
    server = os.environ.get("KUBEWA_TEST_POSTGRES")
    assert server, "KUBEWA_TEST_POSTGRES is not set: run scripts/test, or scripts/with-postgres pytest tests/outside"
    return PostgreSQL(server, f"outside_{os.getpid()}_{next(database_numbers)}")


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgres"])
def kubewa(request, tmp_path):
    """A migrated database without a running server, on each kind of database in turn."""
    database = open_database(request.param, tmp_path)
    server = Kubewa(tmp_path, database)
    yield server
    try:
        server.stop()
    finally:
        database.close()
