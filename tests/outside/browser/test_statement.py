"""A statement is uploaded in the widget, in production, where a bank is reached by files alone."""

import re

import pytest
import requests
from playwright.sync_api import expect

from harness import REQUEST_SECONDS, ROOT, Kubewa, Receiver, SQLite, wait_until

SHOP = "Paper Shop"
BANK = "access-bank"
NUMBER = "0123456789"
GTBANK = ROOT / "Tests/ConnectorTests/Fixtures/statements/made/csv-gtbank.csv"


def mt940(rows, number=NUMBER, opening=100_000):
    """A statement of one account; rows are (day as YYMMDD, minor units, text)."""
    def amount(minor):
        return f"{abs(minor) // 100},{abs(minor) % 100:02}"

    def balance(tag, minor, day):
        return f":{tag}:{'D' if minor < 0 else 'C'}{day}NGN{amount(minor)}"

    lines = [":20:STATEMENT", f":25:{number}", ":28C:1/1", balance("60F", opening, rows[0][0])]
    for day, minor, text in rows:
        lines += [f":61:{day}{day[2:]}{'D' if minor < 0 else 'C'}{amount(minor)}NMSCNONREF", f":86:{text}"]
    lines.append(balance("62F", opening + sum(minor for _, minor, _ in rows), rows[-1][0]))
    return ("\r\n".join(lines) + "\r\n-\r\n").encode()


JANUARY = [("240102", 500_000, "Salary"), ("240105", -12_050, "Airtime"), ("240105", -12_050, "Airtime"),
           ("240109", -90_000, "Rent")]
FEBRUARY = [("240109", -90_000, "Rent"), ("240202", 500_000, "Salary"), ("240215", -7_000, "Taxi")]
AMBIGUOUS = b"Date,Description,Debit,Credit,Balance\r\n03/04/2024,Airtime,100.00,,900.00\r\n05/06/2024,Refund,,50.00,950.00\r\n"

YEAR_FIRST = b"Date,Description,Debit,Credit,Balance\r\n24-01-30,Airtime,100.00,,900.00\r\n24-01-31,Refund,,50.00,950.00\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("statements")
    made = Kubewa(folder, SQLite(folder), options=["--log-level", "debug"])
    made.start()
    yield made
    if made.process:
        made.kill()


@pytest.fixture
def options(options):
    return {**options, "products": ["auth", "balance", "transactions"]}



def at_upload(widget):
    """Past the kind of login, where the bank has two."""
    expect(widget.main).to_have_attribute("data-screen", re.compile("login_type|upload"))
    if widget.main.get_attribute("data-screen") == "login_type":
        widget.personal()
    return widget.at("upload")


def give(widget, name, content):
    widget.find("#file").set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": content})
    return widget.press()


def fetched(tenant, record):
    accounts = tenant.native("GET", f"/accounts?connection={record}")["data"]
    rows = []
    for account in accounts:
        rows += tenant.native("GET", f"/accounts/{account['id']}/transactions?limit=100")["data"]
    return sorted((row["booked_on"], row["amount_minor"], row["description"]) for row in rows)


def expected(*statements):
    found = set()
    rows = []
    for statement in statements:
        counts = {}
        for day, minor, text in statement:
            key = (f"20{day[:2]}-{day[2:4]}-{day[4:]}", minor, text)
            counts[key] = counts.get(key, 0) + 1
            if (key, counts[key]) not in found:
                found.add((key, counts[key]))
                rows.append(key)
    return sorted(rows)


def upload(tenant, path, content):
    return requests.post(
        f"{tenant.kubewa.url}/api/v1{path}", data=content, timeout=REQUEST_SECONDS,
        headers={"Authorization": f"Bearer {tenant.secret_key}", "Content-Type": "application/octet-stream"})


