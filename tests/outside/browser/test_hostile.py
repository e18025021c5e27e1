"""Options that mean harm, websites that are not asked, and people who press twice: nothing breaks, nothing leaks."""

import base64
import json
import pathlib
import re
import zlib

import pytest
from playwright.sync_api import expect

from harness import wait_until

EVIL = '"><script>window.pwned=1</script><img src=x onerror="window.pwned=1">'


@pytest.fixture
def watched(context):
    """Requests and dialogs of a profile, in order."""
    seen = []
    context.on("request", lambda request: seen.append(request))
    context.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    return seen


def test_scripts_in_names_and_texts_are_shown_as_text(open_widget, watched):
    texts = ("name", "connectMessage", "success_title", "success_message", "continue_cta", "widget_failed")
    site, widget = open_widget(**{name: EVIL[:40] for name in texts}, color="red;background:url(//x)")
    widget.see('"><script>').link()
    for frame in site.page.frames:
        assert frame.evaluate("() => window.pwned") is None
    assert widget.find("main script, main img").count() == 0


@pytest.mark.parametrize("name", ["logo", "success_url", "redirect_url", "callback_url"])
def test_an_address_that_would_run_is_never_used(open_widget, watched, name):
    site, widget = open_widget(**{name: "javascript:window.pwned=1//"})
    if name == "logo":
        widget.at("consent")
        expect(widget.find("img.logo")).to_have_count(0)
    else:
        widget.at("init_error", "url_refused")
        site.hears("init.url_refused")
    assert site.page.evaluate("() => window.pwned") is None


def test_a_logo_of_five_megabytes_is_left_out_and_costs_nothing(open_widget, watched):
    logo = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * (5 * 1024 * 4)).decode()
    _, widget = open_widget(logo=logo)
    widget.at("consent")
    expect(widget.find("img.logo")).to_have_count(0)
    opened = [each for each in watched if each.url.endswith("/widget/open")]
    assert all(len(each.post_data) < 10_000 for each in opened)


