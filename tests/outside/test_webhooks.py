"""Webhooks as a customer's server gets them, verified with the package `standardwebhooks`."""

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

TOKEN = "a-token-of-the-business"


@pytest.fixture
def tenant(kubewa, receiver):
    """A business whose environment sends everything, complete, to the receiver; its server runs."""
    made = kubewa.make_tenant()
    made.set_webhook(receiver.url(), payload="complete", token=TOKEN)
    kubewa.start()
    made.make_customers("ada", accounts=2)
    return made


def names(deliveries):
    return [each.body["event"] for each in deliveries]


def test_every_delivery_verifies_and_nothing_else_does(kubewa, receiver, tenant):
    tenant.link("ada")
    kubewa.settle()
    deliveries = receiver.deliveries()
    verifier = Webhook(tenant.endpoint_secret)
    for each in deliveries:
        assert verifier.verify(each.raw, each.headers) == each.body
        assert each.headers["authorization"] == f"Bearer {TOKEN}"
        assert each.headers["content-type"].startswith("application/json")
        assert each.id == each.body["event_id"]
        with pytest.raises(WebhookVerificationError):
            verifier.verify(each.raw + b" ", each.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook("whsec_" + "A" * 32).verify(each.raw, each.headers)
    assert {each.id for each in deliveries} == kubewa.event_ids()
    assert len(deliveries) == len({each.id for each in deliveries})
    assert set(names(deliveries)) == {
        "auth.success", "accounts.success", "balance.success", "transaction.success", "identity.success",
        "refresh.phase_changed",
    }
    assert names(deliveries).count("accounts.success") == 2


def test_events_of_a_record_are_numbered_without_gap(kubewa, receiver, tenant):
    record = tenant.link("ada")
    kubewa.settle()
    sequences = sorted(each.body["sequence"] for each in receiver.deliveries())
    assert sequences == list(range(1, len(sequences) + 1))
    assert {each.body["data"]["record"] for each in receiver.deliveries()} == {record}


def test_an_upsert_by_account_alone_keeps_a_copy_of_everything(kubewa, receiver, tenant):
    record = tenant.link("ada")
    tenant.post_transaction("ada", 1_234_56, "Refund of a chair")
    receiver.wait_for("the posted transaction", lambda it: b"Refund of a chair" in b"".join(each.raw for each in it.requests))
    kubewa.settle()

    accounts, transactions = {}, {}
    for each in sorted(receiver.deliveries(), key=lambda each: each.body["sequence"]):
        data = each.body["data"]
        if each.body["event"] in ("accounts.success", "balance.success"):
            accounts.setdefault(data["account"], {}).update(data["resource"])
        elif each.body["event"].startswith("transaction."):
            assert "truncated" not in data
            for row in data["resource"]:
                transactions[row["id"]] = (data["account"], row["credit"], row["debit"])

    balances = tenant.okra("products/balances")["balances"]
    assert {id: (it["ledger_balance"], it["available_balance"], it["nuban"]) for id, it in accounts.items()} == {
        it["account"]["_id"]: (it["ledger_balance"], it["available_balance"], it["account"]["nuban"]) for it in balances
    }
    stored = tenant.transactions(record_id=record)
    assert transactions == {it["_id"]: (it["account"]["_id"], it["credit"], it["debit"]) for it in stored}
    assert len(stored) == len({it["_id"] for it in stored})


def test_a_posted_transaction_is_pushed(kubewa, receiver, tenant):
    tenant.link("ada")
    kubewa.settle()
    before = len(receiver.deliveries())
    tenant.post_transaction("ada", -5_000_00, "POS purchase of rice")
    receiver.wait_for("a delivery after the posting", lambda it: len(it.requests) > before, seconds=20)
    kubewa.settle()
    new = receiver.deliveries()[before:]
    rows = [row for each in new if each.body["event"] == "transaction.success" for row in each.body["data"]["resource"]]
    assert [(row["debit"], row["credit"], row["description"]) for row in rows] == [(5000, None, "POS purchase of rice")]
    assert "balance.success" in names(new)


def test_a_record_can_have_a_url_of_its_own(kubewa, receiver, tenant):
    tenant.link("ada", callback_url=receiver.url("/own"))
    kubewa.settle()
    to_all, to_own = receiver.deliveries("/hook"), receiver.deliveries("/own")
    assert sorted(each.id for each in to_all) == sorted(each.id for each in to_own)
    for each in to_own:
        Webhook(tenant.environment_secret).verify(each.raw, each.headers)
        assert "authorization" not in each.headers, "the bearer token goes only where the business set it"
        assert "resource" not in each.body["data"], "a URL that came with a link gets thin events"
        assert each.body["callbackURL"] == receiver.url("/own")


def test_one_url_set_twice_gets_one_delivery(kubewa, receiver, tenant):
    tenant.link("ada", callback_url=receiver.url())
    kubewa.settle()
    ids = [each.id for each in receiver.deliveries()]
    assert sorted(ids) == sorted(set(ids))
    assert set(ids) == kubewa.event_ids()


def test_a_refused_delivery_comes_again_with_the_same_id(kubewa, receiver, tenant):
    refused = set()

    def answer(delivery):
        if delivery.id in refused:
            return 200
        refused.add(delivery.id)
        return 503

    receiver.answer = answer
    tenant.link("ada")
    kubewa.settle()
    accepted = receiver.deliveries()
    assert {each.id for each in accepted} == refused == kubewa.event_ids()
    verifier = Webhook(tenant.endpoint_secret)
    for each in receiver.deliveries(accepted=False):
        verifier.verify(each.raw, each.headers)
