"""How much comes over the line to the first screen, how long that takes, and what a bad line does."""

import time

import requests
from playwright.sync_api import expect

import person

FIRST_SCREEN_MAX = 30_000
# On a slow line it takes two seconds; a machine that has other work adds to that.
SHOWN_MS_MAX = 60_000
# What Chromium calls slow 3G: 400 ms there and back, 400 kbit/s.
SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}


def measured(page):
    """Counts what each request of a page brings over the line, in bytes."""
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    urls, sizes = {}, {}
    line.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))
    line.on(
        "Network.loadingFinished",
        lambda event: sizes.update({urls[event["requestId"]]: event["encodedDataLength"]}),
    )
    return line, sizes


def test_the_first_screen_is_small(context, server, options, notes):
    page = context.new_page()
    _, sizes = measured(page)
    page.goto(server.url + "/#options=" + person.encoded(options))
    widget = person.Widget(page, page.main_frame, notes).at("consent")
    page.wait_for_load_state("networkidle")
    banks = next(size for url, size in sizes.items() if "/institutions" in url)
    loader = len(requests.get(server.url + "/v2/bundle.js", headers={"Accept-Encoding": "gzip"}, stream=True).raw.read())
    whole = sum(size for url, size in sizes.items() if url.startswith("http"))
    notes.figures.append(f"first screen: {whole - banks} bytes, the loader {loader} more; the list of banks {banks}")
    assert whole - banks + loader < FIRST_SCREEN_MAX, sizes
    assert widget.frame.evaluate("() => performance.getEntriesByType('resource').length") <= 6


def test_the_first_screen_on_slow_3g(context, server, options, notes):
    page = context.new_page()
    line, _ = measured(page)
    line.send("Network.emulateNetworkConditions", SLOW_3G)
    page.add_init_script(
        """new MutationObserver(function (_, observer) {
          if (!document.querySelector('#main[data-screen=consent]')) return
          observer.disconnect()
          window.shownAt = performance.now()
        }).observe(document, {subtree: true, childList: true, attributes: true})"""
    )
    page.goto(server.url + "/#options=" + person.encoded(options), wait_until="commit")
    expect(page.locator("#main")).to_have_attribute("data-screen", "consent", timeout=SHOWN_MS_MAX)
    shown = page.evaluate("() => window.shownAt")
    notes.figures.append(f"first screen on slow 3G, nothing cached: {shown / 1000:.1f} s")


def test_a_page_whose_script_was_lost_says_after_a_while_what_to_do(context, server):
    page = context.new_page()
    page.route("**/assets/*.js", lambda route: route.abort())
    page.goto(server.url + "/")
    late = page.locator(".late")
    expect(late).to_be_hidden()
    page.evaluate("() => document.getAnimations().forEach(each => { if (each.animationName === 'appear') each.finish() })")
    expect(late).to_be_visible()


def test_a_line_that_loses_the_first_of_everything_leads_to_the_end_all_the_same(
    open_website, options, context, server
):
    lost = set()

    def lose(route):
        kind = (route.request.method, route.request.url.split("?")[0].split("okr-")[0])
        if kind in lost:
            route.continue_()
        else:
            lost.add(kind)
            route.abort("connectionreset")

    site = open_website()
    context.route(server.url + "/**", lose)
    began = time.monotonic()
    site.begin(options)
    # First the page and the look for it are lost, which is told; then its script, and the loader asks once more itself.
    site.page.get_by_role("button", name="Try again").click()
    widget = site.widget()
    widget.agree().choose("zenith-bank").personal().at("offline").press().at("credentials")
    widget.log_in("success").at("done")
    site.hears("link.success")
    assert site.names("onError") == ["init.unreachable"]
    assert {path.rsplit("/", 1)[1] for _, path in lost} >= {"open", "institutions", "sessions", ""}
    widget.notes.figures.append(f"linked while the first of every request is lost: {time.monotonic() - began:.1f} s")
