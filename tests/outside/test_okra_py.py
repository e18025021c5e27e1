"""The unmodified client `okra-py-official` against the sandbox: every call of the products that are there,
judged on status, envelope and shape."""

import datetime

import pytest
from okra_py.auth import OkraAuth
from okra_py.balance import OkraBalance
from okra_py.identity import OkraIdentify
from okra_py.income import OkraIncome
from okra_py.transaction import OkraTransaction

from harness import Kubewa, open_database
from shapes import Maybe, Nullable, amount, check, flag, instant, number, oid, text, url

LONG_AGO = "2020-01-01"
TOMORROW = (datetime.date.today() + datetime.timedelta(days=2)).isoformat()

PAGINATION = {
    "totalDocs": number, "limit": number, "hasPrevPage": flag, "hasNextPage": flag, "page": number,
    "totalPages": number, "pagingCounter": number, "prevPage": Nullable(number), "nextPage": Nullable(number),
}
BANK = {"name": text, "logo": Nullable(text), "icon": Nullable(text), "status": text}
PERSON = {"_id": oid, "name": Nullable(text)}
AUTH = {
    "_id": oid, "id": oid, "record": oid, "bank": BANK, "customer": PERSON, "validated": flag, "env": text,
    "owner": oid, "projects": [oid], "current_project": oid, "created_at": instant, "last_updated": instant, "__v": 0,
}
LISTED_AUTH = {
    "id": oid, "validated": flag, "created_at": instant, "last_updated": instant,
    "record": {"_id": oid, "bank": {"_id": oid, "name": text}, "env": text, "owner": oid, "customer": PERSON},
}
BALANCE = {
    "_id": oid, "account": {"_id": oid, "bank": {"_id": oid, "name": text}, "nuban": text, "name": Nullable(text)},
    "available_balance": amount, "ledger_balance": amount, "currency": "NGN", "customer": PERSON, "env": text,
    "owner": [oid], "projects": [oid], "created_at": instant, "last_updated": instant, "__v": 0,
    "record": [{"_id": oid, "status": {"process": {"running": flag, "completed": flag}}}],
    "periodic": {"available_balance": Maybe({"amount": amount}), "ledger_balance": Maybe({"amount": amount})},
}
LISTED_BALANCE = {
    "id": oid, "account": {"_id": oid, "bank": {"_id": oid, "name": text}, "nuban": text, "name": Nullable(text)},
    "ledger_balance": amount, "available_balance": amount, "currency": "NGN", "connected": flag, "env": text,
    "created_at": instant, "last_updated": instant,
}
TRANSACTION = {
    "_id": oid, "id": oid, "notes": {"desc": text, "topics": Maybe(text)}, "trans_date": Nullable(instant),
    "cleared_date": Nullable(instant), "debit": Nullable(amount), "credit": Nullable(amount), "ref": Nullable(text),
    "bank": BANK, "customer": PERSON, "account": {"_id": oid, "name": Nullable(text)}, "record": [oid], "env": text,
    "created_at": instant, "last_updated": instant, "__v": 0,
}
SUMMARY = {"bank": {"_id": oid, "name": text}, "count": number, "env": text, "customer": PERSON}
IDENTITY = {
    "id": oid, "firstname": Nullable(text), "lastname": Nullable(text), "fullname": Nullable(text), "bvn": Nullable(text),
    "customer": PERSON, "env": text, "created_at": instant, "aliases": Maybe(text), "phone": Maybe(text),
    "email": Maybe(text), "address": Maybe(text), "next_of_kins": Maybe(text), "photo_id": Maybe({"url": text}),
}
STARTED = {"callback_url": url}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One linked customer with everything fetched, and the ids to ask for."""
    folder = tmp_path_factory.mktemp("okra-py")
    kubewa = Kubewa(folder, open_database("sqlite", folder))
    tenant = kubewa.make_tenant()
    kubewa.start()
    try:
        tenant.make_customers("uchencho", accounts=2)
        record = tenant.link("uchencho")
        auth = tenant.okra("products/auths")["auths"][0]
        balance = tenant.okra("products/balances")["balances"][0]
        customer = auth["record"]["customer"]["_id"]
        account = balance["account"]["_id"]
        transaction = tenant.okra("transactions/getByCustomer", {"customer": customer})["transaction"][0]
        identity = tenant.okra("identity/getByCustomer", {"customer": customer})["identity"][0]
        # `getByType` finds exactly the amount it is given.
        credit = next(it["credit"] for it in tenant.transactions(customer=customer) if it["credit"])
        yield {
            "kubewa": kubewa, "tenant": tenant, "record": record, "auth": auth["id"], "customer": customer,
            "account": account, "balance": balance["id"], "transaction": transaction["id"], "identity": identity["id"],
            "bank": auth["record"]["bank"]["_id"], "ledger": balance["ledger_balance"], "credit": credit,
        }
    finally:
        kubewa.stop()


def client(world, kind, token=None):
    return kind(token or world["tenant"].secret_key, base_url=world["kubewa"].url + "/v2/sandbox/")


def named(calls):
    return pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in calls.items()])


def succeeded(reply):
    assert reply.status_code in (200, 201), reply.text
    assert reply.headers["X-Request-Id"]
    body = reply.json()
    assert body["status"] == "success"
    assert isinstance(body["message"], str) and body["message"]
    assert isinstance(body["data"], (dict, list))
    return body["data"]


def listed(reply, key, shape):
    data = succeeded(reply)
    check(data, {"pagination": PAGINATION, key: [shape]})
    assert data["pagination"]["totalDocs"] >= len(data[key])
    return data[key]


AUTH_CALLS = {
    "get_by_id": lambda it, w: it.get_by_id(w["auth"]),
    "get_by_customer": lambda it, w: it.get_by_customer(w["customer"]),
    "get_by_date": lambda it, w: it.get_by_date(LONG_AGO, TOMORROW),
    "get_by_bank": lambda it, w: it.get_by_bank(w["bank"]),
    "get_by_customer_date": lambda it, w: it.get_by_customer_date(w["customer"], LONG_AGO, TOMORROW),
}


@named(AUTH_CALLS)
def test_auth_lists(world, call):
    found = listed(call(client(world, OkraAuth), world), "auths", AUTH)
    assert [auth["record"] for auth in found] == [world["record"]]


def test_auths_of_the_product(world):
    listed(client(world, OkraAuth).retrieve_auth(), "auths", LISTED_AUTH)


BALANCE_CALLS = {
    "get_by_customer": lambda it, w: it.get_by_customer(w["customer"]),
    "get_by_account": lambda it, w: it.get_by_account(w["account"]),
    "get_by_type": lambda it, w: it.get_by_type("ledger_balance", w["ledger"]),
    "get_by_date": lambda it, w: it.get_by_date(LONG_AGO, TOMORROW),
    "get_by_customer_date": lambda it, w: it.get_by_customer_date(w["customer"], LONG_AGO, TOMORROW),
}


@named(BALANCE_CALLS)
def test_balance_lists(world, call):
    found = listed(call(client(world, OkraBalance), world), "balance", BALANCE)
    assert {balance["record"][0]["_id"] for balance in found} == {world["record"]}


def test_balances_of_the_product(world):
    found = listed(client(world, OkraBalance).retrieve_balance(), "balances", LISTED_BALANCE)
    assert len(found) == 2


def test_one_balance_is_an_object(world):
    data = succeeded(client(world, OkraBalance).get_by_id(world["balance"]))
    check(data, {"balance": BALANCE})
    assert data["balance"]["account"]["_id"] == world["account"]


def test_refresh_of_a_balance_starts_and_can_be_pulled(world):
    data = succeeded(client(world, OkraBalance).get_refresh_balance(world["account"]))
    check(data, {**STARTED, "record": world["record"], "method": "BALANCE"})
    pulled = world["tenant"].request("GET", data["callback_url"].removeprefix(world["kubewa"].url))
    check(succeeded(pulled), {"product": "BALANCE", "record": world["record"], "status": {"process": {"running": flag}}})


TRANSACTION_CALLS = {
    "get_by_customer": lambda it, w: it.get_by_customer(w["customer"]),
    "get_by_account": lambda it, w: it.get_by_account(w["account"]),
    "get_by_date": lambda it, w: it.get_by_date(LONG_AGO, TOMORROW),
    "get_by_bank": lambda it, w: it.get_by_bank(w["bank"]),
    "get_by_type": lambda it, w: it.get_by_type("credit", str(w["credit"])),
    "get_by_customer_date": lambda it, w: it.get_by_customer_date(w["customer"], LONG_AGO, TOMORROW),
}


@named(TRANSACTION_CALLS)
def test_transaction_lists(world, call):
    found = listed(call(client(world, OkraTransaction), world), "transaction", TRANSACTION)
    assert all((each["debit"] is None) != (each["credit"] is None) for each in found)
    assert {each["record"][0] for each in found} == {world["record"]}


def test_transactions_of_the_product(world):
    found = listed(client(world, OkraTransaction).get_transactions(), "trans", SUMMARY)
    assert [summary["count"] for summary in found] == [len(world["tenant"].transactions(customer=world["customer"]))]


def test_one_transaction(world):
    found = listed(client(world, OkraTransaction).get_by_id(world["transaction"]), "transaction", TRANSACTION)
    assert [each["_id"] for each in found] == [world["transaction"]]


def test_periodic_transactions_start_and_can_be_pulled(world):
    reply = client(world, OkraTransaction).get_real_time_balance(world["account"], world["record"], "NGN")
    check(succeeded(reply), STARTED)


def test_pages_follow_each_other_without_gap_or_double(world):
    client_ = client(world, OkraTransaction)
    first = listed(client_.get_by_customer(world["customer"], page=1, limit=7), "transaction", TRANSACTION)
    second = listed(client_.get_by_customer(world["customer"], page=2, limit=7), "transaction", TRANSACTION)
    both = listed(client_.get_by_customer(world["customer"], page=1, limit=14), "transaction", TRANSACTION)
    assert [each["_id"] for each in first + second] == [each["_id"] for each in both]


IDENTITY_CALLS = {
    "get_by_id": lambda it, w: it.get_by_id(w["identity"]),
    "get_by_customer": lambda it, w: it.get_by_customer(w["customer"]),
    "get_by_date": lambda it, w: it.get_by_date(LONG_AGO, TOMORROW),
    "get_by_customer_date": lambda it, w: it.get_by_customer_date(w["customer"], LONG_AGO, TOMORROW),
}


@named(IDENTITY_CALLS)
def test_identity_lists(world, call):
    found = listed(call(client(world, OkraIdentify), world), "identity", IDENTITY)
    assert {each["customer"]["_id"] for each in found} == {world["customer"]}


def test_identities_of_the_product(world):
    listed(client(world, OkraIdentify).get_identity(), "identities", IDENTITY)


NOTHING_THERE = {
    "auth": (OkraAuth, "auths", lambda it: it.get_by_customer("0" * 24)),
    "balance": (OkraBalance, "balance", lambda it: it.get_by_customer("0" * 24)),
    "transactions": (OkraTransaction, "transaction", lambda it: it.get_by_customer("0" * 24)),
    "identity": (OkraIdentify, "identity", lambda it: it.get_by_customer("0" * 24)),
}


@pytest.mark.parametrize("kind, key, call", NOTHING_THERE.values(), ids=NOTHING_THERE.keys())
def test_an_unknown_customer_has_an_empty_list(world, kind, key, call):
    data = succeeded(call(client(world, kind)))
    assert data[key] == []
    check(data, {"pagination": PAGINATION})
    assert data["pagination"]["totalDocs"] == 0


REFUSED = {
    "a wrong key": (401, lambda w: client(w, OkraAuth, "not-a-key").retrieve_auth()),
    "the public key": (403, lambda w: client(w, OkraAuth, w["tenant"].public_key).retrieve_auth()),
    "an unknown balance": (404, lambda w: client(w, OkraBalance).get_by_id("0" * 24)),
    "a date that is none": (400, lambda w: client(w, OkraAuth).get_by_date("yesterday", "soon")),
    "a page that is none": (400, lambda w: client(w, OkraAuth).get_by_customer(w["customer"], page="two")),
}


@pytest.mark.parametrize("status, call", REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_told_clearly(world, status, call):
    reply = call(world)
    assert reply.status_code == status, reply.text
    body = reply.json()
    assert body["status"] == "error"
    assert body["message"] and body["msg"] == body["message"]
    assert body["request_id"] == reply.headers["X-Request-Id"]


LATER = {
    "auth by options": (OkraAuth, lambda it: it.get_by_options("Uchencho", "Nwa Alozie")),
    "balance by options": (OkraBalance, lambda it: it.get_by_options("Uchencho", "Nwa Alozie")),
    "transactions by options": (OkraTransaction, lambda it: it.get_by_options("Uchencho", "Nwa Alozie")),
    "identity by options": (OkraIdentify, lambda it: it.get_by_options("Uchencho", "Nwa Alozie")),
    "get_enhanced_balance": (OkraBalance, lambda it: it.get_enhanced_balance("0" * 24, "0" * 24, LONG_AGO, TOMORROW)),
    "spending_pattern": (OkraTransaction, lambda it: it.spending_pattern("0" * 24)),
    "verify_bvn": (OkraIdentify, lambda it: it.verify_bvn("22123456789")),
    "verify_company": (OkraIdentify, lambda it: it.verify_company("Acme", "RC123")),
    "verify_company_tax": (OkraIdentify, lambda it: it.verify_company_tax("Acme", "RC123", "TIN1")),
    "verify_customer_tin": (OkraIdentify, lambda it: it.verify_customer_tin("Acme", "TIN1")),
    "verify_customer_nin": (OkraIdentify, lambda it: it.verify_customer_nin("12345678901")),
    "merge_identities": (OkraIdentify, lambda it: it.merge_identities("0" * 24, "1" * 24)),
    "get_incomes": (OkraIncome, lambda it: it.get_incomes()),
    "process_income": (OkraIncome, lambda it: it.process_income("0" * 24, "0" * 24)),
}


@pytest.mark.parametrize("kind, call", LATER.values(), ids=LATER.keys())
def test_what_is_not_offered_yet_says_so(world, kind, call):
    reply = call(client(world, kind))
    assert 400 <= reply.status_code < 500, reply.text
    body = reply.json()
    assert body["status"] == "error" and body["message"] and body["request_id"]
