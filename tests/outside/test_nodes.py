"""Two `kubewa serve` on one PostgreSQL: they wake each other, one takes over what the other leaves, and nothing is
lost or doubled whichever of them dies, stands still or is restarted."""

import collections
import concurrent.futures
import datetime
import threading

import pytest

from harness import START_SECONDS, Kubewa, open_database, wait_until
from test_kill import assert_nothing_lost_or_doubled

# Short, so that takeovers need not be waited for.
LEASE_SECONDS = 3
# Where nothing is taken over: a node that is starved for a while keeps its work.
LONG_LEASE_SECONDS = 30
# So seldom that in these tests no node ever finds work by looking for it: only a wake of the other makes it act.
SELDOM = ["--poll-seconds", "3600"]
HANG_SECONDS = 60
# A refresh that is under way lasts longer than any delay of this test, and less than a call to a bank may take.
SLOW_BANK = {"rules": [{"latency": "12s"}]}


@pytest.fixture
def database(tmp_path):
    made = open_database("postgres", tmp_path)
    yield made
    made.close()


@pytest.fixture
def lease_seconds():
    return LEASE_SECONDS


no_takeovers = pytest.mark.parametrize("lease_seconds", [LONG_LEASE_SECONDS])


def node(tmp_path, database, name, lease_seconds):
    """The nodes share the database, the master key and nothing else; the folder is only where the key is."""
    made = Kubewa(tmp_path, database, name, ["--lease-seconds", str(lease_seconds), *SELDOM])
    made.start()
    yield made
    if made.process:
        made.thaw()
    made.stop()


@pytest.fixture
def first(tmp_path, database, lease_seconds):
    yield from node(tmp_path, database, "first", lease_seconds)


@pytest.fixture
def second(tmp_path, database, first, lease_seconds):
    yield from node(tmp_path, database, "second", lease_seconds)


@pytest.fixture
def tenant(first, second, receiver):
    made = first.make_tenant()
    made.set_webhook(receiver.url(), payload="complete")
    return made


def through(tenant, server):
    """The same business, whose calls go to another node."""
    other = object.__new__(type(tenant))
    other.__dict__.update(tenant.__dict__, kubewa=server)
    return other


def arrivals(receiver):
    return collections.Counter((each.path, each.id) for each in receiver.deliveries(accepted=False))


def link_all(tenant, users):
    with concurrent.futures.ThreadPoolExecutor(len(users)) as pool:
        list(pool.map(tenant.link, users))
    tenant.kubewa.settle()


def refresh_all(tenant, server):
    for (id,) in server.database.rows("SELECT id FROM account ORDER BY id"):
        through(tenant, server).okra("transactions/refresh", {"account_id": id})


def slow_bank(tenant):
    tenant.native("PUT", "/sandbox/scenarios/bank:kuda-bank", SLOW_BANK)


def quick_bank(tenant):
    tenant.native("DELETE", "/sandbox/scenarios/bank:kuda-bank")


def is_refreshing(server):
    return server.database.rows("SELECT COUNT(*) FROM refresh WHERE state = 'running'") != [("0",)]


def hang(receiver):
    """The receiver answers nothing until the second event is set; the first tells that something waits."""
    is_hanging, is_over = threading.Event(), threading.Event()

    def answer(delivery):
        is_hanging.set()
        is_over.wait(HANG_SECONDS)
        return 200

    receiver.answer = answer
    return is_hanging, is_over


@no_takeovers
def test_linked_on_one_node_read_on_the_other(first, second, receiver, tenant):
    """And without a failure every event comes once to every URL."""
    tenant.make_customers("ada", accounts=2)
    record = tenant.link("ada", callback_url=receiver.url("/callback"))
    other = through(tenant, second)
    here, there = tenant.transactions(record_id=record), other.transactions(record_id=record)
    assert here and here == there

    other.post_transaction("ada", 4_500_00, "FROM THE OTHER NODE")
    def is_told(it):
        told = [each.id for each in it.deliveries("/hook") if "FROM THE OTHER NODE" in each.raw.decode()]
        return told and all(("/callback", id) in arrivals(it) for id in told)

    receiver.wait_for("the transaction's webhook at both URLs", is_told)
    assert any(each["notes"]["desc"] == "FROM THE OTHER NODE" for each in other.transactions(record_id=record))

    # Both nodes at once ask for the same.
    for _ in range(3):
        refresh_all(tenant, first)
        refresh_all(tenant, second)
    first.settle()
    assert_nothing_lost_or_doubled(first, receiver, tenant)
    doubled = {key: count for key, count in arrivals(receiver).items() if count > 1}
    assert doubled == {}, "nothing failed, so nothing comes twice"


def test_a_key_renewed_on_one_node_stops_on_the_other(first, second, tenant):
    """What it knows of keys it forgets by itself, however often it is asked meanwhile."""
    other = through(tenant, second)
    other.native("GET", "/connections")
    first.run("keys", "renew", *first.where, "--tenant", tenant.client_token, "--env", "sandbox", "--kind", "secret")
    wait_until(
        "the old key to be refused on the other node",
        lambda: other.request("GET", "/api/v1/connections").status_code == 401, seconds=30,
    )


