"""Looks back on the whole run, when it was whole: nothing of the catalogue and no screen was left out."""

import re

import pytest

import person
from harness import ROOT

# Chromium blocks the frame before the page could tell, and the page around has no address to tell it to.
UNTOLD = {"init.no_origin"}


@pytest.fixture
def whole_run(request):
    here = request.path.parent
    wanted = {path.name for path in here.glob("test_*.py")}
    ran = {item.path.name for item in request.session.items if item.path.parent == here}
    if ran != wanted or request.config.option.keyword or request.config.option.lf:
        pytest.skip("only a part of this folder's tests ran")


def test_every_callback_of_the_catalogue_was_heard(whole_run, notes):
    assert sorted(set(person.CATALOGUE) - notes.heard - UNTOLD) == []


def test_every_screen_was_looked_over(whole_run, notes):
    source = (ROOT / "Sources/Web/Link/page/link/00-core.js").read_text()
    listed = re.search(r"#main\[data-screen\]\s+the screen: (.*?); \"noscript\"", source, re.DOTALL).group(1)
    screens = set(re.findall(r"[a-z_]+", listed)) - {"loading"} | {"close", "noscript"}
    assert sorted(screens - notes.looked_over) == []


def test_no_password_reached_the_servers_log(whole_run, notes, server):
    log = server.log.read_text(errors="replace")
    assert [each for each in notes.typed if len(each) > 8 and each in log] == []
