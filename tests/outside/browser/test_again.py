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
