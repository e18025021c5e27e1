"""A bank that a program speaks for, linked in the widget in production: the example of `Examples/exec-bank`."""

import datetime
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from playwright.sync_api import expect

from harness import BINARY, REQUEST_SECONDS, ROOT, Kubewa, Receiver, SQLite, Tenant, wait_until

SHOP = "Palm Shop"
PROGRAM = ROOT / "Examples" / "exec-bank" / "palm_bank.py"
PASSWORD = "palm-tree-41"
BVN = "22200000041"
API_KEY = "planted-setting-7Kq2"
GRUMBLE = "Zaria-Camel-17"

# A program that greets and then does what its argument says.
ODD = """
import json, os, signal, sys, time
def say(value): sys.stdout.write(json.dumps(value) + "\\n"); sys.stdout.flush()
for line in sys.stdin:
    request = json.loads(line)
    if request["operation"] == "describe": say({"id": request["id"], "result": {"protocol": 1}})
    elif sys.argv[1] == "redirect" and request["operation"] == "begin_link":
        # The bank's page, which sends the person straight back.
        url = request["return_url"] + "?code=from-the-bank"
        say({"id": request["id"], "result": {"state": {"sent": True}, "step": {"kind": "redirect", "url": url}}})
    elif sys.argv[1] == "redirect" and request["operation"] == "continue_link":
        answer = request["answer"]
        good = answer["came_back"] and answer["fields"] == {"code": "from-the-bank"} and request["state"] == {"sent": True}
        step = {"kind": "done"} if good else {"kind": "failed", "code": "access_denied"}
        accounts = [{"id": "1", "number": "3090000071", "name": "Redirected", "currency": "NGN"}]
        say({"id": request["id"], "result": {"state": {}, "step": step, "linked": {"grant": {"a": 1}, "accounts": accounts}}})
    elif sys.argv[1] == "redirect": say({"id": request["id"], "error": {"code": "not_ready", "retry_after_seconds": 60}})
    elif sys.argv[1] == "hang": signal.pause()
    elif sys.argv[1] == "garbage": print("<html>Back soon</html>", flush=True)
    elif sys.argv[1] == "flood":
        while True: print("x" * 100000)
    elif sys.argv[1] == "die": os.kill(os.getpid(), signal.SIGKILL)
    elif sys.argv[1] == "step": say({"id": request["id"], "result": {"step": {"kind": "dance"}}})
    elif request["operation"] == "continue_link":
        print("refused", json.dumps(request["answer"]), file=sys.stderr, flush=True)
        say({"id": request["id"], "error": {"code": "provider_unavailable"}})
    else: say({"id": request["id"], "result": {"state": {}, "step": {"kind": "form", "name": "credentials", "prompt":
        "Log in.", "fields": [{"key": "username", "kind": "text", "label": "User"},
        {"key": "password", "kind": "secret", "label": "Password"}]}}})
"""
ODDITIES = ["hang", "garbage", "flood", "die", "step", "grumble", "redirect"]


def load_example():
    spec = importlib.util.spec_from_file_location("palm_bank", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    was, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    spec.loader.exec_module(module)
    sys.dont_write_bytecode = was
    return module


palm_bank = load_example()


def code(user="ada"):
    return palm_bank.one_time_code(f"code-{user}", int(time.time()))


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """The bank's books as of today."""
    folder = tmp_path_factory.mktemp("palm")
    lagos = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=1)))
    palm_bank.make(folder, lagos.date())
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory, export):
    folder = tmp_path_factory.mktemp("exec")
    institutions = folder / "data" / "institutions"
    institutions.mkdir(parents=True)
    (institutions / "palm.json").write_text(json.dumps({
        "institutions": [
            {"slug": "palm-savings", "name": "Palm Savings"},
            {"slug": "training-bank", "name": "Training Bank", "country": "GH"},
        ],
        "serve": [{
            "connector": "exec", "name": "palm", "institutions": ["palm-savings"],
            "command": ["/usr/bin/python3", str(PROGRAM), "serve", str(export)],
        }],
    }))
    odd = folder / "odd.py"
    odd.write_text(ODD)
    (institutions / "odd.json").write_text(json.dumps({
        "institutions": [{"slug": f"odd-{each}", "name": f"Odd {each}"} for each in ODDITIES],
        "serve": [
            {
                "connector": "exec", "name": each, "institutions": [f"odd-{each}"],
                "command": ["/usr/bin/python3", str(odd), each], "limits": {"call_seconds": 1},
            }
            for each in ODDITIES
        ] + [
            {
                "connector": "exec", "name": "missing", "institutions": ["heritage-bank"],
                "command": ["/nowhere/at/all"],
            }
        ],
    }))
    made = Kubewa(folder, SQLite(folder), options=["--log-level", "debug", "--refresh-cooldown", "0"])
    subprocess.run(
        [str(BINARY), "institutions", "set", *made.where, "exec:palm", "api_key"], input=API_KEY, text=True, check=True,
        timeout=REQUEST_SECONDS, capture_output=True,
    )
    made.start()
    yield made
    if made.process:
        made.kill()


