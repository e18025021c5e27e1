"""One server and one Chromium for all tests of this folder; a new browser profile for each.

A module that needs another server has a fixture `server` of its own. With a `SHOP` its business is that one, in production.
"""

import json
import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

import merchant
import person
from harness import Kubewa, SQLite

WAIT_MS = 20_000
LOOK = {"viewport": {"width": 390, "height": 844}, "reduced_motion": "reduce"}


def pytest_addoption(parser):
    parser.addoption("--pictures", metavar="DIR", help="write every screen, at 390 and 1280 px, light and dark")


def pytest_collection_modifyitems(items):
    """Of this folder, the plain way comes first and what looks back on the whole run comes last."""
    order = {"test_linking": 1, "test_whole_run": 3}
    items.sort(key=lambda item: order.get(item.path.stem, 2) if item.path.parent.name == "browser" else 0)


def pytest_terminal_summary(terminalreporter, config):
    """What was measured is printed."""
    figures = getattr(config, "kubewa_figures", [])
    if figures:
        terminalreporter.section("the link page, measured")
        for line in figures:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    made = Kubewa(folder, SQLite(folder), options=["--log-level", "debug"])
    made.start()
    yield made
    # A slow bank's first data takes a minute; nobody waits for it here, and the folder is thrown away.
    made.kill()


@pytest.fixture(scope="session")
def acme(server):
    return server.make_tenant("Acme Shop")


@pytest.fixture(scope="module")
def tenant(request):
    """Acme Shop, in its sandbox; of a module with a `SHOP`, that one, in production."""
    shop = getattr(request.module, "SHOP", None)
    if shop is None:
        return request.getfixturevalue("acme")
    server = request.getfixturevalue("server")
    made = server.make_tenant(shop)
    keys = made.created["environments"]["production"]
    made.public_key, made.secret_key = keys["public_key"], keys["secret_key"]
    server.run(
        "apps", "set", *server.where, "--tenant", made.client_token, "--env", "production", "--allowed-hosts", "localhost")
    return made


@pytest.fixture(scope="session")
def notes(request):
    made = person.Notes(Axe(), request.config.getoption("--pictures", None))
    request.config.kubewa_figures = made.figures
    return made


@pytest.fixture(scope="module")
def shop_site(server):
    made = merchant.Website(server.url)
    yield made
    made.close()


@pytest.fixture(scope="session")
def playwright():
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as made:
        yield made


@pytest.fixture(scope="session")
def launch(playwright):
    path = shutil.which("chromium")
    assert path, "Chromium is missing: run scripts/setup --tests"
    return {"executable_path": path, "args": ["--no-sandbox"]}


@pytest.fixture(scope="session")
def chromium(playwright, launch):
    browser = playwright.chromium.launch(**launch)
    yield browser
    browser.close()


@pytest.fixture
def ready(notes):
    """Makes a browser profile listen; what callbacks it hears is checked when the test ends."""
    heard = []

    def prepare(context):
        context.set_default_timeout(WAIT_MS)
        context.expose_binding("kubewaHeard", lambda source, call: heard.append(call))
        return context

    yield prepare
    for call in heard:
        notes.hear(call["callback"], call["data"])


@pytest.fixture
def new_context(chromium, ready):
    """Makes profiles that are forgotten, as those of private windows."""
    made = []

    def make(**more):
        made.append(ready(chromium.new_context(**{**LOOK, **more})))
        return made[-1]

    yield make
    for context in made:
        context.close()


@pytest.fixture
def kept_profile(playwright, launch, ready, tmp_path):
    """Starts a browser of its own on one profile, again and again; the last one is closed.

    Its framed pages have storage, as most people's browsers allow; Debian's forbids it unless it is told.
    """
    made = []
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    (profile / "Default" / "Preferences").write_text(json.dumps({"profile": {"cookie_controls_mode": 0}}))

    def start():
        made.append(ready(playwright.chromium.launch_persistent_context(str(profile), **launch, **LOOK)))
        return made[-1]

    yield start
    if made:
        made[-1].close()


@pytest.fixture
def context(new_context):
    return new_context()


@pytest.fixture
def options(tenant, request):
    """What the website passes to the loader."""
    shop = getattr(request.module, "SHOP", None)
    return {
        "token": tenant.client_token, "key": tenant.public_key, "env": "production" if shop else "production-sandbox",
        "products": ["auth", "balance", "transactions", "identity"], "name": shop or "Acme Shop",
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


class ScriptedBank:
    """Gives a page the steps of a list, one for each request about its session."""

    PATHS = ("**/api/v1/widget/sessions", "**/api/v1/link_sessions/**")

    def __init__(self, page, steps):
        self.page = page
        self.steps = list(steps)
        self.revision = 100
        self.session = None
        for path in self.PATHS:
            page.route(path, self.answer)

    def answer(self, route):
        if self.session is None:
            self.session = route.fetch().json()
        self.revision += 1
        step = self.steps.pop(0)
        status = "failed" if step["kind"] == "failed" else "active"
        body = {**self.session, "status": status, "step": step, "revision": self.revision}
        route.fulfill(status=200, json=body)

    def stop(self):
        assert not self.steps, f"never shown: {self.steps}"
        for path in self.PATHS:
            self.page.unroute(path, self.answer)


@pytest.fixture
def script_bank():
    return ScriptedBank
