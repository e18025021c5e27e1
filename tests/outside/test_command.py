"""What an operator can get wrong: each mistake ends at once, and the message says what to do."""

import os
import socket
import sqlite3
import subprocess

import pytest

from harness import BINARY, Kubewa, SQLite, free_port


def refused(*arguments, environment=None):
    """A command that must fail by itself, without a crash; what it says."""
    done = subprocess.run(
        [str(BINARY), *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
        env={**os.environ, **(environment or {})},
    )
    assert done.returncode in (1, 64), f"{done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def server(tmp_path):
    return Kubewa(tmp_path, SQLite(tmp_path))


def serve(server, *options, environment=None):
    ports = [] if "--port" in options else ["--port", free_port(), "--bank-port", free_port()]
    return refused("serve", *server.where, *ports, *options, environment=environment)


def doctor(server, **more):
    return refused("doctor", *server.where, "--port", free_port(), "--bank-port", free_port(), **more)


@pytest.mark.parametrize("option", ["--port", "--bank-port"])
def test_a_port_in_use_is_named_with_its_option(server, option):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        ports = {"--port": free_port(), "--bank-port": free_port(), option: taken}
        said = serve(server, "--port", ports["--port"], "--bank-port", ports["--bank-port"])
    assert f"Port {taken} is in use" in said and option in said


def test_an_address_of_another_machine_ends_with_a_sentence(server):
    for host in ("198.51.100.7", "2001:db8::7", "nowhere.invalid"):
        assert f"{host} is no address of this machine. Choose another with --host." in serve(server, "--host", host)


@pytest.mark.parametrize("options, said", [
    (("--port", "70000"), "--port is 1 to 65535"),
    (("--port", "7", "--bank-port", "7"), "two ports"),
    (("--public-url", "kubewa"), "--public-url is a URL"),
    (("--log-level", "loud"), "--log-level is debug"),
    (("--deadline-seconds", "0"), "--deadline-seconds is 1 or more"),
    (("--retention-days=-1",), "--retention-days is 0 or more"),
    (("--data", "/proc/none"), "Check its rights, or name another with --data"),
])
def test_a_setting_that_cannot_be_is_refused(server, options, said):
    assert said in serve(server, *options)


def test_a_newer_database_is_refused_and_left_as_it_is(server):
    with sqlite3.connect(server.database.location) as database:
        database.execute("INSERT INTO schema_migration VALUES (99, 'future', 0)")
    for said in (serve(server), doctor(server), refused("migrate", *server.where)):
        assert "made by a newer kubewa (schema 99" in said
    assert server.database.rows("SELECT MAX(number) FROM schema_migration") == [("99",)]


def test_a_damaged_database_is_refused(server):
    with open(server.database.location, "r+b") as file:
        file.write(os.urandom(8192))
    for said in (serve(server), doctor(server)):
        assert "damaged" in said and "Restore a copy" in said


def test_a_missing_or_another_master_key_is_refused(server):
    server.make_tenant()
    key = server.data / "master.key"
    kept = key.read_bytes()
    key.unlink()
    for said in (serve(server), doctor(server)):
        assert "has no master key" in said and "Put the key of this database there" in said
    assert not key.exists()
    key.write_text("00" * 32)
    key.chmod(0o600)
    assert "is not the one that sealed this database" in serve(server)
    assert "must be 32 bytes" in serve(server, environment={"KUBEWA_MASTER_KEY": "short"})
    key.write_bytes(kept)
    key.chmod(0o644)
    assert f"chmod 600 {key}" in doctor(server)


def test_a_second_serve_on_one_file_is_refused(server):
    server.start()
    try:
        assert "another" in serve(server).lower()
    finally:
        server.stop()


def test_production_webhooks_need_https(server):
    server.make_tenant()
    set_url = ["webhooks", "set", *server.where, "--env"]
    assert "https:// in production" in refused(*set_url, "production", "--url", "http://shop.example/hook")
    server.run(*set_url, "production", "--url", "https://shop.example/hook")
    server.run(*set_url, "sandbox", "--url", "http://127.0.0.1:3000/hook")
