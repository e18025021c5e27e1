"""kill -9 of `kubewa serve` in the middle of its work, on both databases: nothing is lost, nothing doubled, and
every committed event is delivered at least once."""

import concurrent.futures
import itertools
import os
import threading
import time

import pytest
import requests
from standardwebhooks import Webhook

from harness import START_SECONDS

# How long after the work began each kill comes; the spread finds different places in it.
KILL_AFTER_SECONDS = [0.02, 0.08, 0.2, 0.5, 1.0]
KILLS = int(os.environ.get("KUBEWA_KILLS", len(KILL_AFTER_SECONDS)))


@pytest.fixture
def tenant(kubewa, receiver):
    made = kubewa.make_tenant()
    made.set_webhook(receiver.url(), payload="complete")
    kubewa.start()
    return made


def kill_moments():
    return itertools.islice(itertools.cycle(KILL_AFTER_SECONDS), KILLS)


def attempt(call, *arguments):
    """A call that the kill may cut; what it did is then found out from the server."""
    try:
        return call(*arguments)
    except requests.RequestException:
        return None


def kill_during(kubewa, seconds, calls):
    """Starts the calls side by side, kills the server so long after, and starts it again.

    True when the kill came in the middle of something: of a call, a refresh or a delivery.
    """
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        running = [pool.submit(attempt, call) for call in calls]
        time.sleep(seconds)  # The moment of the kill is what is tried here; nothing is waited for.
        was_busy = not all(each.done() for each in running)
        kubewa.kill()
        for each in running:
            each.result()
    was_busy = was_busy or not kubewa.is_settled()
    kubewa.start()
    return was_busy


def assert_nothing_lost_or_doubled(kubewa, receiver, tenant):
    """What must hold after any kill, once everything is done again."""
    kubewa.settle()
    rows = kubewa.database.rows
    assert rows("SELECT state, error FROM refresh WHERE state <> 'done'") == []
    doubled_transactions = """
        SELECT account_id, upstream_id FROM account_transaction WHERE status <> 'removed'
        GROUP BY account_id, upstream_id HAVING COUNT(*) > 1
        """
    assert rows(doubled_transactions) == []
    doubled_accounts = "SELECT connection_id, upstream_id FROM account GROUP BY connection_id, upstream_id HAVING COUNT(*) > 1"
    assert rows(doubled_accounts) == []
    gaps = """
        SELECT c.id, c.event_seq, COUNT(e.id), MIN(e.seq), MAX(e.seq) FROM connection c
        LEFT JOIN event e ON e.environment_id = c.environment_id AND e.connection_id = c.id
        GROUP BY c.id, c.event_seq HAVING COUNT(e.id) <> c.event_seq OR MIN(e.seq) <> 1 OR MAX(e.seq) <> c.event_seq
        """
    assert rows(gaps) == []
    counted = rows("SELECT COUNT(*) FROM account_transaction WHERE status <> 'removed'")[0][0]
    announced = {
        row["id"]
        for each in receiver.deliveries("/hook")
        if each.body["event"] in ("transaction.success", "transaction.updated")
        for row in each.body["data"]["resource"]
    }
    assert len(announced) == int(counted), "every stored transaction was told, and none that is not stored"

    delivered = {each.id for each in receiver.deliveries("/hook")}
    assert delivered == kubewa.event_ids(), "every committed event was delivered, and none that is not committed"
    verifier = Webhook(tenant.endpoint_secret)
    bodies = {}
    for each in receiver.deliveries("/hook"):
        verifier.verify(each.raw, each.headers)
        assert bodies.setdefault(each.id, each.raw) == each.raw, "an event that comes twice says the same twice"


