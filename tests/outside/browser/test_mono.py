"""Real banks through Mono, in the production environment: from the widget to webhooks, login again, and unlinking.

Mono is the fake of `fake_mono.py`, reached over HTTP as the real one is.
"""

import json
import subprocess

import pytest
import requests
from playwright.sync_api import expect

import person
from fake_mono import FakeMono
from harness import BINARY, Kubewa, Receiver, SQLite, wait_until


@pytest.fixture(scope="module")
def mono():
    made = FakeMono()
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory, mono):
    folder = tmp_path_factory.mktemp("mono")
    institutions = folder / "data" / "institutions"
    institutions.mkdir(parents=True)
    (institutions / "mono.json").write_text(json.dumps({
        "serve": [{"connector": "mono", "institutions": "all", "country": "NG", "environments": ["production"], "priority": 10}],
    }))
    made = Kubewa(folder, SQLite(folder), options=["--log-level", "debug", "--allow-loopback-banks"])
    for key, value in (
        ("secret_key", mono.secret_key), ("webhook_secret", mono.webhook_secret), ("base_url", mono.url),
    ):
        done = subprocess.run(
            [str(BINARY), "institutions", "set", "mono", key, *made.where], input=value, text=True, capture_output=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    made.start()
    mono.webhook_url = made.url + "/upstream/mono"
    yield made
    made.kill()


@pytest.fixture(scope="module")
def receiver():
    made = Receiver()
    yield made
    made.close()


class Shop:
    """A business in production."""

    def __init__(self, server, receiver):
        self.server = server
        tenant = server.make_tenant("Careful Shop")
        self.keys = tenant.created["environments"]["production"]
        self.client_token = tenant.client_token
        server.run(
            "apps", "set", *server.where, "--tenant", tenant.client_token, "--env", "production",
            "--allowed-hosts", "localhost,127.0.0.1",
        )
        self.options = {
            "token": tenant.client_token, "env": "production", "key": self.keys["public_key"],
            "products": ["auth", "balance", "transactions", "identity"], "name": "Careful Shop",
        }

    def call(self, verb, path, body=None, expected=(200, 201, 202, 204)):
        reply = requests.request(
            verb, self.server.url + "/api/v1" + path, json=body, timeout=60,
            headers={"Authorization": f"Bearer {self.keys['secret_key']}"},
        )
        assert reply.status_code in expected, f"{verb} {path}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else None

    def accounts(self, connection):
        return self.call("GET", f"/accounts?connection={connection}&limit=100")["data"]

    def transactions(self, connection):
        rows = []
        for account in self.accounts(connection):
            cursor = ""
            while True:
                page = self.call("GET", f"/accounts/{account['id']}/transactions?limit=100{cursor}")
                rows += page["data"]
                if not page["has_more"]:
                    break
                cursor = f"&cursor={page['next_cursor']}"
        return rows


@pytest.fixture(scope="module")
def shop(server, receiver):
    return Shop(server, receiver)


@pytest.fixture
def options(shop):
    return dict(shop.options)


@pytest.fixture(autouse=True)
def whole(mono):
    """Each test begins with a Mono that does what it should."""
    yield
    mono.first_status, mono.other_bank, mono.answers_html = "AVAILABLE", None, False
    mono.seconds_late, mono.limited, mono.spends_codes = 0, 0, False
    mono.webhook_url = mono.webhook_url or None


def at_mono(site, widget, bank="access-bank"):
    """Until Mono's own page is open in a tab of its own."""
    widget.agree().choose(bank).personal()
    widget.at("redirect")
    with site.page.context.expect_page() as opened:
        widget.press()
    page = opened.value
    expect(page.locator("h1")).to_contain_text("Log in to")
    return page


def link(site, widget, way="#agree"):
    page = at_mono(site, widget)
    page.click(way)
    return page


def test_a_person_links_syncs_is_told_logs_in_again_and_is_unlinked(open_widget, open_website, shop, mono, notes, server):
    site, widget = open_widget()
    page = link(site, widget)
    expect(page.locator("#main")).to_have_attribute("data-screen", "returned")
    expect(page.locator("#title")).to_be_visible()
    notes.look_over(page, page.main_frame, "returned")
    assert "code" not in page.url
    page.close()
    widget.at("done").see("Careful Shop")
    linked = site.hears("link.success")
    record = linked["record_id"]
    (account,) = [each for each in mono.accounts.values() if not each.unlinked]
    asked = mono.requests("POST", "/initiate")[-1][3]
    assert json.loads(asked)["institution"] == {"id": "5f2d08bf60b92e2888287703", "auth_method": "internet_banking"}

    # Sync: every row, exact to the kobo.
    wait_until("all rows", lambda: len(shop.transactions(record)) == 45)
    total = sum(row["amount_minor"] for row in shop.transactions(record))
    assert total == sum(row["amount"] * (1 if row["type"] == "credit" else -1) for row in account.rows)
    assert mono.live() == [], "nobody asked for live data"

    # A push of Mono brings new data without anybody asking.
    account.add(7_777_777_77, "SALARY")
    assert mono.tell_of_update(account, has_new_data=True) == 202
    wait_until("the new row", lambda: len(shop.transactions(record)) == 46)

    # Bad secrets change nothing, and are counted.
    assert mono.push("mono.events.account_unlinked", {"account": {"id": account.id}}, secret="wrong") == 401
    metrics = requests.get(server.url + "/metrics", timeout=30).text
    assert 'kubewa_bank_pushes_total{outcome="refused"} 1' in metrics

    # The bank wants its person again.
    account.needs_login = True
    assert mono.tell_of_update(account, sync="REAUTHORISATION_REQUIRED") == 202
    wait_until("the connection to need its person", lambda: shop.call("GET", f"/connections/{record}")["status"] == "needs_user")
    reauth = shop.call("POST", f"/connections/{record}/reauth_link", {})
    again = open_website()
    again.begin({"short_url": reauth["short_url"]})
    second = again.widget()
    second.agree().at("redirect")
    with again.page.context.expect_page() as opened:
        second.press()
    opened.value.click("#agree")
    second.at("done")
    again.hears("link.repaired")
    assert json.loads(mono.requests("POST", "/initiate")[-1][3])["account"] == account.id
    assert shop.call("GET", f"/connections/{record}")["status"] == "active"
    assert len(shop.accounts(record)) == 1

    # Unlinking reaches Mono.
    shop.call("DELETE", f"/connections/{record}")
    wait_until("the account to be unlinked at Mono", lambda: account.unlinked)


def test_a_person_who_never_comes_back_is_linked_by_monos_push(open_widget, shop, mono):
    site, widget = open_widget()
    page = link(site, widget, "#stay")
    expect(page.locator("#stayed")).to_be_visible()
    page.close()
    widget.at("done")
    site.hears("link.success")


def test_a_return_without_a_code_is_confirmed_by_monos_push(open_widget, mono):
    site, widget = open_widget()
    link(site, widget, "#silent").close()
    widget.at("done")


def test_coming_back_twice_links_once(open_widget, shop, mono):
    mono.spends_codes = True
    site, widget = open_widget()
    page = link(site, widget, "#twice")
    with page.context.expect_page() as opened:
        page.click("#first")
    expect(opened.value.locator("#main")).to_have_attribute("data-screen", "returned")
    page.click("#second")
    expect(page.locator("#main")).to_have_attribute("data-screen", "returned")
    expect(page.locator("#main")).to_have_attribute("data-status", "done")
    widget.at("done")
    record = site.hears("link.success")["record_id"]
    assert len([each for each in shop.call("GET", "/connections?limit=100")["data"] if each["id"] == record]) == 1


def test_a_foreign_reference_leads_nowhere(open_widget, mono):
    site, widget = open_widget()
    page = link(site, widget, "#foreign")
    expect(page.locator("#main")).to_have_attribute("data-screen", "unknown")
    page.close()
    widget.at("redirect").press("#back")


def test_a_cancelled_login_says_so_and_can_be_tried_again(open_widget, mono):
    site, widget = open_widget()
    page = link(site, widget, "#cancel")
    expect(page.locator("#main")).to_have_attribute("data-screen", "ended")
    page.close()
    widget.at("failed", "access_denied")
    site.hears("link.denied")
    widget.press().at("redirect")
    with site.page.context.expect_page() as opened:
        widget.press()
    opened.value.click("#agree")
    widget.at("done")


def test_a_login_at_another_bank_is_refused_and_taken_back(open_widget, mono):
    from fake_mono import BANKS
    mono.other_bank = BANKS[1]
    site, widget = open_widget()
    link(site, widget)
    widget.at("failed", "access_denied")
    assert list(mono.accounts.values())[-1].unlinked


def test_who_left_before_coming_back_leaves_nothing_linked(open_widget, mono):
    """Late: the session is over when the person agrees at the bank after all."""
    site, widget = open_widget()
    page = at_mono(site, widget)
    widget.press("#close-button").press_last("#leave")
    site.hears_any("onClose")
    page.click("#agree")
    expect(page.locator("#main")).to_have_attribute("data-screen", "ended")
    wait_until("the login to be taken back", lambda: list(mono.accounts.values())[-1].unlinked)


def test_a_page_of_its_own_comes_back_in_the_same_tab(new_context, server, options, notes, mono):
    page = new_context().new_page()
    page.goto(server.url + "/#options=" + person.encoded(options))
    widget = person.Widget(page, page.main_frame, notes)
    widget.agree().choose("access-bank").personal().at("redirect").press()
    page.click("#agree")
    widget.at("done")
    assert "/link/return" not in page.url


def test_a_slow_first_fetch_is_waited_for(open_widget, shop, mono):
    mono.first_status = "PROCESSING"
    site, widget = open_widget()
    link(site, widget)
    widget.at("wait")
    account = list(mono.accounts.values())[-1]
    account.status = "AVAILABLE"
    mono.tell_of_update(account)
    widget.at("done")
    record = site.hears("link.success")["record_id"]
    wait_until("all rows", lambda: len(shop.transactions(record)) == 45)


def test_mono_that_answers_html_is_told_and_nothing_stays(open_widget, mono):
    mono.answers_html = True
    site, widget = open_widget()
    widget.agree().choose("access-bank").personal().at("failed")
    mono.answers_html = False
    widget.press().at("redirect")


def test_mono_makes_an_income_and_gives_a_statement(open_widget, shop, mono, receiver):
    """In the production environment: asked for, made while nobody waits, pushed, told; and what goes wrong is said."""
    shop.call("POST", "/webhook_endpoints", {"url": receiver.url("/incomes"), "event_types": ["income.success", "income.failed"]})
    site, widget = open_widget()
    link(site, widget).close()
    widget.at("done")
    record = site.hears("link.success")["record_id"]
    mine = list(mono.accounts.values())[-1]
    wait_until("all rows", lambda: len(shop.transactions(record)) == 45)
    (account,) = shop.accounts(record)
    path = f"/accounts/{account['id']}/income"

    def told():
        bodies = [each.body for each in receiver.deliveries("/incomes")]
        return [body for body in bodies if body["data"]["account"] == account["id"]]

    assert shop.call("GET", path, expected=(404,))["error"]["code"] == "not_found"
    asked = shop.call("POST", path, {"months": 3}, expected=(202,))
    assert (asked["state"], asked["income"], mine.income_asked) == ("processing", None, "3")
    assert mono.tell_of_income(mine, secret="wrong") == 401
    assert shop.call("GET", path)["state"] == "processing"
    assert mono.tell_of_income(mine) == 202
    made = shop.call("GET", path)
    assert made["state"] == "ready" and made["id"] == asked["id"]
    credits = [row["amount"] for row in mine.rows if row["type"] == "credit"]
    assert made["income"]["total_minor"] == sum(credits)
    (stream,) = made["income"]["streams"]
    assert (stream["kind"], stream["last_minor"], stream["stability_percent"]) == ("salary", 1_000_001, 92)
    wait_until("the webhook", lambda: len(told()) == 1)
    assert told()[0]["event"] == "income.success"
    assert told()[0]["data"]["query"]["path"] == "/api/v1" + path

    # A push that says nothing new is not told again; one without an income, which nobody waits for, neither.
    assert mono.tell_of_income(mine) == 202
    assert mono.tell_of_income(mine, {"account": mine.id}) == 202
    assert mono.tell_of_income(mine, {"account": mine.id, "income_streams": [{"last_income_amount": "much"}]}) == 400
    mine.income_refused = 400
    failed = shop.call("POST", path, {})
    assert (failed["state"], failed["error"], failed["income"]) == ("failed", "invalid_request", made["income"])
    wait_until("the webhook of the failure", lambda: len(told()) == 2)
    assert told()[1]["event"] == "income.failed"
    assert mine.number not in json.dumps(told())

    # The statement: every row to the kobo, none of them kept.
    statement = shop.call("GET", f"/accounts/{account['id']}/bank_statement?months=12")
    assert statement["count"] == len(statement["rows"]) == 45
    sums = [row["amount"] * (1 if row["type"] == "credit" else -1) for row in mine.rows]
    assert sum(row["amount_minor"] for row in statement["rows"]) == sum(sums)
    assert len(shop.transactions(record)) == 45
    mine.statement_lie = 1
    unwhole = shop.call("GET", f"/accounts/{account['id']}/bank_statement?months=12", expected=(503,))
    assert unwhole["error"]["message"] == "The bank gave only a part of the data."
    mine.statement_lie = 0
    mono.answers_html = True
    assert shop.call("GET", f"/accounts/{account['id']}/bank_statement?months=1", expected=(503,))["error"]["code"] == "unavailable"
    mono.answers_html = False
    assert shop.call("GET", f"/accounts/{account['id']}/bank_statement?months=13", expected=(400,))["error"]["field"] == "months"


def test_no_secret_and_no_number_is_in_logs_or_the_database(server, mono):
    """Runs last: after all of the above."""
    planted = [mono.secret_key, mono.webhook_secret, "22300000965", *mono.codes]
    log = server.log.read_bytes()
    files = [path.read_bytes() for path in server.data.parent.glob("kubewa.db*")]
    for secret in planted:
        assert secret.encode() not in log, "a secret is in the log"
        for content in files:
            assert secret.encode() not in content, "a secret is in the database"
    assert b"0131883461" not in log