def processes(argument):
    """Numbers of the running processes that have this argument."""
    found = []
    for each in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(argument).encode() in words:
            found.append(int(each.parent.name))
    return found


def fetched(tenant, record):
    """Every transaction, by account number."""
    found = {}
    for account in tenant.native("GET", f"/accounts?connection={record}")["data"]:
        rows, cursor = [], ""
        while cursor is not None:
            page = tenant.native("GET", f"/accounts/{account['id']}/transactions?limit=100{cursor}")
            rows += page["data"]
            cursor = f"&cursor={page['next_cursor']}" if page["has_more"] else None
        found[account["number"]] = rows
    return found


def booked(export):
    """What the bank's own books say, by account number."""
    found = {}
    for row in palm_bank.Export(export).rows("transactions.csv"):
        amount = palm_bank.kobo(row["credit"]) if row["credit"] else -palm_bank.kobo(row["debit"])
        found.setdefault(row["account"], []).append((row["date"], amount, "NGN", row["reference"]))
    return found


def link(widget):
    widget.agree().choose("palm-savings").personal().see("Palm Savings").log_in("ada", PASSWORD).at("otp")
    return widget.fill("otp", code()).press().at("done")


def test_a_person_links_it_with_a_one_time_password_and_its_data_comes(open_website, options, tenant, export, notes):
    receiver = Receiver()
    tenant.native("POST", "/webhook_endpoints", {"url": receiver.url()})
    site = open_website().begin(options)
    widget = site.widget()
    widget.agree().choose("palm-savings").personal().log_in("ada", "palm-tree-14")
    expect(widget.find("#problem")).to_contain_text("4 attempts are left")
    widget.log_in("ada", PASSWORD).at("otp").see("phone ending in 41")
    widget.fill("otp", "000000").press()
    expect(widget.find("#problem")).to_contain_text("2 attempts are left")
    widget.fill("otp", code()).press().at("done").see("Palm Shop")
    linked = site.hears("link.success")
    assert linked["env"] == "production"
    assert linked["bank_name"] == "Palm Savings"
    assert sorted(account["nuban"][-4:] for account in linked["accounts"]) == ["0041", "0042"]

    record = linked["record_id"]
    mine = {number: rows for number, rows in booked(export).items() if number.startswith("301")}
    wait_until(
        "all rows of the export",
        lambda: {n: len(rows) for n, rows in fetched(tenant, record).items()} == {n: len(rows) for n, rows in mine.items()},
    )
    for number, rows in fetched(tenant, record).items():
        told = [(row["booked_on"], row["amount_minor"], row["currency"], row["reference"]) for row in rows]
        assert sorted(told) == sorted(mine[number])
    balances = {row["number"]: row["balance"] for row in palm_bank.Export(export).accounts("ada")}
    for account in tenant.native("GET", f"/accounts?connection={record}")["data"]:
        assert account["balance"]["ledger_minor"] == palm_bank.kobo(balances[account["number"]])
    receiver.wait_for("the webhook of new rows", lambda r: [d for d in r.deliveries() if "transaction" in d.body["event"]])
    assert all(BVN.encode() not in delivery.raw for delivery in receiver.deliveries())
    receiver.close()


