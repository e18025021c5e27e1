"""What goes wrong while a bank is linked, and how the person goes on."""

import pytest
from playwright.sync_api import expect

from harness import wait_until


@pytest.fixture
def own_tenant(server):
    """A business whose clock may be moved, and which nobody has linked a bank to."""
    return server.make_tenant("Clock Shop")


@pytest.fixture
def own_options(options, own_tenant):
    return {**options, "token": own_tenant.client_token, "key": own_tenant.public_key}


def advance(tenant, **time):
    tenant.native("POST", "/sandbox/clock/advance", {**time, "wait_seconds": 20})


def hold_answers(page):
    """The server works on answers, and its replies stay away until the test ends."""
    held = []

    def hold(route):
        route.fetch()
        held.append(route)

    page.route("**/answers", hold)
    return held


def test_a_locked_login_is_told_with_what_to_do(open_widget):
    site, widget = open_widget()
    widget.until_login().log_in("locked").at("locked", "user_locked").see("Unlock it in the bank’s app")
    assert site.hears("link.locked")["reason"] == "user_locked"
    widget.press().at("credentials")
    assert site.hears("retry.pressed")["screen"] == "locked"
    widget.log_in("locked").at("locked").press_last("#close-button")
    site.hears("close.failed")
    site.hears("closed.failed")


def test_a_bank_that_is_down_can_be_tried_again_or_left_for_another(open_widget):
    site, widget = open_widget()
    widget.until_login().log_in("bank_down").at("bank_down").see("Access Bank Plc is not answering")
    site.hears("link.bank_down")
    widget.press().log_in("bank_down").at("bank_down").press("#other")
    widget.choose("zenith-bank").personal().log_in("success").at("done").see("Zenith")
    assert site.hears("link.success")["bank_name"].startswith("Zenith")


def test_a_bank_that_is_known_to_be_down_is_warned_about_and_can_be_tried(open_widget):
    site, widget = open_widget()
    widget.agree().at("banks")
    expect(widget.find("[data-bank=heritage-bank] .health")).to_have_text("Not answering")
    expect(widget.find("[data-bank=unity-bank] .health")).to_have_text("Slow now")
    widget.choose("heritage-bank").at("bank_warning", "down").press("#other")
    widget.choose("heritage-bank").at("bank_warning").press().personal().log_in("success").at("done")
    site.hears("bank_warning.shown")


def test_a_slow_bank_is_waited_for(open_widget):
    site, widget = open_widget()
    widget.until_login().log_in("slow").at("wait").at("done")
    site.hears("wait.shown")
    site.hears("link.success")


def test_a_person_who_waits_long_may_leave_and_the_bank_is_linked_all_the_same(
    open_website, open_widget, context, own_options, own_tenant
):
    context.clock.install()
    site, widget = open_widget(website=open_website(), **{**own_options, "meta": {"order": "left-early"}})
    widget.until_login("united-bank-for-africa")
    hold_answers(site.page)
    widget.log_in("success")
    context.clock.run_for(2_000)
    widget.at("wait").see("This takes a few seconds")
    expect(widget.find("#leave-waiting")).to_be_hidden()
    context.clock.run_for(4_000)
    site.hears("wait.slow")
    widget.see("is slow today")
    context.clock.run_for(15_000)
    site.hears("wait.long")
    widget.press_last("#leave-waiting")
    site.hears("close.waiting")
    site.hears("closed.waiting")
    linked = wait_until("the bank to be linked", lambda: own_tenant.native("GET", "/connections")["data"])
    assert [each["institution"]["slug"] for each in linked] == ["united-bank-for-africa"]


def test_leaving_before_the_end_is_asked_about_and_ends_the_session(open_widget, tenant):
    site, widget = open_widget()
    with site.page.expect_response("**/api/v1/widget/sessions") as reply:
        widget.until_login()
    session = reply.value.json()["id"]
    widget.press("#close-button")
    expect(widget.find("#stay")).to_be_focused()
    widget.look_over("close")
    site.hears("close.asked")
    widget.press("#stay").at("credentials")
    site.hears("close.cancelled")
    site.page.keyboard.press("Escape")
    expect(widget.find("dialog#close")).to_be_visible()
    site.page.keyboard.press("Escape")
    expect(widget.find("dialog#close")).to_have_count(0)
    widget.press("#close-button").press_last("#leave")
    site.hears("closed.unfinished")
    left = tenant.native("GET", f"/link_sessions/{session}")
    assert (left["status"], left["reason"]) == ("abandoned", "The person closed the page.")


