"""What the tests of this folder are given. Everything runs on loopback and in pytest's temporary folders."""

import pytest

from harness import BINARY, Kubewa, Receiver, open_database


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