def test_it_is_started_again_when_it_dies_and_the_connection_goes_on(open_website, options, tenant, server, export):
    site = open_website().begin(options)
    link(site.widget())
    record = site.hears("link.success")["record_id"]
    (first,) = processes(export)
    os.kill(first, signal.SIGKILL)
    wait_until("the program to be gone", lambda: first not in processes(export))
    asked = tenant.native("POST", "/refreshes", {"connection": record})
    wait_until("the refresh", lambda: tenant.native("GET", f"/refreshes/{asked['id']}?wait=10")["state"] == "done")
    (second,) = processes(export)
    assert second != first


@pytest.mark.parametrize("oddity", ["hang", "garbage", "flood", "die", "step"])
def test_a_program_that_does_not_do_its_part_is_a_bank_that_does_not_answer(open_website, options, server, oddity):
    site = open_website().begin(options)
    widget = site.widget()
    widget.agree().choose(f"odd-{oddity}").personal().at("failed")
    # Others do not notice.
    widget.press("#other").choose("palm-savings").personal().at("credentials")


def test_a_page_that_asks_for_banks_that_are_not_served_here_says_so(open_website, options):
    site = open_website().begin({**options, "filter": {"banks": ["training-bank"]}})
    site.widget().agree().at("failed", "no_banks")
    assert site.hears("link.failed")["reason"] == "no_banks"


def test_a_program_that_is_not_there_is_told_to_the_operator(open_website, options, server):
    site = open_website().begin(options)
    widget = site.widget()
    # Its health is known before anybody tries.
    widget.agree().choose("heritage-bank").at("bank_warning", "down").press().personal().at("failed")
    done = subprocess.run(
        [str(BINARY), "institutions", "check", *server.where, "exec:missing"], capture_output=True, text=True,
        timeout=REQUEST_SECONDS,
    )
    assert done.returncode != 0
    assert "no_such_file" in done.stdout, done.stdout + done.stderr
    good = server.run("institutions", "check", *server.where, "exec:palm")
    assert "WRONG" not in good


def test_a_program_may_send_the_person_to_a_page_of_the_bank(open_website, options):
    site = open_website().begin(options)
    widget = site.widget()
    widget.agree().choose("odd-redirect").personal().at("redirect")
    with site.page.context.expect_page() as opened:
        widget.press()
    expect(opened.value.locator("#main")).to_have_attribute("data-screen", "returned")
    opened.value.close()
    widget.at("done")
    assert [account["name"] for account in site.hears("link.success")["accounts"]] == ["Redirected"]


def test_what_a_program_complains_of_is_logged_without_what_the_person_typed(open_website, options, server, notes):
    site = open_website().begin(options)
    widget = site.widget()
    widget.agree().choose("odd-grumble").personal().log_in("grumbler-71", GRUMBLE).at("bank_down")
    wait_until("the complaint in the log", lambda: "refused" in server.log.read_text(errors="replace"))
    line = next(each for each in server.log.read_text(errors="replace").splitlines() if "refused" in each)
    assert "[hidden]" in line and "exec:grumble" in line
    assert GRUMBLE not in line and "grumbler-71" not in line


def test_secrets_are_found_nowhere(server, export):
    """Passwords, codes, the setting and the BVN, in the log and in every file of the database."""
    files = [server.log, *pathlib.Path(server.database.location).parent.glob("kubewa.db*")]
    assert len(files) >= 2
    for planted in (PASSWORD, "palm-tree-14", GRUMBLE, API_KEY, BVN):
        for file in files:
            assert planted.encode() not in file.read_bytes(), f"{planted} is in {file.name}"


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_no_program_outlives_the_server(open_website, options, server, export, tenant, way):
    # One of the two comes first, and starts the server for the other.
    if server.process is None:
        server.start()
    session = tenant.begin_link("palm-savings")
    assert session["step"]["name"] == "credentials"
    assert len(processes(export)) == 1
    getattr(server, way)()
    wait_until("the program to end", lambda: not processes(export), seconds=10)
