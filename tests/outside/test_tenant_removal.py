"""`kubewa tenants remove`: a business ends at once, also beside a running server, and its data goes."""

import subprocess

import requests

from harness import BINARY, REQUEST_SECONDS, SETTLE_SECONDS, wait_until

# Where nobody can tell a server what another process did, it finds out within two seconds; an attempt takes a moment.
TOLD_SECONDS = 10
TABLES = ["connection", "account", "account_transaction", "event", "delivery", "attempt", "webhook_endpoint", "api_key",
          "lane", "data_key", "sandbox_login", "day_total"]


def rows(kubewa, tenant):
    """How many rows of a business each table has."""
    counts = ", ".join(
        f"(SELECT COUNT(*) FROM {table} x JOIN environment e ON e.id = x.environment_id "
        f"WHERE e.tenant_id = '{tenant.client_token}')" for table in TABLES)
    return dict(zip(TABLES, (int(count) for count in kubewa.database.rows(f"SELECT {counts}")[0])))


def remove(kubewa, tenant, *options):
    return kubewa.run("tenants", "remove", *kubewa.where, "--tenant", tenant.client_token, *options)


def is_erased(kubewa, tenant):
    lines = kubewa.run("tenants", "list", *kubewa.where).splitlines()
    return ", erased " in next(line for line in lines if line.startswith(tenant.client_token))


def key_status(tenant):
    return tenant.request("GET", "/api/v1/accounts").status_code


def linked(kubewa, receiver, name, path):
    tenant = kubewa.make_tenant(name)
    tenant.set_webhook(receiver.url(path))
    tenant.make_customers("ada")
    tenant.link("ada")
    kubewa.settle()
    return tenant


def test_a_business_ends_beside_a_running_server_and_another_goes_on(kubewa, receiver):
    kubewa.start()
    gone = linked(kubewa, receiver, "Gone", "/gone")
    kept = linked(kubewa, receiver, "Kept", "/kept")
    receiver.answer = lambda delivery: 503 if delivery.path == "/gone" else 200
    gone.post_transaction("ada", -100, "Last")
    receiver.wait_for("a refused event", lambda it: it.deliveries("/gone", accepted=False)[-1].status == 503)

    before, others = rows(kubewa, gone), rows(kubewa, kept)
    assert all(before[table] for table in TABLES), before
    told = remove(kubewa, gone)
    assert "sandbox: 1 connections, 1 webhook endpoints," in told and "--yes" in told, told
    assert "0 deliveries waiting" not in told.splitlines()[1], told
    assert key_status(gone) == 200 and rows(kubewa, gone)["connection"] == 1

    told = remove(kubewa, gone, "--yes")
    assert "revoked" in told, told
    wait_until("the key to be refused", lambda: key_status(gone) == 401, TOLD_SECONDS)
    wait_until("the data to be gone", lambda: is_erased(kubewa, gone), every=0.5)
    assert set(rows(kubewa, gone).values()) == {0}
    assert remove(kubewa, gone, "--yes") == remove(kubewa, gone) and "is erased" in remove(kubewa, gone)
    arrived = len(receiver.deliveries("/gone", accepted=False))

    # What is refused comes again five to six seconds later: what is refused of the other one now comes after the time
    # at which what was refused before all this would have come.
    refused, told = [], len(receiver.deliveries("/kept", "transaction.success"))

    def refuse_first(delivery):
        if delivery.path == "/kept":
            if refused:
                return 200
            refused.append(delivery.id)
        return 503

    receiver.answer = refuse_first
    kept.post_transaction("ada", -200, "Next")
    receiver.wait_for(
        "the other's first retry", lambda it: any(each.id in refused for each in it.deliveries("/kept")),
        SETTLE_SECONDS)
    kubewa.settle()
    assert len(receiver.deliveries("/kept", "transaction.success")) > told, "the other goes on"
    assert len(receiver.deliveries("/gone", accepted=False)) == arrived
    assert all(rows(kubewa, kept)[table] >= others[table] for table in ("connection", "event", "attempt"))
    assert " error " not in kubewa.log.read_text(), kubewa.tail()


def test_a_business_that_is_removed_while_no_server_runs_is_erased_by_the_next(kubewa, receiver):
    kubewa.start()
    gone = linked(kubewa, receiver, "Gone", "/gone")
    kubewa.kill()
    assert "next one that starts" in remove(kubewa, gone, "--yes")
    assert rows(kubewa, gone)["connection"] == 1
    kubewa.start()
    assert key_status(gone) == 401
    wait_until("the data to be gone", lambda: is_erased(kubewa, gone), every=0.5)
    assert set(rows(kubewa, gone).values()) == {0}
    url = f"{kubewa.url}/health"
    assert requests.get(url, timeout=REQUEST_SECONDS).status_code == 200


def test_nobodys_token_says_where_to_look(kubewa):
    done = subprocess.run(
        [str(BINARY), "tenants", "remove", *kubewa.where, "--tenant", "f" * 24, "--yes"],
        capture_output=True, text=True, timeout=REQUEST_SECONDS)
    assert done.returncode == 1
    assert "kubewa tenants list" in done.stderr, done.stderr
