"""The log and replays of a real server: over its API, its command, and over kills."""

import json

import pytest
from standardwebhooks import Webhook


@pytest.fixture
def tenant(kubewa, receiver):
    """A business that has got every event of one record."""
    made = kubewa.make_tenant()
    made.set_webhook(receiver.url(), payload="complete", token="a-token")
    kubewa.start()
    made.make_customers("ada", accounts=2)
    made.record = made.link("ada")
    kubewa.settle()
    return made


def endpoint(tenant):
    return tenant.native("GET", "/webhook_endpoints")["data"][0]["id"]


def pages(tenant, path, **query):
    rows, cursor = [], ""
    while True:
        reply = tenant.native("GET", path, params={**query, "limit": 7, "cursor": cursor})
        rows += reply["data"]
        if not reply["has_more"]:
            return rows
        cursor = reply["next_cursor"]


def forget(receiver):
    with receiver.changed:
        before = list(receiver.requests)
        receiver.requests.clear()
    return before


def test_the_log_shows_what_the_receiver_got(kubewa, receiver, tenant):
    rows = pages(tenant, "/deliveries")
    assert {row["event"] for row in rows} == {each.id for each in receiver.deliveries()} == kubewa.event_ids()
    assert {row["status"] for row in rows} == {"delivered"}
    for each in receiver.deliveries()[:10]:
        (row,) = tenant.native("GET", "/attempts", params={"event": each.id})["data"]
        shown = tenant.native("GET", f"/attempts/{row['id']}")
        assert shown["request"]["body"] == each.body
        assert shown["response"]["status"] == 200
        assert "a-token" not in json.dumps(shown) and each.headers["webhook-signature"] not in json.dumps(shown)
    with tenant.request("GET", "/api/v1/deliveries/export", stream=True) as reply:
        assert reply.headers["content-type"] == "application/x-ndjson"
        exported = [json.loads(line) for line in reply.iter_lines()]
    assert {row["id"] for row in exported} == {row["id"] for row in rows}
    printed = kubewa.run("deliveries", "export", *kubewa.where)
    assert {json.loads(line)["id"] for line in printed.splitlines()} == {row["id"] for row in rows}
    assert rows[0]["id"] in kubewa.run("deliveries", "list", *kubewa.where, "--limit", "1")
    assert "POST http" in kubewa.run("deliveries", "show", *kubewa.where, rows[0]["last_attempt"]["id"])


def test_a_replay_goes_on_after_a_kill_and_keeps_ids_and_bodies(kubewa, receiver, tenant):
    first = {each.id: each.body for each in forget(receiver)}
    # Nothing is taken while the server dies: all of it is sent again afterwards.
    receiver.answer = lambda delivery: 503
    made = tenant.native(
        "POST", "/replays", {"endpoint": endpoint(tenant), "connection": tenant.record},
        headers={"Idempotency-Key": "again"},
    )
    same = tenant.native(
        "POST", "/replays", {"endpoint": endpoint(tenant), "connection": tenant.record},
        headers={"Idempotency-Key": "again"},
    )
    assert same["id"] == made["id"]
    receiver.wait_for("something that is replayed", lambda it: it.requests)
    kubewa.kill()
    receiver.answer = lambda delivery: 200
    kubewa.start()
    ofrecord = {id for id, body in first.items() if body.get("record") == tenant.record}
    receiver.wait_for("everything", lambda it: {each.id for each in it.requests if each.status == 200} >= ofrecord, 120)
    kubewa.settle()
    verifier = Webhook(tenant.endpoint_secret)
    for each in receiver.deliveries():
        assert each.headers["webhook-replayed"] == "true"
        body = verifier.verify(each.raw, each.headers)
        assert body.pop("replayed") is True
        assert body == first[each.id]
    done = tenant.native("GET", f"/replays/{made['id']}")
    assert (done["status"], done["delivered"], done["waiting"]) == ("done", len(ofrecord), 0)


def test_a_trigger_of_okras_wire_sends_the_last_of_each_product_elsewhere(kubewa, receiver, tenant):
    forget(receiver)
    data = tenant.okra("callback/trigger", {
        "recordIds": [tenant.record, "5d6fe57a4099cc4b210bbec0"], "url": receiver.url("/elsewhere"),
    })
    assert data["unknown"] == ["5d6fe57a4099cc4b210bbec0"]
    kubewa.settle()
    got = receiver.deliveries(path="/elsewhere")
    assert sorted(each.id for each in got) == sorted(each["event_id"] for each in data["events"])
    assert not receiver.deliveries(path="/hook")
    assert all("authorization" not in each.headers for each in got)
