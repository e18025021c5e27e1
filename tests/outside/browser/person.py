"""What a person does in the widget, and what a website hears of it."""

import base64
import json
import pathlib

from playwright.sync_api import expect

from harness import ROOT

CATALOGUE = {
    entry["event_name"]: entry
    for entry in json.loads((ROOT / "Sources/Web/Link/page/callbacks.json").read_text())
}


# Two frames after the size changed, all of it is drawn anew.
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


# What reaches beyond the right edge of a page that cannot be scrolled there.
TOO_WIDE = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(
  document.documentElement.scrollWidth <= innerWidth ? [] : Array.from(document.querySelectorAll('body *'))
    .filter(node => node.getBoundingClientRect().right > innerWidth).map(node => node.outerHTML.slice(0, 120))))))"""


def encoded(options):
    """As they stand behind `#options=`."""
    return base64.urlsafe_b64encode(json.dumps(options).encode()).decode().rstrip("=")


class Notes:
    """What the whole run saw: callbacks, screens that were looked over, passwords that were typed."""

    def __init__(self, axe, pictures):
        self.axe = axe
        self.pictures = pathlib.Path(pictures) if pictures else None
        self.heard = set()
        self.looked_over = set()
        self.typed = set()
        self.figures = []

    def hear(self, callback, data):
        """Every callback that comes anywhere is the one that the catalogue says."""
        if data is None:
            assert callback == "onClose", f"{callback} came without a payload"
            return
        entry = CATALOGUE.get(data.get("event_name"))
        assert entry, f"not in callbacks.json: {callback} {data}"
        told = (callback, data["code"], data["recommended_action"])
        assert told == (entry["callback"], entry["code"], entry["recommended_action"]), entry["event_name"]
        self.heard.add(entry["event_name"])

    def look_over(self, page, frame, screen):
        """An accessibility check, light and dark, room on small screens, and pictures if asked for: once a screen."""
        if screen in self.looked_over:
            return
        size = page.viewport_size
        page.wait_for_load_state("load")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = self.axe.run(frame, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
            assert found.violations_count == 0, f"{screen}, {scheme}:\n{found.generate_report()}"
            for width, height in ((390, 844), (1280, 800)) if self.pictures else ():
                page.set_viewport_size({"width": width, "height": height})
                for each in (page, frame):
                    each.evaluate(DRAWN)
                self.pictures.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=self.pictures / f"{screen}-{width}-{scheme}.png")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 320, "height": 568})
        assert frame.evaluate(TOO_WIDE) == [], f"{screen} is wider than a small phone"
        page.set_viewport_size(size)
        self.looked_over.add(screen)


class Widget:
    """The link page in some frame: of a website, of an app, or as a page of its own."""

    def __init__(self, page, frame, notes):
        self.page = page
        self.frame = frame
        self.notes = notes
        self.main = frame.locator("#main")

    def find(self, selector):
        return self.frame.locator(selector)

    def at(self, screen, code=None):
        """Waits for a screen."""
        expect(self.main).to_have_attribute("data-screen", screen)
        if code:
            expect(self.main).to_have_attribute("data-code", code)
        expect(self.find("#title")).to_be_visible()
        self.look_over(screen)
        return self

    def look_over(self, screen):
        self.notes.look_over(self.page, self.frame, screen)

    def press(self, selector="#next"):
        self.find(selector).click()
        return self

    def press_last(self, selector="#next"):
        """Presses what takes the widget away: a click would wait for an answer of the frame that is gone."""
        self.find(selector).evaluate("button => { setTimeout(() => button.click(), 0) }")

    def tab_to(self, selector, most=12):
        """Moves the focus with the Tab key, as a person without a mouse does."""
        for _ in range(most):
            if self.find(selector).evaluate("node => node === document.activeElement"):
                return self
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{most} presses of Tab do not lead to {selector}")

    def see(self, text):
        expect(self.main).to_contain_text(text)
        return self

    def agree(self):
        return self.at("consent").press()

    def choose(self, bank="access-bank"):
        return self.at("banks").press(f"#bank-list button[data-bank='{bank}']")

    def personal(self):
        return self.at("login_type").press("button[data-login-type=ind]")

    def until_login(self, bank="access-bank"):
        return self.agree().choose(bank).personal().at("credentials")

    def log_in(self, username, password="pass"):
        self.notes.typed.add(password)
        self.at("credentials")
        self.fill("username", username)
        self.fill("password", password)
        return self.press()

    def fill(self, name, text):
        self.find(f"input[name='{name}']").fill(text)
        return self

    def link(self, username="success", bank="access-bank"):
        return self.until_login(bank).log_in(username).at("done")


class Website:
    """A page of a website in the browser, and what the widget told it."""

    def __init__(self, page, notes):
        self.page = page
        self.notes = notes

    def begin(self, options):
        """Presses the website's button for linking."""
        self.page.evaluate("options => { window.wanted = options }", options)
        self.page.click("#link")
        return self

    def go(self, way):
        """The browser's own button; Playwright's would wait for a page to load."""
        self.page.evaluate("way => history[way]()", way)

    def widget(self):
        frame = self.page.locator("iframe").first.element_handle().content_frame()
        return Widget(self.page, frame, self.notes)

    def calls(self, callback=None):
        found = self.page.evaluate("calls")
        return [each for each in found if callback is None or each["callback"] == callback]

    def names(self, callback=None):
        return [each["data"]["event_name"] if each["data"] else None for each in self.calls(callback)]

    def hears(self, name):
        """Waits for the callback of this name, checks it against the catalogue, and gives what came with it."""
        self.page.wait_for_function("name => calls.some(each => each.data && each.data.event_name === name)", arg=name)
        return next(each["data"] for each in self.calls() if each["data"] and each["data"]["event_name"] == name)

    def hears_any(self, callback):
        self.page.wait_for_function("callback => calls.some(each => each.callback === callback)", arg=callback)
        return next(each["data"] for each in self.calls(callback))
