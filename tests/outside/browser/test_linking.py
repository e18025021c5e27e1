"""A bank is linked in the widget, as people do it."""

import pytest


@pytest.mark.parametrize("loader", ["own", "stand-in"])
def test_a_person_links_a_bank_in_a_website(open_widget, tenant, loader):
    site, widget = open_widget(loader)
    widget.agree().choose("access-bank").personal().log_in("success").at("done").see("Acme Shop")

    linked = site.hears("link.success")
    assert linked["auth"]["bank_details"]["slug"] == "access-bank"
    assert linked["auth"]["status"] is True
    assert linked["env"] == "production-sandbox"
    assert len(linked["accounts"]) == 2
    assert all(account["nuban"].startswith("******") for account in linked["accounts"])
    record = tenant.native("GET", f"/connections/{linked['record_id']}")
    assert record["customer"]["id"] == linked["customer_id"]

    widget.press_last()
    site.hears_any("onClose")
    assert site.page.locator("iframe").count() == 0
    assert site.names("beforeClose") == ["close.finished"]
    assert site.calls("onError") == []
    names = [
        "consent.shown", "consent.given", "banks.shown", "bank.selected", "login_type.shown", "login_type.selected",
        "credentials.shown", "credentials.submitted", "done.shown",
    ]
    assert [name for name in site.names("onEvent") if not name.startswith("wait.")] == names