def test_only_a_wake_makes_a_node_act(first, second, tenant):
    """Neither node looks for work by itself, and the command that writes it is a process without loops."""
    tenant.make_customers("ada")
    tenant.link("ada")
    first.settle()
    synced = "SELECT synced_to_on FROM refresh_schedule"
    before = datetime.date.fromisoformat(first.database.rows(synced)[0][0])
    first.run(
        "sandbox", "clock", *first.where, "--tenant", tenant.client_token, "--env", "sandbox", "--advance-days", "3"
    )
    wait_until(
        "the clock to arrive",
        lambda: first.database.rows("SELECT COUNT(*) FROM clock_job WHERE target_ms > 0") == [("0",)],
        seconds=60,
    )
    first.settle()
    after = datetime.date.fromisoformat(first.database.rows(synced)[0][0])
    # The hour of the daily refresh is the connection's own: that of the last day may be still to come.
    assert after >= before + datetime.timedelta(days=2), "each day had its refresh"


def test_the_other_node_takes_over_from_one_that_is_killed(first, second, receiver, tenant):
    """Killed in the middle of deliveries, then in the middle of refreshes."""
    users = ["ada", "bola", "chidi"]
    tenant.make_customers(*users)
    link_all(tenant, users)

    # While the second stands still the work is the first's; that there is some is told to the second meanwhile.
    second.freeze()
    is_hanging, is_over = hang(receiver)
    for number in range(3):
        for name in users:
            tenant.post_transaction(name, 100_00 + number, f"Gift {number}")
    assert is_hanging.wait(START_SECONDS), "no delivery came to be cut"
    second.thaw()
    first.kill()
    receiver.answer = lambda delivery: 200
    is_over.set()
    refresh_all(tenant, second)
    assert_nothing_lost_or_doubled(second, receiver, tenant)
    gifts = "SELECT COUNT(*) FROM account_transaction WHERE description LIKE 'Gift %'"
    assert second.database.rows(gifts) == [("9",)]

    first.start()
    second.freeze()
    slow_bank(tenant)
    refresh_all(tenant, first)
    wait_until("refreshes to run", lambda: is_refreshing(first))
    first.kill()
    assert is_refreshing(second), "the refreshes were over before the node was killed"
    second.thaw()
    quick_bank(through(tenant, second))
    assert_nothing_lost_or_doubled(second, receiver, tenant)


@pytest.mark.parametrize("work", ["delivery", "refresh"])
def test_what_a_frozen_node_writes_late_is_refused(first, second, receiver, tenant, work):
    tenant.make_customers("ada", "bola")
    link_all(tenant, ["ada", "bola"])

    second.freeze()
    is_hanging, is_over = hang(receiver)
    if work == "refresh":
        slow_bank(tenant)
    tenant.post_transaction("ada", 100_00, "Gift")
    if work == "delivery":
        assert is_hanging.wait(START_SECONDS), "no delivery came to be held"
        first.freeze()
    else:
        refresh_all(tenant, first)
        wait_until("a refresh to run", lambda: is_refreshing(first))
        first.freeze()
        assert is_refreshing(first), "the refresh was over before the node stood still"
    second.thaw()
    if work == "refresh":
        quick_bank(through(tenant, second))
    receiver.answer = lambda delivery: 200
    is_over.set()
    second.settle()
    counted = """
        SELECT (SELECT COUNT(*) FROM account_transaction), (SELECT COUNT(*) FROM event), (SELECT COUNT(*) FROM attempt),
               (SELECT SUM(added) FROM refresh), (SELECT SUM(steps_done) FROM refresh)
        """
    before = second.database.rows(counted)

    first.thaw()
    wait_until("the first node to learn that it is late", lambda: "lease lost" in first.log.read_text(), seconds=60)
    assert second.database.rows(counted) == before, "what it had in hand changed nothing"
    assert_nothing_lost_or_doubled(second, receiver, tenant)

    # It is a node like any other again.
    second.stop()
    tenant.post_transaction("bola", 100_00, "Afterwards")
    receiver.wait_for("the next webhook", lambda it: any("Afterwards" in each.raw.decode() for each in it.deliveries()))
    assert_nothing_lost_or_doubled(first, receiver, tenant)


@no_takeovers
def test_restarting_one_after_the_other_loses_and_doubles_nothing(first, second, receiver, tenant):
    users = ["ada", "bola"]
    tenant.make_customers(*users)
    link_all(tenant, users)
    for number, (stopped, running) in enumerate([(first, second), (second, first)]):
        for name in users:
            through(tenant, running).post_transaction(name, 100_00, f"Gift {number}")
        refresh_all(tenant, stopped)
        stopped.stop()
        refresh_all(tenant, running)
        running.settle()
        stopped.start()
    assert_nothing_lost_or_doubled(first, receiver, tenant)
    gifts = "SELECT COUNT(*) FROM account_transaction WHERE description LIKE 'Gift %'"
    assert first.database.rows(gifts) == [("4",)]
    doubled = {key: count for key, count in arrivals(receiver).items() if count > 1}
    assert doubled == {}, "a node that is asked to stop finishes what it has in hand"
