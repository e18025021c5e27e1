"""Institutions, their rules and their settings, with the real binary: nothing that an operator sets comes out again."""

import json
import shutil
import subprocess
import sys

import pytest

from harness import BINARY, ROOT

SECRET = "planted_sk_live_0123456789"


def run(folder, *arguments, stdin=None, fails=False):
    done = subprocess.run(
        [str(BINARY), "institutions", *arguments, "--data", str(folder)], input=stdin, capture_output=True, text=True,
        timeout=60)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
    return done.stdout + done.stderr


def add(folder, name, value):
    (folder / "institutions").mkdir(parents=True, exist_ok=True)
    (folder / "institutions" / name).write_text(value if isinstance(value, str) else json.dumps(value))


def test_production_has_files_for_every_bank_that_exists(tmp_path):
    listed = run(tmp_path, "list").splitlines()
    assert len(listed) > 300
    assert any(line.startswith("access-bank  ") and "  file  statement" in line for line in listed)
    assert not any(line.startswith("access-bank-diamond  ") for line in listed)
    everything = run(tmp_path, "list", "--all")
    assert "access-bank-diamond  Diamond Bank Plc  not served" in everything
    assert "(now access-bank)" in everything
    assert "access-bank-diamond  Diamond Bank Plc  sandbox" in run(tmp_path, "list", "--environment", "sandbox")


def test_a_rule_gives_banks_to_a_connector_and_the_check_says_what_is_missing(tmp_path):
    add(tmp_path, "mono.json", {"connector": "mono", "institutions": ["044", "gtb"]})
    assert "access-bank  Access Bank Plc  mono  hosted_page" in run(tmp_path, "list", "--connector", "mono")
    told = run(tmp_path, "check", "mono", "--offline", fails=True)
    assert "mono  2 institutions in production" in told
    assert "WRONG secret_key is not set" in told
    assert "kubewa institutions set mono secret_key --environment production" in told
    run(tmp_path, "set", "mono", "secret_key", stdin=SECRET + "\n")
    run(tmp_path, "set", "mono", "webhook_secret", stdin=SECRET)
    good = run(tmp_path, "check", "mono", "--offline", "--public-url", "https://pay.example")
    assert "https://pay.example/upstream/mono" in good
    # The bank is asked at an address that leads nowhere it may go.
    run(tmp_path, "set", "mono", "base_url", stdin="https://127.0.0.1:9")
    refused = run(tmp_path, "check", "mono", fails=True)
    assert "it does not answer well" in refused


def test_settings_are_sealed_listed_by_name_and_forgotten(tmp_path):
    run(tmp_path, "set", "mono", "secret_key", "--institution", "access", stdin=SECRET)
    key = tmp_path / "key.txt"
    key.write_text(SECRET)
    run(tmp_path, "set", "mono", "secret_key", "--environment", "sandbox", "--file", str(key))
    key.unlink()
    listed = run(tmp_path, "settings")
    assert "production  mono  access-bank  secret_key" in listed
    assert "sandbox  mono  all  secret_key" in listed
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file
    run(tmp_path, "unset", "mono", "secret_key", "--institution", "access-bank")
    assert "access-bank" not in run(tmp_path, "settings")
    run(tmp_path, "unset", "mono", "secret_key", "--institution", "access-bank", fails=True)


def test_misuse_says_what_is_allowed(tmp_path):
    assert "must be one of these: file, mono, sandbox" in run(tmp_path, "set", "okra", "key", stdin="x", fails=True)
    assert "secret_key" in run(tmp_path, "set", "mono", "password", stdin=SECRET, fails=True)
    assert "1 to 16384 bytes" in run(tmp_path, "set", "mono", "secret_key", stdin="", fails=True)
    assert "1 to 16384 bytes" in run(tmp_path, "set", "mono", "secret_key", stdin=SECRET * 1000, fails=True)
    done = subprocess.run([str(BINARY), "institutions", "set", "mono", "secret_key", SECRET], capture_output=True)
    assert done.returncode != 0


@pytest.mark.parametrize("content, told", [
    ("{", "is not valid JSON"),
    ({"serve": [{"connector": "monno", "institutions": "all"}]}, "`serve[0].connector` must be one of exec, file"),
    ({"serve": [{"connector": "mono", "institutions": ["accessbank"]}]}, "`serve[0].institutions[0]` is `accessbank`"),
    ({"connector": "exec", "institutions": ["opay"], "command": ["bank.py"]}, "`command[0]` is an absolute path"),
    ({"connector": "sandbox", "institutions": "all"}, "`environments` has production"),
])
def test_a_mistake_in_a_file_refuses_to_start_and_names_it(tmp_path, content, told):
    add(tmp_path, "wrong.json", content)
    for command in (["serve", "--port", "7999"], ["institutions", "list"]):
        done = subprocess.run(
            [str(BINARY), *command, "--data", str(tmp_path)], capture_output=True, text=True, timeout=60)
        assert done.returncode != 0
        assert "wrong.json" in done.stderr and told in done.stderr, done.stderr


def test_a_new_connector_is_stamped_with_its_tests_its_page_and_its_lines(tmp_path):
    for path in ("Tests/ConnectorTests/Template", "Sources/Kubewa/BankConnectors.swift", "docs/connectors/README.md"):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / path).is_dir() else shutil.copy)(ROOT / path, target)
    (tmp_path / "Sources/Connectors").mkdir(parents=True)
    stamp = [sys.executable, str(ROOT / "scripts/new-connector")]
    subprocess.run([*stamp, "PalmCoast", str(tmp_path)], check=True, capture_output=True)
    sources = sorted(path.name for path in (tmp_path / "Sources/Connectors/PalmCoast").iterdir())
    assert sources == [f"PalmCoast{part}.swift" for part in ("Client", "Connector", "Translate", "Wire")]
    for path in (tmp_path / "Sources/Connectors/PalmCoast").iterdir():
        text = path.read_text()
        assert "emplate" not in text and "import Connectors" not in text and "import Domain" in text
    tests = tmp_path / "Tests/ConnectorTests/PalmCoast/PalmCoastConformanceTests.swift"
    assert "struct PalmCoastConformanceTests" in tests.read_text()
    assert "PalmCoastConnector(transport: client)," in (tmp_path / "Sources/Kubewa/BankConnectors.swift").read_text()
    assert "[PalmCoast](palmcoast.md)" in (tmp_path / "docs/connectors/README.md").read_text()
    assert (tmp_path / "docs/connectors/palmcoast.md").read_text().startswith("# PalmCoast\n")
    for name in ("PalmCoast", "palm", "Palm Coast", ""):
        again = subprocess.run([*stamp, name, str(tmp_path)], capture_output=True, text=True)
        assert again.returncode != 0 and "new-connector" in again.stderr
