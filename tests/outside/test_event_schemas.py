"""The catalogue of events as a stranger's validator sees it: PyPI `jsonschema` checks examples and real webhooks."""

import pytest
from jsonschema import Draft202012Validator, FormatChecker


@pytest.fixture
def tenant(kubewa, receiver):
    """A business with an endpoint each for thin, complete and split bodies; its server runs."""
    made = kubewa.make_tenant()
    kubewa.start()
    for path, more in (("/thin", {}), ("/complete", {"payload": "complete"}), ("/split", {"splits_transactions": True})):
        made.native("POST", "/webhook_endpoints", {"url": receiver.url(path), **more})
    made.make_customers("ada", accounts=2)
    return made


def validator(schema):
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def schemas(tenant):
    """The validators of each event, thin and complete."""
    found = {}
    for summary in tenant.native("GET", "/event_types")["data"]:
        told = tenant.native("GET", f"/event_types/{summary['name']}")
        found[summary["name"]] = {size: validator(schema) for size, schema in told["schemas"].items() if schema}
        for size, check in found[summary["name"]].items():
            check.validate(told["examples"][size])
    return found


def test_examples_and_real_webhooks_are_as_their_schemas_say(kubewa, receiver, tenant):
    known = schemas(tenant)
    tenant.link("ada")
    kubewa.settle()
    for path, size in (("/thin", "thin"), ("/split", "thin"), ("/complete", "complete")):
        bodies = [each.body for each in receiver.deliveries(path)]
        assert {"auth.success", "balance.success", "transaction.success", "identity.success"} <= {
            body["event"] for body in bodies
        }
        for body in bodies:
            checks = known[body["event"]]
            checks.get(size, checks["thin"]).validate(body)


def test_an_endpoint_that_asks_for_it_gets_one_webhook_per_transaction(kubewa, receiver, tenant):
    tenant.link("ada")
    kubewa.settle()
    whole = {each.body["event_id"]: each.body for each in receiver.deliveries("/thin", "transaction.success")}
    parts = receiver.deliveries("/split", "transaction.success")
    assert len({part.id for part in parts}) == len(parts)
    rows = {}
    for part in parts:
        assert part.id == part.body["event_id"]
        data = part.body["data"]
        if "part" not in data:
            assert data["count"] == 0
            continue
        event = part.id.rsplit("_", 1)[0]
        assert data["count"] == data["query"]["count"] == 1
        assert part.body["sequence"] == whole[event]["sequence"]
        rows.setdefault(event, []).extend(data["query"]["ids"])
    assert {event: sorted(ids) for event, ids in rows.items()} == {
        event: sorted(body["data"]["query"]["ids"]) for event, body in whole.items() if body["data"]["count"]
    }
    last = next(part for part in parts if part.body["data"].get("part") == 2)
    found = tenant.request("POST", last.body["data"]["query"]["path"], last.body["data"]["query"]["body"]).json()
    assert [row["id"] for row in found["data"]] == last.body["data"]["query"]["ids"]
