"""The story of the demo: a shop waits for ₦4,500 and learns of the transfer."""

import pytest
from playwright.sync_api import expect

import person
from harness import Demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    made = Demo(tmp_path_factory.mktemp("shop"))
    made.wait_for("The shop is open")
    made.wait_for("Linked: record")
    yield made
    assert made.stop() == 0


@pytest.fixture
def shop(demo, context, notes):
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{demo.shop_port}/")
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    return page


def test_the_shop_links_its_bank_and_confirms_a_transfer(shop, notes):
    notes.look_over(shop, shop.main_frame, "shop")
    shop.click("#link-bank")
    widget = person.Widget(shop, shop.locator("iframe").element_handle().content_frame(), notes)
    widget.agree().choose("zenith-bank").personal().log_in("success").at("done").press_last()
    expect(shop.locator("iframe")).to_have_count(0)
    chosen = shop.locator("#account option:checked")
    expect(chosen).to_contain_text("Zenith")

    shop.click("#pay")
    expect(shop.locator("#order-text")).to_have_text("Waiting for ₦4,500 …")
    notes.look_over(shop, shop.main_frame, "shop-waiting")
    shop.click("#send-transfer")
    expect(shop.locator("#order")).to_have_attribute("data-state", "paid")
    expect(shop.locator("#order-text")).to_have_text("₦4,500 received")
    expect(shop.locator("#inbox li[data-event='transaction.success'][data-verified=true]").first).to_be_visible()
    notes.look_over(shop, shop.main_frame, "shop-paid")
    took = int(shop.locator("#took").get_attribute("data-ms"))
    assert 0 < took < 10_000
    notes.figures.append(f"₦4,500 by transfer: confirmed {took} ms after the posting at the bank")


def test_a_payment_by_ussd_confirms_an_order(shop):
    expect(shop.locator("#pay")).to_be_enabled()
    shop.click("#pay")
    shop.click("#send-ussd")
    expect(shop.locator("#order-text")).to_have_text("₦4,500 received")


def test_too_little_does_not_confirm_an_order(shop):
    expect(shop.locator("#pay")).to_be_enabled()
    shop.click("#pay")
    shop.click("#send-less")
    expect(shop.locator("#order-note")).to_contain_text("₦4,000 came in, which is too little")
    expect(shop.locator("#order")).to_have_attribute("data-state", "waiting")
    shop.click("#send-transfer")
    expect(shop.locator("#order-text")).to_have_text("₦4,500 received")
