"""Whoever opens the widget wrongly is told what is wrong; the person is told what to do."""

import pytest
import requests
from playwright.sync_api import expect


def refused(site, name, screen="init_error", code=None):
    """The callback and the screen of an opening that is refused."""
    widget = site.widget().at(screen, code or name.removeprefix("init."))
    told = site.hears(name)
    assert told["error"] is True
    assert told["message"]
    assert [each for each in site.calls("onError") if each["data"]["event_name"] != name] == []
    return widget, told


@pytest.fixture
def renewed_key(server):
    """A public key that was replaced, with its client token."""
    tenant = server.make_tenant("Renewed Shop")
    server.run("keys", "renew", *server.where, "--tenant", tenant.client_token, "--kind", "public")
    return {"token": tenant.client_token, "key": tenant.public_key}


@pytest.fixture
def small_app(server):
    """The keys of a business whose app may ask for balances alone."""
    tenant = server.make_tenant("Small Shop")
    server.run("apps", "set", *server.where, "--tenant", tenant.client_token, "--products", "balance")
    return {"token": tenant.client_token, "key": tenant.public_key}


@pytest.mark.parametrize("loader", ["own", "stand-in"])
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("init.no_key", {"key": None}),
        ("init.unknown_key", {"key": "6ba7b810-9dad-41d1-80b4-00c04fd430c8"}),
        ("init.wrong_environment", {"env": "production"}),
        ("init.unknown_product", {"products": ["auth", "horoscope"]}),
        ("init.url_refused", {"callback_url": "javascript:alert(1)"}),
        ("init.unknown_institution", {"filter": {"banks": ["bank-of-atlantis"]}}),
        ("init.failed", {"limit": "many"}),
    ],
)
def test_wrong_options_are_told_with_their_code(open_website, options, loader, name, more):
    site = open_website(loader).begin({**options, **more})
    widget, told = refused(site, name, code=None if name != "init.failed" else "invalid_field")
    if name == "init.failed":
        assert told["reason"] == "invalid_field"
    site.hears("init_error.shown")
    widget.press_last()
    site.hears_any("onClose")


def test_a_secret_key_in_a_page_is_refused(open_website, options, tenant):
    refused(open_website().begin({**options, "key": tenant.secret_key}), "init.wrong_key_kind")


def test_a_key_that_was_renewed_is_refused(open_website, options, renewed_key):
    refused(open_website().begin({**options, **renewed_key}), "init.revoked_key")


def test_a_product_that_the_app_does_not_have_is_refused(open_website, options, small_app):
    refused(open_website().begin({**options, **small_app, "products": ["transactions"]}), "init.product_not_enabled")


def test_options_that_are_none_are_told_by_the_loader(open_website):
    site = open_website()
    site.page.evaluate("() => { const odd = {}; odd.self = odd; Okra.buildWithOptions(listened(odd)) }")
    site.page.evaluate("Okra.buildWithShortUrl(listened({name: 'no link'}))")
    assert site.names("onError") == ["init.bad_options", "init.bad_options"]
    expect(site.page.locator("iframe")).to_have_count(0)


def test_a_frame_that_is_never_given_options_says_so(open_website, context, shop_site, server):
    context.clock.install()
    site = open_website("stand-in")
    site.page.evaluate(
        """server => {
          addEventListener('message', event => { if (event.data.error) hear('onError')(event.data) })
          const frame = document.createElement('iframe')
          frame.src = server + '/?isIframe=true&withOptions=true'
          document.body.append(frame)
        }""",
        server.url,
    )
    site.page.frame_locator("iframe").locator("#main[data-screen=loading]").wait_for()
    context.clock.run_for(16_000)
    refused(site, "init.no_options")


def test_a_page_without_an_address_of_its_own_may_not_frame_the_widget(open_website, options):
    site = open_website(policy="sandbox allow-scripts").begin(options)
    # The browser itself refuses: no allowed origin is the one that this page has.
    site.hears("init.frame_blocked")
    expect(site.widget().main).to_have_count(0)