def test_a_person_uploads_a_statement_and_it_is_a_connection(open_website, options, tenant):
    receiver = Receiver()
    tenant.native("POST", "/webhook_endpoints", {"url": receiver.url()})
    site = open_website().begin(options)
    widget = at_upload(site.widget().agree().choose(BANK))
    widget.press()
    expect(widget.find("#problem")).to_contain_text("Choose a file first")
    give(widget, "statement.csv", b"%PDF-1.7\n1 0 obj\n")
    expect(widget.find("#problem")).to_contain_text("PDF")
    give(widget, "statement.sta", mt940(JANUARY))
    widget.at("statement").see("6789").see("4 transactions").see("2024-01-02 to 2024-01-09")
    widget.press("#other")
    widget.at("upload")
    give(widget, "statement.sta", mt940(JANUARY))
    widget.at("statement").press().at("done").see("Paper Shop")
    linked = site.hears("link.success")
    assert linked["env"] == "production"
    assert [account["nuban"] for account in linked["accounts"]] == ["******6789"]
    record = linked["record_id"]
    wait_until("the rows", lambda: fetched(tenant, record) == expected(JANUARY))
    account = tenant.native("GET", f"/accounts?connection={record}")["data"][0]
    assert account["balance"]["ledger_minor"] == 100_000 + sum(minor for _, minor, _ in JANUARY)
    receiver.wait_for("the webhooks", lambda inbox: {"auth.success", "transaction.success", "balance.success"} <= {
        each.body["event"] for each in inbox.deliveries()})
    receiver.close()

    second = upload(tenant, f"/connections/{record}/statements", mt940(FEBRUARY, opening=385_900))
    assert second.status_code == 201, second.text
    told = second.json()
    assert told["state"] == "ready" and told["preview"]["known"] is False
    assert NUMBER not in second.text
    assert tenant.native("POST", f"/statements/{told['id']}/confirm", {})["state"] in ("confirmed", "imported")
    wait_until("the new rows", lambda: fetched(tenant, record) == expected(JANUARY, FEBRUARY))
    again = upload(tenant, f"/connections/{record}/statements", mt940(FEBRUARY, opening=385_900)).json()
    assert again["preview"]["known"] is True
    tenant.native("DELETE", f"/statements/{again['id']}")
    listed = tenant.native("GET", f"/connections/{record}/statements")["data"]
    assert [each["state"] for each in listed] == ["imported", "imported"]


def test_a_file_whose_dates_can_be_read_two_ways_is_asked_about(open_website, options, tenant):
    site = open_website().begin(options)
    widget = at_upload(site.widget().agree().choose(BANK))
    give(widget, "export.csv", AMBIGUOUS)
    expect(widget.find("#date-order")).to_be_visible()
    widget.press()
    expect(widget.find("#problem")).to_contain_text("Say how the dates are written")
    widget.press("input[value=day_first]").press()
    widget.at("statement").see("2024-04-03").see("2 transactions")
    widget.press()
    expect(widget.find("#problem")).to_contain_text("account number")
    widget.fill("account_number", "0999999991").press().at("done")
    record = site.hears("link.success")["record_id"]
    wait_until("the rows", lambda: [row[:2] for row in fetched(tenant, record)] == [
        ("2024-04-03", -10_000), ("2024-06-05", 5_000)])


def test_a_date_may_have_its_year_first(open_website, options, tenant):
    site = open_website().begin(options)
    widget = at_upload(site.widget().agree().choose(BANK))
    give(widget, "export.csv", YEAR_FIRST)
    expect(widget.find("#date-order")).to_be_visible()
    kept = widget.find("#file").evaluate("field => Array.from(field.files).map(file => file.name)")
    assert kept == ["export.csv"], "the field shows the file that is sent again"
    widget.look_over("upload-dates")
    widget.press("input[value=year_first]").press()
    widget.at("statement").see("2024-01-30 to 2024-01-31").see("2 transactions")
    widget.fill("account_number", "0999999992").press().at("done")
    record = site.hears("link.success")["record_id"]
    wait_until("the rows", lambda: [row[:2] for row in fetched(tenant, record)] == [
        ("2024-01-30", -10_000), ("2024-01-31", 5_000)])


def test_a_file_that_looks_like_another_banks_is_told_of(open_website, options):
    site = open_website().begin(options)
    widget = at_upload(site.widget().agree().choose("kuda-bank"))
    give(widget, "export.csv", GTBANK.read_bytes())
    widget.at("statement")
    expect(widget.find("#other-bank")).to_contain_text("a statement of Guaranty Trust Bank Plc, not of KUDA MFB")
    expect(widget.find("#notes")).to_have_count(0)
    widget.look_over("statement-other-bank")


def test_no_account_number_reached_the_servers_log(server):
    log = server.log.read_text(errors="replace")
    assert NUMBER not in log and "0999999991" not in log