def png(width, height):
    """A picture of one colour."""

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    rows = (b"\0" + b"\x0b\x6b\x4f" * width) * height
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def contrast(widget):
    """Of the main button's text and its ground, as WCAG counts it."""

    def luminance(colour):
        parts = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    text, ground = widget.find("#next").evaluate(
        "node => { const style = getComputedStyle(node); return [style.color, style.backgroundColor] }"
    )
    light, dark = sorted((luminance(text), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("color", ["#ffff00", "#fefefe", "#000", "#3AB795", "#777777"])
def test_a_brand_of_any_colour_stays_readable(open_widget, color, mode):
    logo = "data:image/png;base64," + base64.b64encode(png(120, 40)).decode()
    _, widget = open_widget(color=color, mode=mode, logo=logo)
    widget.at("consent")
    expect(widget.find("img.logo")).to_be_visible()
    assert contrast(widget) >= 4.5
    found = widget.notes.axe.run(widget.frame, options={"runOnly": ["color-contrast"]})
    assert found.violations_count == 0, found.generate_report()


def test_unknown_banks_in_a_filter_are_left_out(open_widget):
    _, widget = open_widget(filter={"banks": ["bank-of-atlantis", "kuda-bank", "access-bank"]})
    widget.agree().at("banks")
    expect(widget.find("#bank-list button")).to_have_count(2)


def test_options_of_any_size_and_kind_break_nothing(open_widget, options):
    odd = {"filter": [], "products": ["auth"], "color": {"a": 1}, "mode": 7, "guarantors": [None], "imei": "9" * 9999}
    _, widget = open_widget(**odd)
    widget.at("consent")


def test_messages_of_others_are_not_taken_for_the_widgets(open_widget, shop_site, server):
    site, widget = open_widget()
    widget.at("consent")
    # The last that is told until somebody does something.
    site.hears("consent.shown")
    before = site.calls()
    # From this very page, from another website, from an origin that begins as the server's, and from another frame.
    site.page.evaluate("() => window.postMessage({success: true, record_id: 'forged'}, '*')")
    other = shop_site.address("/", host="127.0.0.1")
    site.page.evaluate(
        """async ([other, server]) => {
          const frame = document.createElement('iframe')
          frame.src = other
          document.body.append(frame)
          await new Promise(resolve => frame.onload = resolve)
          const widget = document.querySelector('dialog iframe').contentWindow
          for (const origin of [server + '0', server.replace('http', 'https'), 'null']) {
            dispatchEvent(new MessageEvent('message', {data: {close: true}, origin, source: widget}))
          }
          dispatchEvent(new MessageEvent('message', {data: {close: true}, origin: server, source: frame.contentWindow}))
        }""",
        [other, server.url],
    )
    foreign = next(frame for frame in site.page.frames if frame.url == other)
    foreign.evaluate("() => parent.postMessage({success: true, record_id: 'forged'}, '*')")
    # Messages come in order: when this one is heard, those before it were.
    site.page.evaluate(
        """() => new Promise(resolve => {
          addEventListener('message', event => { if (event.data === 'last') resolve() })
          window.postMessage('last', '*')
        })"""
    )
    assert site.calls() == before
    expect(site.page.locator("dialog iframe")).to_have_count(1)


def test_options_are_taken_from_the_page_around_and_from_nobody_else(open_website, options, server, shop_site):
    site = open_website()
    site.page.evaluate(
        """([server, other]) => {
          for (const src of [server + '/?isIframe=true&withOptions=true', other]) {
            const frame = document.createElement('iframe')
            frame.src = src
            frame.style.cssText = 'width:390px;height:600px'
            document.body.append(frame)
          }
          return new Promise(resolve => addEventListener('message', event => {
            if (event.data.ifameLoaded) resolve()
          }))
        }""",
        [server.url, shop_site.address("/", host="127.0.0.1")],
    )
    widget = site.widget()
    foreign = next(frame for frame in site.page.frames if "127.0.0.1" in frame.url and frame != widget.frame)
    foreign.evaluate("options => top.frames[0].postMessage(options, '*')", {**options, "name": "Thief"})
    site.page.evaluate("options => frames[0].postMessage(options, '*')", {**options, "name": "Rightful"})
    widget.at("consent").see("Rightful")
    site.page.evaluate("options => frames[0].postMessage(options, '*')", {**options, "name": "Changed"})
    widget.press().at("banks")
    expect(widget.find(".business")).to_have_text("Rightful")


def test_two_quick_presses_send_one_answer_and_wipe_the_form(open_website, open_widget, context, watched):
    context.clock.install(time="2026-01-01T10:00:00")
    site, widget = open_widget(website=open_website())
    widget.until_login("zenith-bank").fill("username", "success").fill("password", "pass")
    # Time stands still while the answer is on its way, so that the form stays and can be looked at.
    context.clock.pause_at("2026-01-01T11:00:00")
    held = []
    site.page.route("**/answers", lambda route: held.append(route))
    widget.find("#next").dblclick()
    for name in ("username", "password"):
        expect(widget.find(f"input[name={name}]")).to_have_value("")
    expect(widget.find("#problem")).to_have_count(0)
    context.clock.resume()
    # It comes in while the browser is asked something.
    wait_until("the answer to be on its way", lambda: site.page.evaluate("true") and held)
    held[0].continue_()
    widget.at("done")
    assert len([each for each in watched if each.url.endswith("/answers")]) == 1
    assert site.names("onSuccess") == ["link.success"]


def test_the_back_button_after_the_end_sends_nothing_again(open_widget, watched):
    site, widget = open_widget()
    widget.link()
    sent = len([each for each in watched if each.method == "POST"])
    for _ in range(3):
        site.go("back")
    widget.at("done")
    assert len([each for each in watched if each.method == "POST"]) == sent


@pytest.mark.parametrize("clock", ["2001-01-01T00:00:00", "2099-12-31T23:59:00"])
def test_a_clock_that_is_wrong_changes_nothing(open_website, open_widget, context, clock):
    context.clock.install(time=clock)
    site, widget = open_widget(website=open_website())
    widget.until_login().log_in("otp").at("otp").fill("otp", "0000").press().at("done")
    site.hears("link.success")


def test_what_was_typed_is_kept_nowhere(open_website, open_widget, kept_profile, tenant, server):
    """Neither in storage, nor in an address, nor in the page, nor in a callback, nor in the server's log."""
    secret = "Oshodi-Anthill-93!"
    tenant.make_customers("ada_secret", password=secret)
    browser = kept_profile()
    requests = []
    browser.on("request", lambda request: requests.append(request))
    site, widget = open_widget(website=open_website(profile=browser))
    widget.until_login("kuda-bank").log_in("ada_secret", "Oshodi-Anthill-92!")
    expect(widget.find("#problem")).to_be_visible()
    widget.log_in("ada_secret", secret).at("done")

    held = widget.frame.evaluate("() => JSON.stringify([localStorage, sessionStorage, document.cookie, history.state])")
    pages = [frame.content() + frame.url for frame in site.page.frames]
    told = json.dumps(site.calls())
    log = pathlib.Path(server.log).read_text(errors="replace")
    for text in (held, told, log, *pages):
        assert "Oshodi" not in text and "ada_secret" not in text
    carrying = [each for each in requests if "Oshodi" in each.url + (each.post_data or "") + str(each.headers)]
    assert [each.url.rsplit("/", 1)[1] for each in carrying] == ["answers", "answers"]


def test_a_session_in_progress_leaves_only_its_id_in_the_browser(open_website, open_widget, kept_profile):
    site, widget = open_widget(website=open_website(profile=kept_profile()))
    widget.until_login().log_in("otp").at("otp")
    held = widget.frame.evaluate("() => Object.values(localStorage).concat(Object.values(sessionStorage))")
    assert [sorted(json.loads(each)) for each in held] == [["expires_at", "session"]]