# ---- production, where the app says which websites may frame the page ----


@pytest.fixture(scope="module")
def careful_shop(server):
    tenant = server.make_tenant("Careful Shop")
    created = tenant.created
    server.run(
        "apps", "set", *server.where, "--tenant", created["client_token"], "--env", "production",
        "--allowed-hosts", "localhost",
    )
    keys = created["environments"]["production"]
    options = {"token": created["client_token"], "env": "production", "products": ["auth", "balance"]}
    return {**options, "key": keys["public_key"]}, keys["secret_key"]


@pytest.fixture
def production(careful_shop):
    """The options of a business in production that allows `localhost` alone."""
    return careful_shop[0]


@pytest.fixture
def production_link(careful_shop, server):
    """A short link of that business."""
    reply = requests.post(
        server.url + "/api/v1/links", json={"name": "Loan", "products": ["auth"]},
        headers={"Authorization": f"Bearer {careful_shop[1]}"}, timeout=30,
    )
    assert reply.status_code == 201, reply.text
    return reply.json()["short_url"]


def test_an_allowed_website_gets_as_far_as_the_banks(open_website, production):
    site = open_website(host="localhost").begin(production)
    site.widget().agree().at("banks")


def test_a_forbidden_website_is_blocked_by_the_browser_and_told_by_our_loader(open_website, production):
    site = open_website(host="127.0.0.1").begin(production)
    site.hears("init.frame_blocked")
    expect(site.page.get_by_role("alert")).to_contain_text("This website is not allowed")
    site.page.get_by_role("button", name="Close").click()
    site.hears("closed.not_loaded")


def test_a_forbidden_website_is_blocked_by_the_page_when_an_older_loader_names_no_key(open_website, production):
    site = open_website("stand-in", host="127.0.0.1").begin(production)
    widget, _ = refused(site, "init.origin_refused", screen="blocked")
    widget.see("Do not enter your bank login on it")
    site.hears("blocked.shown")


def test_a_short_link_is_framed_by_allowed_websites_alone(open_website, production_link):
    open_website(host="localhost").begin({"short_url": production_link}).widget().at("consent")
    site = open_website(host="127.0.0.1").begin({"short_url": production_link})
    site.hears("init.frame_blocked")
    site = open_website("stand-in", host="127.0.0.1").begin({"short_url": production_link})
    refused(site, "init.origin_refused", screen="blocked")


def test_a_policy_of_the_website_that_forbids_the_frame_is_told(open_website, options):
    site = open_website(policy="frame-src 'none'").begin(options)
    site.hears("init.frame_blocked")


def test_a_server_that_cannot_be_reached_is_told_and_can_be_tried_again(open_website, options, context, server):
    # Stands for a line that is cut: nothing of the server comes through but the loader, which is there already.
    site = open_website()
    context.route(server.url + "/**", lambda route: route.abort())
    site.begin(options)
    site.hears("init.unreachable")
    expect(site.page.get_by_role("alert")).to_contain_text("check your internet connection")
    context.unroute(server.url + "/**")
    site.page.get_by_role("button", name="Try again").click()
    site.widget().at("consent")


def test_a_person_may_give_up_before_the_page_is_there(open_website, options, context, server):
    site = open_website()
    context.route(server.url + "/**", lambda route: None)
    site.begin(options)
    site.page.get_by_role("button", name="Cancel").click()
    site.hears("close.not_loaded")
    site.hears("closed.not_loaded")
    expect(site.page.locator("#link")).to_be_focused()


def test_a_website_may_close_the_widget_and_a_second_opening_takes_the_place_of_the_first(open_website, options):
    site = open_website().begin(options)
    site.widget().at("consent")
    site.page.evaluate("begin(wanted)")
    site.hears("closed.by_page")
    expect(site.page.locator("iframe")).to_have_count(1)
    site.widget().at("consent")
    site.page.evaluate("Okra.close()")
    expect(site.page.locator("iframe")).to_have_count(0)
    assert site.names("onClose") == ["closed.by_page", "closed.by_page"]
