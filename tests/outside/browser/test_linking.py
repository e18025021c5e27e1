"""A bank is linked in the widget, as people do it."""

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize("loader", ["own", "stand-in"])
def test_a_person_links_a_bank_in_a_website(open_widget, tenant, loader):
    site, widget = open_widget(loader)
    widget.agree().choose("access-bank").personal().log_in("success").at("done").see("Acme Shop")

    linked = site.hears("link.success")
    assert linked["auth"]["bank_details"]["slug"] == "access-bank"
    assert linked["auth"]["status"] is True
    assert linked["env"] == "production-sandbox"
    assert len(linked["accounts"]) == 2
    assert all(account["nuban"].startswith("******") for account in linked["accounts"])
    record = tenant.native("GET", f"/connections/{linked['record_id']}")
    assert record["customer"]["id"] == linked["customer_id"]

    widget.press_last()
    site.hears_any("onClose")
    assert site.page.locator("iframe").count() == 0
    assert site.names("beforeClose") == ["close.finished"]
    assert site.calls("onError") == []
    names = [
        "consent.shown", "consent.given", "banks.shown", "bank.selected", "login_type.shown", "login_type.selected",
        "credentials.shown", "credentials.submitted", "done.shown",
    ]
    assert [name for name in site.names("onEvent") if not name.startswith("wait.")] == names


def test_a_person_with_a_keyboard_alone_links_a_bank(open_website, options, notes):
    site = open_website()
    site.page.evaluate("options => { window.wanted = options }", options)
    keys = site.page.keyboard
    site.page.focus("#link")
    keys.press("Enter")
    widget = site.widget().at("consent")
    widget.tab_to("#next")
    keys.press("Enter")
    widget.at("banks").tab_to("#bank-search")
    keys.type("gtb")
    expect(widget.find("#bank-list button").first).to_have_attribute("data-bank", "guaranty-trust-bank")
    keys.press("ArrowDown")
    expect(widget.find("#bank-list button").first).to_be_focused()
    keys.press("Enter")
    widget.at("login_type").tab_to("button[data-login-type=ind]")
    keys.press("Enter")
    widget.at("credentials").tab_to("input[name=username]")
    keys.type("success")
    keys.press("Tab")
    expect(widget.find("input[name=password]")).to_be_focused()
    keys.type("pass")
    keys.press("Enter")
    widget.at("done").tab_to("#next")
    keys.press("Enter")
    site.hears("closed.finished")
    expect(site.page.locator("#link")).to_be_focused()


def test_the_search_finds_a_bank_by_what_people_call_it(open_widget):
    _, widget = open_widget()
    widget.agree().at("banks")
    for words, slug in (
        ("uba", "united-bank-for-africa"), ("FIRST BANK", "first-bank-of-nigeria"), ("zenit", "zenith-bank"),
    ):
        widget.find("#bank-search").fill(words)
        expect(widget.find("#bank-list button").first).to_have_attribute("data-bank", slug)
    widget.find("#bank-search").fill("no such bank at all")
    expect(widget.find("#bank-list button")).to_have_count(0)
    widget.see("No bank is called")


def test_a_one_time_password_is_asked_for_again_when_it_is_wrong(open_widget):
    site, widget = open_widget()
    widget.until_login("zenith-bank").log_in("otp").at("otp")
    widget.fill("otp", "1111").press()
    site.hears("otp.rejected")
    expect(widget.find("#problem")).to_contain_text("2 attempts are left")
    widget.fill("otp", "0000").press().at("done")
    site.hears("otp.submitted")
    site.hears("link.success")


def test_a_security_question_is_asked_for_again_when_the_answer_is_wrong(open_widget):
    site, widget = open_widget()
    widget.until_login("zenith-bank").log_in("question").at("question").see("In which city were you born?")
    widget.fill("answer", "Ibadan").press()
    site.hears("question.rejected")
    expect(widget.find("#problem")).to_be_visible()
    widget.fill("answer", " lagos ").press().at("done")
    site.hears("question.submitted")
    site.hears("link.success")


def test_only_the_accounts_that_are_chosen_are_shared(open_widget, tenant):
    site, widget = open_widget()
    widget.until_login().log_in("accounts").at("accounts")
    boxes = widget.find("input[name=accounts]")
    expect(boxes).to_have_count(3)
    widget.press()
    expect(widget.find("#problem")).to_contain_text("at least one")
    widget.find("#all-accounts").check()
    for place in range(3):
        expect(boxes.nth(place)).to_be_checked()
    boxes.nth(1).uncheck()
    expect(widget.find("#next")).to_contain_text("Share 2 accounts")
    widget.press().at("done").see("2 accounts are shared")
    assert site.hears("accounts.submitted")["count"] == 2
    linked = site.hears("link.success")
    assert len(linked["accounts"]) == 2
    assert len(tenant.native("GET", f"/accounts?connection={linked['record_id']}")["data"]) == 2


def test_a_single_selection_shares_one_account(open_widget):
    site, widget = open_widget(selection_type="single")
    widget.until_login("zenith-bank").log_in("accounts").at("accounts")
    boxes = widget.find("input[name=accounts]")
    expect(boxes.first).to_have_attribute("type", "radio")
    boxes.nth(0).check()
    boxes.nth(2).check()
    expect(boxes.nth(0)).not_to_be_checked()
    widget.press().at("done")
    assert len(site.hears("link.success")["accounts"]) == 1


def test_a_wrong_password_leaves_the_person_at_the_form_and_a_right_one_links(open_widget, tenant):
    tenant.make_customers("ada_wrong", password="Zaria-Horse-71")
    site, widget = open_widget()
    widget.until_login("kuda-bank").log_in("ada_wrong", "Zaria-Camel-17")
    expect(widget.find("#problem")).to_contain_text("4 attempts are left")
    expect(widget.find("input[name=username]")).to_be_focused()
    expect(widget.find("input[name=password]")).to_have_value("")
    assert site.hears("credentials.rejected")["attempts_left"] == 4
    widget.log_in("ada_wrong", "Zaria-Horse-71").at("done")
    site.hears("link.success")


def test_a_company_links_with_its_own_kind_of_login(open_widget, tenant):
    site, widget = open_widget(account_type="corporate")
    # One kind of login is offered, so nobody is asked which.
    widget.agree().choose("access-bank").log_in("success").at("done")
    site.hears("link.success")
    assert "login_type.shown" not in site.names("onEvent")