def test_leaving_before_a_login_needs_no_question(open_widget):
    site, widget = open_widget()
    widget.at("consent").press_last("#close-button")
    site.hears("close.early")
    site.hears("closed.early")


@pytest.mark.parametrize("choice", ["#next", "#other"])
def test_a_person_who_closed_the_browser_goes_on_where_they_were(open_widget, open_website, kept_profile, choice):
    browser = kept_profile()
    _, widget = open_widget(website=open_website(profile=browser))
    widget.until_login().log_in("otp").at("otp")
    browser.close()
    site, widget = open_widget(website=open_website(profile=kept_profile()))
    widget.at("resume").see("Access Bank").press(choice)
    if choice == "#next":
        widget.at("otp").fill("otp", "0000").press().at("done")
        site.hears("resume.continued")
        site.hears("link.success")
    else:
        widget.at("consent")
        site.hears("resume.restarted")


def test_a_session_that_took_too_long_can_be_begun_again(open_widget, own_options, own_tenant):
    site, widget = open_widget(**own_options)
    widget.until_login()
    advance(own_tenant, hours=2)
    widget.log_in("success").at("expired", "expired").see("The time is over")
    site.hears("link.expired")
    widget.press().link()
    site.hears("link.success")


def test_a_code_that_is_too_old_can_be_sent_again(open_widget, own_options, own_tenant):
    site, widget = open_widget(**own_options)
    widget.until_login().log_in("otp").at("otp")
    advance(own_tenant, minutes=12)
    widget.fill("otp", "0000").press().at("failed", "mfa_expired")
    site.hears("link.code_expired")
    widget.press().log_in("otp").at("otp").fill("otp", "0000").press().at("done")


def test_the_back_button_leads_through_the_screens(open_widget):
    site, widget = open_widget()
    widget.until_login().press("#back").at("login_type")
    site.go("back")
    widget.at("banks")
    assert site.hears("back.pressed")["screen"] == "credentials"
    site.go("back")
    widget.at("consent")
    site.go("forward")
    widget.at("consent").link()
    site.hears("link.success")


def test_the_page_says_that_it_is_offline_and_goes_on(open_widget):
    site, widget = open_widget()
    widget.agree().choose().at("login_type")
    site.page.route("**/api/v1/widget/sessions", lambda route: route.abort())
    widget.press("button[data-login-type=ind]").at("offline", "network")
    site.hears("offline.shown")
    site.page.unroute("**/api/v1/widget/sessions")
    widget.press().log_in("success").at("done")


def test_a_second_tab_is_noticed_and_one_of_them_goes_on(open_widget, open_website, kept_profile):
    browser = kept_profile()
    first_site, first = open_widget(website=open_website(profile=browser))
    first.until_login()
    second_site, second = open_widget(website=open_website(profile=browser))
    second.at("second_tab").press()
    second.at("credentials")
    first.at("second_tab")
    second_site.hears("second_tab.taken")
    first_site.hears("second_tab.shown")
    second.log_in("success").at("done")


def test_what_the_sandbox_bank_never_does_is_shown_too(open_widget, shop_site, script_bank):
    """A bank's own page, a question of another kind, and a refusal."""
    site, widget = open_widget()
    visit = {"kind": "redirect", "url": shop_site.address("/thanks")}
    question = {
        "kind": "form", "name": "branch", "prompt": "Where is your branch?",
        "fields": [{"key": "branch", "kind": "select", "label": "Branch", "choices": ["Ikeja", "Yaba"]}],
    }
    refused = {**question, "problem": "That is not your branch.", "attempts_left": 1}
    ends = [
        {"kind": "failed", "code": code, "message": "The bank says no.", "recovery": "retry"}
        for code in ("access_denied", "account_closed")
    ]
    script = script_bank(site.page, [visit, question, refused, *ends])
    widget.agree().choose().personal().at("redirect")
    with site.page.context.expect_page() as opened:
        widget.press()
    opened.value.close()
    site.hears("redirect.opened")
    widget.at("form").press()
    expect(widget.find("#problem")).to_contain_text("Choose one of the answers")
    widget.find("input[value=Yaba]").check()
    widget.press()
    expect(widget.find("#problem")).to_contain_text("That is not your branch. One attempt is left")
    site.hears("form.rejected")
    widget.find("input[value=Ikeja]").check()
    widget.press().at("failed", "access_denied")
    site.hears("link.denied")
    widget.press().at("failed", "account_closed")
    assert site.hears("link.failed")["reason"] == "account_closed"
    script.stop()
    widget.press("#other").choose().personal().log_in("success").at("done")