def test_kill_while_linking(kubewa, receiver, tenant):
    usernames = [f"linker{number}" for number in range(KILLS)]
    tenant.make_customers(*usernames, accounts=2)
    sessions = [tenant.begin_link() for _ in usernames]

    cuts = [
        kill_during(kubewa, moment, [lambda: tenant.answer(session, username, "secret")])
        for moment, username, session in zip(kill_moments(), usernames, sessions)
    ]
    assert any(cuts), "no kill came in the middle of a link"

    for username, session in zip(usernames, sessions):
        now = tenant.native("GET", f"/link_sessions/{session['id']}")
        assert now["id"] == session["id"], "a session survives the kill"
        done = tenant.finish_link(now, username)
        again = tenant.native("POST", f"/link_sessions/{session['id']}/answers", {"fields": {}})
        assert again["connection"] == done["connection"], "answering a finished session changes nothing"

    assert_nothing_lost_or_doubled(kubewa, receiver, tenant)
    assert kubewa.database.rows("SELECT COUNT(*) FROM connection") == [(str(KILLS),)]
    assert kubewa.database.rows("SELECT COUNT(*) FROM account") == [(str(KILLS * 2),)]
    assert kubewa.database.rows("SELECT status, COUNT(*) FROM link_session GROUP BY status") == [("done", str(KILLS))]


def test_kill_while_refreshing(kubewa, receiver, tenant):
    tenant.make_customers("spender", "saver", accounts=1)
    records = {name: tenant.link(name) for name in ("spender", "saver")}
    accounts = [row[0] for row in kubewa.database.rows("SELECT id FROM account ORDER BY id")]
    confirmed = {"spender": [], "saver": []}
    sent = {"spender": [], "saver": []}

    cuts = []
    for round_number, moment in enumerate(kill_moments(), 1):
        def post(name, number):
            narration = f"Posting {name} {round_number}.{number}"
            sent[name].append(narration)
            tenant.post_transaction(name, -100_00 - number, narration)
            confirmed[name].append(narration)

        calls = [lambda name=name, number=number: post(name, number) for name in records for number in range(3)]
        calls += [lambda id=id: tenant.okra("transactions/refresh", {"account_id": id}) for id in accounts]
        cuts.append(kill_during(kubewa, moment, calls))
    assert any(cuts), "no kill came in the middle of a refresh"

    # What was posted while nobody listened is found by the next refresh.
    for id in accounts:
        tenant.okra("transactions/refresh", {"account_id": id})
        tenant.okra("balance/refresh", {"account_id": id})
    assert_nothing_lost_or_doubled(kubewa, receiver, tenant)
    for name, record in records.items():
        texts = [each["notes"]["desc"] for each in tenant.transactions(record_id=record)]
        posted = [text for text in texts if text.startswith("Posting ")]
        assert len(posted) == len(set(posted)), "a posting is stored once"
        assert set(confirmed[name]) <= set(posted) <= set(sent[name])


def test_kill_while_delivering(kubewa, receiver, tenant):
    usernames = [f"payee{number}" for number in range(3)]
    tenant.make_customers(*usernames, accounts=1)
    for name in usernames:
        tenant.link(name)
    kubewa.settle()

    # Half of the deliveries are answered, half hang until the server is dead.
    for round_number in range(1, KILLS + 1):
        is_dead, is_hanging = threading.Event(), threading.Event()

        def answer(delivery):
            if int(delivery.id.removeprefix("evt_")) % 2:
                is_hanging.set()
                is_dead.wait(START_SECONDS)
            return 200

        receiver.answer = answer
        for name in usernames:
            for number in range(3):
                tenant.post_transaction(name, 100_00 + number, f"Gift {round_number}.{number}")
        assert is_hanging.wait(START_SECONDS), "no delivery came to be cut"
        kubewa.kill()
        receiver.answer = lambda delivery: 200
        is_dead.set()
        kubewa.start()

    for (id,) in kubewa.database.rows("SELECT id FROM account"):
        tenant.okra("transactions/refresh", {"account_id": id})
    assert_nothing_lost_or_doubled(kubewa, receiver, tenant)
    gifts = "SELECT COUNT(*) FROM account_transaction WHERE description LIKE 'Gift %'"
    assert kubewa.database.rows(gifts) == [(str(KILLS * 3 * len(usernames)),)]
