"""The widget outside of a website's frame: as a page of its own, in an app's web view, by a short link."""

import json
import re
import urllib.parse

import pytest
from playwright.sync_api import expect

import person

# What apps put into their web views. Each passes on what the page says, as text or as an object.
BRIDGES = {
    "ReactNativeWebView": "window.ReactNativeWebView = {postMessage: text => heard(JSON.parse(text))}",
    "kubewa of iOS": "window.webkit = {messageHandlers: {kubewa: {postMessage: heard}}}",
    "okra of iOS": "window.webkit = {messageHandlers: {okra: {postMessage: heard}}}",
    "FlutterOkra of iOS": "window.webkit = {messageHandlers: {FlutterOkra: {postMessage: text => heard(JSON.parse(text))}}}",
    "FlutterOkra": "window.FlutterOkra = {postMessage: text => heard(JSON.parse(text))}",
    "flutter_inappwebview":
        "window.flutter_inappwebview = {callHandler: (name, event) => { if (name === 'kubewa') heard(event) }}",
    "Android": """
        window.Android = {}
        for (const [name, event] of Object.entries({
          onSuccess: 'option success', onError: 'option error', onClose: 'option close', onEvent: 'option event',
          onBeforeClose: 'option before close',
        })) window.Android[name] = text => heard({event, data: JSON.parse(text)})""",
    "Android with one door": "window.Android = {postMessage: text => heard(JSON.parse(text))}",
}
CALLBACKS = """
    const names = {'option success': 'onSuccess', 'option error': 'onError', 'option close': 'onClose',
      'option before close': 'beforeClose', 'option event': 'onEvent'}
    window.calls = []
    function heard(message) {
      if (window !== top) return
      const call = {callback: names[message.event], data: message.data}
      calls.push(call)
      kubewaHeard(call)
    }
"""


@pytest.fixture
def open_page(context, server, notes):
    """Opens an address of the server in a tab."""

    def open_it(path, profile=None):
        page = (profile or context).new_page()
        page.goto(server.url + path)
        return person.Widget(page, page.main_frame, notes)

    return open_it


@pytest.fixture
def open_app(context, open_page, notes):
    """An app that shows the page in its web view, which has the bridge of this name."""

    def open_it(bridge, path="/?isWebview=true"):
        context.add_init_script(CALLBACKS + BRIDGES[bridge])
        widget = open_page(path)
        return person.Website(widget.page, notes), widget

    return open_it


# ---- a page of its own ----


def test_a_page_of_its_own_comes_back_with_the_result(open_page, options, shop_site, tenant):
    back = {"redirect_url": shop_site.address("/thanks?shop=7"), "state": "order 66&x"}
    widget = open_page("/#options=" + person.encoded({**options, **back})).link("success", "united-bank-for-africa")
    expect(widget.main).to_contain_text("You are taken back")
    widget.press_last()
    widget.page.wait_for_url("**/thanks**")
    given = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(widget.page.url).query))
    assert (given.pop("shop"), given.pop("status"), given.pop("state")) == ("7", "success", "order 66&x")
    record = tenant.native("GET", f"/connections/{given.pop('record')}")
    assert record["customer"]["id"] == given.pop("customer")
    assert given == {}
    assert widget.page.evaluate("document.referrer") == ""


def test_a_page_of_its_own_goes_back_by_itself_after_success(open_page, options, shop_site, context):
    context.clock.install()
    widget = open_page("/#options=" + person.encoded({**options, "redirect_url": shop_site.address("/thanks")})).link()
    context.clock.run_for(5_000)
    widget.page.wait_for_url("**/thanks?status=success**")


def test_a_page_of_its_own_comes_back_with_the_error(open_page, options, shop_site):
    back = {"redirect_url": shop_site.address("/thanks"), "state": "42"}
    widget = open_page("/#options=" + person.encoded({**options, **back})).until_login()
    widget.press("#close-button").press_last("#leave")
    widget.page.wait_for_url("**/thanks**")
    assert widget.page.url.split("?")[1] == "status=error&code=abandoned&state=42"


def test_a_page_of_its_own_tells_of_a_locked_login_where_it_goes_back_to(open_page, options, shop_site):
    back = {"redirect_url": shop_site.address("/thanks"), "state": "42"}
    widget = open_page("/#options=" + person.encoded({**options, **back})).until_login().log_in("locked").at("locked")
    widget.press_last("#close-button")
    widget.page.wait_for_url("**/thanks**")
    assert widget.page.url.split("?")[1] == "status=error&code=user_locked&state=42"


def test_a_page_of_its_own_takes_options_one_by_one(open_page, options):
    query = urllib.parse.urlencode({**options, "products": "auth,balance", "name": "Query Shop"})
    open_page("/?" + query).at("consent").see("Query Shop")


def test_a_page_without_options_says_what_to_do(open_page):
    open_page("/").at("init_error", "no_options")


def test_a_page_that_was_left_can_be_closed_or_begun_again(open_page, options):
    widget = open_page("/#options=" + person.encoded(options)).until_login()
    widget.press("#close-button").press("#leave").at("abandoned").see("Nothing was linked").press()
    widget.at("consent")


