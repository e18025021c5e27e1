"""Two nodes under load: many records that are refreshed every minute, transactions that come in all the time, a bank
with limits, and a node that is killed, frozen and restarted meanwhile."""

import collections
import concurrent.futures
import re
import subprocess
import threading
import time

import pytest
import requests

from harness import BINARY, Kubewa, open_database, wait_until
from test_kill import assert_nothing_lost_or_doubled

LEASE_SECONDS = 3
RECORDS = 40
BANK = "kuda-bank"
RATE, RATE_SECONDS, CONCURRENCY = 150, 10, 6


@pytest.fixture
def database(tmp_path):
    made = open_database("postgres", tmp_path)
    yield made
    made.close()


def run_node(tmp_path, database, name, *options):
    made = Kubewa(tmp_path, database, name, ["--lease-seconds", str(LEASE_SECONDS), *options])
    made.start()
    yield made
    if made.process:
        made.thaw()
    made.stop()


@pytest.fixture
def first(tmp_path, database):
    yield from run_node(tmp_path, database, "first")


@pytest.fixture
def second(tmp_path, database, first):
    yield from run_node(tmp_path, database, "second")


class Load:
    """Posts transactions and asks for refreshes at whichever nodes are alive, until it is closed."""

    def __init__(self, tenant, users, nodes):
        self.tenant, self.users, self.alive = tenant, users, list(nodes)
        self.sent, self.confirmed, self.is_over = [], [], threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        number = 0
        while not self.is_over.wait(0.1):
            user, node = self.users[number % len(self.users)], self.alive[number % len(self.alive)]
            text = f"Load {number}"
            self.sent.append(text)
            body = {"username": user, "amount_minor": 100_00 + number, "narration": text}
            try:
                reply = requests.post(
                    node.url + "/api/v1/sandbox/transactions", json=body, timeout=30,
                    headers={"Authorization": f"Bearer {self.tenant.secret_key}"},
                )
                if reply.status_code in (200, 201):
                    self.confirmed.append(text)
            except requests.RequestException:
                pass  # The node died with it: it is posted or it is not, and never twice.
            number += 1

    def close(self):
        self.is_over.set()
        self.thread.join()


class BankMeter:
    """How often both nodes asked the bank, and how many calls were under way at once, looked at all the time.

    A sample is when the oldest of its readings began, when the newest ended, and all calls until then.
    """

    def __init__(self, nodes):
        self.nodes, self.samples, self.in_flight = nodes, [], []
        self.last, self.read_at = {}, {}
        self.gone = 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.is_over.wait(0.2):
            flying = 0
            for node in self.nodes:
                began = time.monotonic()
                try:
                    text = requests.get(node.url + "/metrics", timeout=1).text
                except requests.RequestException:
                    continue
                calls = sum(
                    float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                    if line.startswith("kubewa_bank_calls_total{") and BANK in line
                )
                if calls < self.last.get(node, 0):
                    self.gone += self.last[node]
                self.last[node], self.read_at[node] = calls, began
                flying += sum(
                    float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                    if line.startswith("kubewa_bank_calls_in_flight") and (BANK in line or "{" not in line)
                )
            if len(self.read_at) == len(self.nodes):
                oldest = min(self.read_at.values())
                self.samples.append((oldest, time.monotonic(), self.gone + sum(self.last.values())))
            self.in_flight.append(flying)

    def close(self):
        self.is_over.set()
        self.thread.join()

    def most_in(self, seconds):
        """The most calls that any window of that length holds for certain."""
        most, start = 0, 0
        for end, (_, after, calls) in enumerate(self.samples):
            while start < end and after - self.samples[start][0] > seconds:
                start += 1
            most = max(most, calls - self.samples[start][2])
        return most


def link_all(tenant, users):
    refresh = {"interval": "one_minute"}
    def link(user):
        session = tenant.begin_link(institution=BANK, refresh=refresh, history_months=1)
        return tenant.finish_link(session, user)["connection"]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(link, users))


