"""One server, one Chromium and one customer's website for all tests of this folder; a new browser profile for each."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

import merchant
import person
from harness import Kubewa, SQLite

WAIT_MS = 20_000
PHONE = {"width": 390, "height": 844}


def pytest_addoption(parser):
    parser.addoption("--pictures", metavar="DIR", help="write every screen, at 390 and 1280 px, light and dark")


def pytest_collection_modifyitems(items):
    """What looks back on the whole run comes last."""
    items.sort(key=lambda item: "browser" in item.path.parts and item.path.stem == "test_whole_run")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    made = Kubewa(folder, SQLite(folder), options=["--log-level", "debug"])
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def tenant(server):
    return server.make_tenant("Acme Shop")


@pytest.fixture(scope="session")
def notes(request):
    return person.Notes(Axe(), request.config.getoption("--pictures"))


@pytest.fixture(scope="session")
def shop_site(server):
    made = merchant.Website(server.url)
    yield made
    made.close()


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium")
    assert path, "Chromium is missing: run scripts/setup --tests"
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def new_context(chromium, notes):
    """Makes browser profiles; what callbacks they hear is checked when the test ends."""
    made, heard = [], []

    def make(**more):
        context = chromium.new_context(**{"viewport": PHONE, "reduced_motion": "reduce", **more})
        context.set_default_timeout(WAIT_MS)
        context.expose_binding("kubewaHeard", lambda source, call: heard.append(call))
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()
    for call in heard:
        notes.hear(call["callback"], call["data"])


@pytest.fixture
def context(new_context):
    return new_context()


@pytest.fixture
def options(tenant):
    """What the website passes to the loader."""
    return {
        "token": tenant.client_token, "key": tenant.public_key, "env": "production-sandbox",
        "products": ["auth", "balance", "transactions", "identity"], "name": "Acme Shop",
    }


@pytest.fixture
def open_website(context, shop_site, notes):
    """Opens the customer's website in a tab."""

    def open_it(loader="own", host="localhost", profile=None, **query):
        page = (profile or context).new_page()
        page.goto(shop_site.url(host, loader=loader, **query))
        return person.Website(page, notes)

    return open_it


@pytest.fixture
def open_widget(open_website, options):
    """Opens the widget in the customer's website."""

    def open_it(loader="own", website=None, **more):
        site = website or open_website(loader)
        site.begin({**options, **more})
        return site, site.widget()

    return open_it
