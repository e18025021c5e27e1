"""A bank asks for a new login: the link that repairs the connection."""

import urllib.parse

import pytest

import person


@pytest.fixture
def own_tenant(server):
    """A business whose clock may be moved."""
    return server.make_tenant("Repair Shop")


@pytest.fixture
def lost(own_tenant, receiver):
    """A connection that the bank has ended, and the link that came with the webhook."""
    own_tenant.set_webhook(receiver.url())
    session = own_tenant.begin_link(institution="access-bank")
    linked = own_tenant.finish_link(session, "dies_on_refresh", "pass")
    receiver.wait_for("the first data", lambda each: each.deliveries(event="transaction.success"))
    own_tenant.native("POST", "/sandbox/clock/advance", {"days": 1, "hours": 2, "wait_seconds": 20})
    receiver.wait_for("the news that a login is needed", lambda each: each.deliveries(event="record.reauth_required"))
    told = receiver.deliveries(event="record.reauth_required")[0].body
    return linked, told["data"]["reauth_url"]


@pytest.fixture
def open_link(context, notes):
    def open_it(url):
        page = context.new_page()
        page.goto(url)
        return person.Widget(page, page.main_frame, notes)

    return open_it


def test_a_person_logs_in_again_by_the_link_of_the_webhook(lost, open_link, own_tenant, receiver):
    linked, url = lost
    record = linked["connection"]
    before = own_tenant.native("GET", f"/accounts?connection={record}")["data"]
    widget = open_link(url).at("consent").see("again")
    # The connection's bank is given: nobody is asked to choose one.
    widget.press().at("credentials").see("Access Bank")
    widget.log_in("dies_on_refresh").at("done")
    receiver.wait_for("the news of the repair", lambda each: each.deliveries(event="record.repaired"))
    after = own_tenant.native("GET", f"/connections/{record}")
    assert after["status"] == "active"
    assert after["customer"]["id"] == linked["customer"]
    accounts = own_tenant.native("GET", f"/accounts?connection={record}")["data"]
    assert [each["id"] for each in accounts] == [each["id"] for each in before]
    open_link(url).at("init_error", "link_used").see("This link was used already")


def test_another_persons_login_repairs_nothing(lost, open_link, own_tenant):
    linked, url = lost
    widget = open_link(url).agree().at("credentials").log_in("success").at("failed", "different_login")
    widget.see("Nothing was changed")
    assert own_tenant.native("GET", f"/connections/{linked['connection']}")["status"] != "active"
    widget.press().log_in("dies_on_refresh").at("done")


def test_a_website_may_open_the_link_and_hears_of_the_repair(lost, open_website):
    linked, url = lost
    site = open_website().begin({"short_url": url})
    site.widget().agree().at("credentials").log_in("success").at("failed", "different_login")
    site.hears("link.different_login")
    site.widget().press().log_in("dies_on_refresh").at("done")
    assert site.hears("link.repaired")["record_id"] == linked["connection"]


@pytest.fixture
def swapped(own_tenant):
    """A connection of the second of three accounts, and a link to log in to it again."""
    session = own_tenant.answer(own_tenant.begin_link(institution="access-bank"), "accounts", "pass")
    chosen = {"accounts": [session["step"]["accounts"][1]["id"]]}
    linked = own_tenant.native("POST", f"/link_sessions/{session['id']}/answers", chosen)
    assert linked["status"] == "done", linked
    made = own_tenant.native("POST", f"/connections/{linked['connection']}/reauth_link", {})
    return linked["connection"], made["url"]


def share(widget, place):
    """Logs in and shares the account at this place of the three."""
    widget.log_in("accounts").at("accounts").find("input[name=accounts]").nth(place).check()
    return widget.press()


def accounts_of(tenant, record):
    keys = ("id", "name", "mask", "status")
    return [{key: each[key] for key in keys} for each in tenant.native("GET", f"/accounts?connection={record}")["data"]]


def test_a_person_sees_which_account_becomes_which_and_says_yes(swapped, open_link, own_tenant):
    record, url = swapped
    before = accounts_of(own_tenant, record)
    widget = share(open_link(url).agree(), 2).at("preview")
    pairs = widget.find(".ask")
    assert pairs.count() == 1
    assert before[0]["mask"] in pairs.inner_text()
    widget.see("It is the only account left of this type")
    assert accounts_of(own_tenant, record) == before, "something was written before a yes"
    widget.press().at("done").see("Linked again")
    after = accounts_of(own_tenant, record)
    assert [each["id"] for each in after] == [each["id"] for each in before]
    assert after[0]["mask"] != before[0]["mask"]


def test_a_no_changes_nothing_and_the_right_account_can_still_be_chosen(swapped, open_website, own_tenant):
    record, url = swapped
    before = accounts_of(own_tenant, record)
    site = open_website().begin({"short_url": url})
    widget = share(site.widget().agree(), 2).at("preview").press("#other").at("failed", "mapping_refused")
    widget.see("Nothing was changed")
    assert site.hears("preview.submitted")["answer"] == "no"
    site.hears("link.mapping_refused")
    assert accounts_of(own_tenant, record) == before
    share(widget.press(), 1).at("done")
    assert accounts_of(own_tenant, record)[0]["id"] == before[0]["id"]
    assert site.hears("link.repaired")["record_id"] == record


def test_an_app_may_refuse_a_second_link_of_one_account(server, own_tenant, open_website, options):
    linked = own_tenant.finish_link(own_tenant.begin_link(institution="access-bank"), "success", "pass")
    server.run("apps", "set", *server.where, "--tenant", own_tenant.client_token, "--relink", "reject")
    mine = options | {"token": own_tenant.client_token, "key": own_tenant.public_key}
    site = open_website().begin(mine)
    site.widget().until_login("access-bank").log_in("success").at("failed", "already_linked").see("linked already")
    assert site.hears("link.already_linked")["reason"] == "already_linked"
    assert [each["id"] for each in own_tenant.native("GET", "/connections")["data"]] == [linked["connection"]]


def test_a_page_that_names_an_account_brings_its_record_back(own_tenant, open_website, options):
    linked = own_tenant.finish_link(own_tenant.begin_link(institution="access-bank"), "success", "pass")
    number = own_tenant.native("GET", f"/accounts?connection={linked['connection']}")["data"][0]["number"]
    named = {"reauth_account": number, "reauth_bank": "access-bank"}
    mine = options | named | {"token": own_tenant.client_token, "key": own_tenant.public_key}
    site = open_website().begin(mine)
    site.widget().agree().log_in("success").at("done").see("Linked again")
    assert site.hears("link.repaired")["record_id"] == linked["connection"]
    assert len(own_tenant.native("GET", "/connections")["data"]) == 1