def test_killed_frozen_and_restarted_under_load(first, second, receiver):
    tenant = first.make_tenant()
    tenant.set_webhook(receiver.url(), payload="complete")
    users = [f"user{number}" for number in range(RECORDS)]
    tenant.make_customers(*users, bank=BANK)
    records = link_all(tenant, users)
    scanned = "SELECT COUNT(*) FROM refresh_schedule WHERE scan_phase = 'periodic'"
    wait_until("the first data of all", lambda: first.database.rows(scanned) == [(str(RECORDS),)])

    first.run(
        "banks", "set", BANK, *first.where, "--env", "sandbox", "--rate", f"{RATE}/{RATE_SECONDS}s", "--concurrency",
        str(CONCURRENCY),
    )
    meter = BankMeter([first, second])
    load = Load(tenant, users, [first, second])
    try:
        time.sleep(5)
        load.alive = [first]
        time.sleep(1)
        second.kill()
        time.sleep(LEASE_SECONDS + 4)
        second.start()

        load.alive = [second]
        time.sleep(1)
        first.freeze()
        time.sleep(2 * LEASE_SECONDS + 2)
        first.thaw()
        time.sleep(2)

        for stopped, running in [(first, second), (second, first)]:
            load.alive = [running]
            time.sleep(1)
            stopped.stop()
            time.sleep(1)
            stopped.start()
        load.alive = [first, second]
        time.sleep(3)
        wait_until("as much load as is wanted", lambda: len(load.confirmed) > 50)
    finally:
        load.close()

    # Every record goes on to be refreshed every minute, whoever does it.
    now = int(time.time() * 1000)
    fresh = f"SELECT COUNT(*) FROM refresh_schedule WHERE balance_ok_ms > {now} AND transactions_ok_ms > {now}"
    wait_until("every record's next refresh", lambda: first.database.rows(fresh) == [(str(RECORDS),)])
    meter.close()

    for record in records:
        assert tenant.native("PUT", f"/connections/{record}/refresh", {"paused": True})["next_refresh_at"] is None
    assert_nothing_lost_or_doubled(first, receiver, tenant)
    stored = collections.Counter(
        row[0] for row in first.database.rows(
            "SELECT description FROM account_transaction WHERE description LIKE 'Load %' AND status <> 'removed'")
    )
    assert set(load.confirmed) <= set(stored) <= set(load.sent)
    assert max(stored.values()) == 1, "none twice"
    balances = first.database.rows("""
        SELECT a.id FROM account a WHERE a.ledger_minor IS NULL
        """)
    assert balances == []
    sequences(receiver)
    # A call is counted when it is over: so many may have begun before the window.
    assert meter.most_in(RATE_SECONDS) <= RATE + CONCURRENCY, "the bank's rate holds over both nodes"
    assert max(meter.in_flight) <= CONCURRENCY, "and so does the number of calls at once"


def sequences(receiver):
    """The events of each record that came in, put in order, count without a gap."""
    by_record = collections.defaultdict(set)
    for each in receiver.deliveries("/hook"):
        record = each.body.get("data", {}).get("record")
        if record:
            by_record[record].add(each.body["sequence"])
    assert by_record
    for record, seen in by_record.items():
        assert seen == set(range(1, len(seen) + 1)), record


# MARK: roles


@pytest.fixture
def api(tmp_path, database):
    yield from run_node(tmp_path, database, "api", "--role", "api", "--poll-seconds", "3600")


@pytest.fixture
def worker(tmp_path, database, api):
    yield from run_node(tmp_path, database, "worker", "--role", "worker", "--poll-seconds", "3600")


def test_one_node_answers_and_the_other_works(api, worker, receiver):
    """Neither looks for work by itself: the requests of one wake the other."""
    roles = [requests.get(each.url + "/health", timeout=10).json()["role"] for each in (api, worker)]
    assert roles == ["api", "worker"]
    tenant = api.make_tenant()
    tenant.set_webhook(receiver.url(), payload="complete")
    tenant.make_customers("ada")
    tenant.link("ada")
    tenant.post_transaction("ada", 4_500_00, "FROM THE API NODE")
    receiver.wait_for("the webhook", lambda it: any("FROM THE API NODE" in each.raw.decode() for each in it.deliveries()))
    assert_nothing_lost_or_doubled(api, receiver, tenant)
    refused = requests.get(
        worker.url + "/api/v1/connections", timeout=10, headers={"Authorization": f"Bearer {tenant.secret_key}"})
    assert refused.status_code == 404
    assert requests.get(worker.url + "/ready", timeout=10).status_code == 200
    assert requests.get(worker.url + "/metrics", timeout=10).status_code == 200

    worker.stop()
    account = api.database.rows("SELECT id FROM account")[0][0]
    tenant.okra("balance/refresh", {"account_id": account})
    queued = "SELECT COUNT(*) FROM refresh WHERE state = 'queued'"
    assert api.database.rows(queued) == [("1",)], "nobody works"
    worker.start()
    api.settle()
    assert_nothing_lost_or_doubled(api, receiver, tenant)


def test_sqlite_has_one_role(tmp_path):
    done = subprocess.run(
        [str(BINARY), "serve", "--data", str(tmp_path), "--role", "worker"], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert re.search(r"--role worker needs PostgreSQL", done.stderr)
    doctor = subprocess.run(
        [str(BINARY), "doctor", "--data", str(tmp_path), "--role", "api"], capture_output=True, text=True, timeout=60)
    assert "PROBLEM role api" in doctor.stdout