def test_a_page_without_an_address_to_go_back_to_says_that_it_is_over(open_page, options):
    widget = open_page("/#options=" + person.encoded(options)).link().press()
    widget.at("abandoned").see("You can close this page")


def test_a_tab_that_is_loaded_again_goes_on_where_it_was(open_page, options):
    widget = open_page("/#options=" + person.encoded(options)).until_login().log_in("question").at("question")
    widget.page.reload()
    widget.at("resume").press().at("question").fill("answer", "Lagos").press().at("done")


def test_with_scripts_switched_off_the_page_says_so(new_context, server, notes):
    page = new_context(java_script_enabled=False).new_page()
    page.goto(server.url + "/")
    expect(page.locator("[data-screen=noscript]")).to_contain_text("Please switch on JavaScript")
    expect(page.locator(".loading").first).to_be_hidden()
    # The accessibility check is a script itself: it looks at the same page with its <noscript> made a <div>.
    page = new_context().new_page()

    def without_scripts(route):
        text = route.fetch().text().replace("noscript>", "div>")
        route.fulfill(body=re.sub('<script.*</script>|<p class="loading".*</p>', "", text), content_type="text/html")

    page.route(server.url + "/", without_scripts)
    page.goto(server.url + "/")
    notes.look_over(page, page.main_frame, "noscript")


# ---- web views ----


@pytest.mark.parametrize("bridge", BRIDGES)
def test_an_app_hears_everything_over_its_bridge(open_app, options, bridge):
    app, widget = open_app(bridge, "/?isWebview=true#options=" + person.encoded(options))
    widget.link()
    assert app.hears("link.success")["accounts"]
    widget.press("#close-button")
    app.hears("closed.finished")
    assert {each["callback"] for each in app.calls()} == {"onEvent", "onSuccess", "beforeClose", "onClose"}


def test_an_app_hears_of_errors_over_its_bridge(open_app, options):
    app, widget = open_app("ReactNativeWebView", "/?isWebview=true#options=" + person.encoded({**options, "key": "nonsense"}))
    widget.at("init_error")
    app.hears_any("onError")


def test_an_app_may_give_the_options_by_a_call(open_app, options):
    app, widget = open_app("FlutterOkra")
    widget.page.wait_for_function("() => window.openOkraWidget")
    widget.page.evaluate("openOkraWidget(JSON.stringify(%s))" % json.dumps(options))
    widget.until_login()
    widget.press("#close-button").press("#leave").at("abandoned")
    app.hears("closed.unfinished")
    app.hears("abandoned.shown")


def test_an_old_app_without_a_bridge_sees_the_address_that_tells_it_to_close(open_page, options):
    widget = open_page("/?isWebview=true#options=" + person.encoded(options))
    widget.at("consent").press("#close-button")
    widget.page.wait_for_url("**/?shouldClose=true")


# ---- short links ----


@pytest.fixture
def short_link(tenant):
    def make(**more):
        return tenant.native("POST", "/links", {"name": "Loan", "products": ["auth", "balance"], **more})

    return make


def test_a_short_link_is_a_page(open_page, short_link, shop_site, tenant):
    link = short_link(redirect_url=shop_site.address("/thanks"), client_name="Loan Desk")
    path = urllib.parse.urlsplit(link["short_url"]).path
    widget = open_page(path).at("consent")
    widget.see("Loan Desk")
    widget.link().press_last()
    widget.page.wait_for_url("**/thanks?status=success**")


@pytest.mark.parametrize("loader", ["own", "stand-in"])
def test_a_short_link_opens_in_a_website(open_website, short_link, loader):
    site = open_website(loader).begin({"short_url": short_link()["short_url"]})
    site.widget().link()
    assert site.hears("link.success")["env"] == "production-sandbox"


def test_a_short_link_framed_without_any_loader_needs_no_options(open_website, short_link, notes):
    site = open_website()
    site.page.evaluate(
        """url => {
          addEventListener('message', event => { if (event.data.success) hear('onSuccess')(event.data) })
          const frame = document.createElement('iframe')
          frame.src = url + '?&isIframe=true&source=integration&hideCardOnExit=true'
          frame.style.cssText = 'width:390px;height:800px'
          document.body.append(frame)
        }""",
        short_link()["short_url"],
    )
    site.widget().link()
    site.hears("link.success")


def test_a_link_that_does_not_exist_says_so(open_page, open_website, server):
    open_page("/NoSuchLinkAtAll1").at("init_error", "link_unknown").see("This link does not exist")
    site = open_website().begin({"short_url": server.url + "/NoSuchLinkAtAll1"})
    site.hears("init.link_unknown")


def test_a_link_that_was_used_or_has_expired_says_so(open_website, short_link, options):
    link = short_link(single_use=True)["short_url"]
    open_website().begin({"short_url": link}).widget().link()
    site = open_website().begin({"short_url": link})
    site.widget().at("init_error", "link_used").see("This link was used already")
    site.hears("init.link_used")
    site = open_website().begin({**options, "exp": "2020-01-01"})
    site.widget().at("init_error", "link_expired").see("This link has expired")
    site.hears("init.link_expired")
