"""Signing keys as a receiver meets them: `v1` verified by the package `standardwebhooks`, `v1a` by `cryptography`, and
keys that are changed while events flow."""

import base64
import threading
import time

import pytest
import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from harness import REQUEST_SECONDS

ROTATIONS = 2
OVERLAP_SECONDS = 20
# A request that was signed before a key was made is here within this; nobody takes the old key away sooner.
ON_THE_WAY_SECONDS = 8
SENDERS = 6


def public_verifier(text):
    """Verifies the `v1a` signatures of Standard Webhooks under one public key."""
    assert text.startswith("whpk_")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(text.removeprefix("whpk_")))

    def verify(raw, headers):
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
        for each in headers["webhook-signature"].split(" "):
            version, _, signature = each.partition(",")
            if version == "v1a":
                try:
                    return key.verify(base64.b64decode(signature), signed)
                except InvalidSignature:
                    continue
        raise WebhookVerificationError("no v1a signature verifies")

    return verify


def shared_verifier(secret):
    return Webhook(secret).verify


@pytest.fixture
def tenant(kubewa):
    made = kubewa.make_tenant()
    kubewa.start()
    return made


def test_both_kinds_verify_and_public_keys_are_for_anyone(kubewa, receiver, tenant):
    made = tenant.native("POST", "/webhook_endpoints", {"url": receiver.url(), "signatures": ["v1", "v1a"]})
    tenant.make_customers("ada")
    tenant.link("ada")
    kubewa.settle()
    reply = requests.get(kubewa.url + "/api/v1/webhook_keys", {"endpoint": made["id"]}, timeout=REQUEST_SECONDS)
    assert [each["public_key"] for each in reply.json()["data"]] == [made["public_key"]]
    assert "whsec_" not in reply.text + str(tenant.native("GET", f"/webhook_endpoints/{made['id']}/keys"))
    shared, public = shared_verifier(made["secret"]), public_verifier(made["public_key"])
    assert len(receiver.deliveries()) > 3
    for each in receiver.deliveries():
        assert [one.split(",")[0] for one in each.headers["webhook-signature"].split(" ")] == ["v1", "v1a"]
        shared(each.raw, each.headers)
        public(each.raw, each.headers)
        for verify in (shared, public):
            with pytest.raises(WebhookVerificationError):
                verify(each.raw + b" ", each.headers)
        later = {**each.headers, "webhook-timestamp": str(int(each.headers["webhook-timestamp"]) + 1)}
        with pytest.raises(WebhookVerificationError):
            public(each.raw, later)


class Careful:
    """A receiver that knows one key at a time, and takes the new one as soon as it may or as late as it may."""

    def __init__(self, verify):
        self.keys = [(0, verify)]

    def take(self, verify, at):
        self.keys.append((at, verify))

    def refuses(self, delivery, now):
        verify = [verify for since, verify in self.keys if since <= now][-1]
        try:
            verify(delivery.raw, delivery.headers)
        except WebhookVerificationError:
            return True
        return False


def test_keys_rotate_under_load_without_one_failure(kubewa, receiver, tenant):
    made = tenant.native("POST", "/webhook_endpoints", {"url": receiver.url(), "signatures": ["v1", "v1a"]})
    path = f"/webhook_endpoints/{made['id']}"
    receivers = {}
    for kind, verify in (("v1", shared_verifier(made["secret"])), ("v1a", public_verifier(made["public_key"]))):
        receivers[kind] = [Careful(verify), Careful(verify)]
    refused, seen = [], []

    def answer(delivery):
        now = time.time()
        seen.append(delivery.id)
        bad = [kind for kind, each in receivers.items() for one in each if one.refuses(delivery, now)]
        refused.extend((now, kind, delivery.headers["webhook-signature"]) for kind in bad)
        return 401 if bad else 200

    receiver.answer = answer
    over, outcomes = threading.Event(), []

    def send():
        while not over.is_set():
            outcomes.append(tenant.native("POST", path + "/test")["outcome"])

    senders = [threading.Thread(target=send) for _ in range(SENDERS)]
    for each in senders:
        each.start()
    try:
        for _ in range(ROTATIONS):
            for kind, (early, late) in receivers.items():
                told = tenant.native("POST", path + "/rotate", {"overlap_seconds": OVERLAP_SECONDS, "kind": kind})
                now = time.time()
                verify = shared_verifier(told["secret"]) if kind == "v1" else public_verifier(told["public_key"])
                early.take(verify, now + ON_THE_WAY_SECONDS)
                late.take(verify, now + OVERLAP_SECONDS - ON_THE_WAY_SECONDS)
            over.wait(OVERLAP_SECONDS + 0.5)
    finally:
        over.set()
        for each in senders:
            each.join()
    assert refused == []
    assert set(outcomes) == {"delivered"}
    assert len(set(seen)) == len(seen) == len(outcomes)
    assert len(seen) > 20 * ROTATIONS, "that was no load"
    live = tenant.native("GET", path + "/keys")["data"]
    assert sorted(each["kind"] for each in live if each["expires_at"] is None) == ["v1", "v1a"]


def test_the_command_sets_pauses_and_rotates(kubewa, receiver, tenant):
    def webhooks(verb, *more):
        return kubewa.run("webhooks", verb, *kubewa.where, "--tenant", tenant.client_token, *more).split()

    first = webhooks(
        "set", "--url", receiver.url(), "--event-type", "webhook_endpoint.*", "--signature", "v1", "--signature", "v1a",
        "--header", "x-team=payments", "--retry-seconds", "1,2", "--rate-per-second", "100", "--ordering", "endpoint",
        "--description", "the ledger",
    )
    assert [each[:5] for each in first] == ["whsec", "whpk_"]
    shown = tenant.native("GET", "/webhook_endpoints")["data"][0]
    assert (shown["description"], shown["rate_per_second"], shown["ordering"]) == ("the ledger", 100, "endpoint")
    assert (shown["event_types"], shown["retry_seconds"]) == (["webhook_endpoint.*"], [1, 2])
    assert webhooks("set", "--event-type", "all") == first, "what is not named stays"
    assert "paused" in webhooks("pause")
    assert tenant.request("POST", f"/api/v1/webhook_endpoints/{shown['id']}/test").status_code == 409
    assert "active" in webhooks("resume")
    second = webhooks("rotate", "--overlap-seconds", "60")
    assert second[0].startswith("whsec_") and second != first[:1]
    assert webhooks("keys").count("v1") == 2
    assert "delivered" in webhooks("test")
    only = receiver.deliveries()
    assert [each.body["event"] for each in only] == ["webhook_endpoint.test"]
    assert only[0].headers["x-team"] == "payments"
    shared_verifier(first[0])(only[0].raw, only[0].headers)
    shared_verifier(second[0])(only[0].raw, only[0].headers)


def test_the_command_lists_every_endpoint_those_of_records_too(kubewa, tenant):
    tenant.make_customers("ada")
    record = tenant.link("ada")
    made = [tenant.native("POST", "/webhook_endpoints", {"url": f"https://shop.example/{number}"})["id"]
            for number in range(103)]
    own = tenant.native("POST", f"/connections/{record}/webhook_endpoints", {"url": "https://shop.example/own"})["id"]
    tenant.native("POST", f"/webhook_endpoints/{own}/disable")
    lines = kubewa.run("webhooks", "list", *kubewa.where, "--tenant", tenant.client_token, "--env", "sandbox").splitlines()
    assert sorted(line.split()[0] for line in lines) == sorted([*made, own])
    line = next(line for line in lines if line.startswith(own))
    assert "disabled (manual)" in line and line.endswith(f"of record {record}")
