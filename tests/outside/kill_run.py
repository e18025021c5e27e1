"""The kill run: `kubewa serve`, and on PostgreSQL also its server's backends, killed at random moments under load, and
everything counted by a receiver that is a process of its own (kill_receiver.py), by the rules of kill_counting.py.

    scripts/kill-run --kills 1000 --database sqlite --folder /var/tmp/kill-run

The run is cut into segments, each with a database of its own that is checked at its end. The results of the segments
are kept in the folder, so a run that was broken off goes on with the next segment. See docs/operate/proofs.md.
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import requests

from harness import Kubewa, free_port, open_database, wait_until
from kill_counting import (
    ALL, ENVIRONMENT, GAPS, ORDERED, ORDERED_BY_RECORD, PARTS, TRANSACTIONS, Attempt, Committed, Counting, Event, Kill)

HERE = pathlib.Path(__file__).resolve().parent
USERS = 6
CLIENTS = 3
# Between two calls of a client: as much load as a debug build does beside its restarts.
PAUSE_SECONDS = 0.04
# A kill comes when so many deliveries have come in since the last one, and a little later; or when this time is over.
ARRIVALS = [0, 1, 3, 10, 30, 100, 300]
LATER_SECONDS = 0.05
ROUND_SECONDS = 3.0
# Of a hundred kills on PostgreSQL.
BACKEND_KILLS = 30
SEGMENT = 100
SHOWN = 5
# An endpoint that is held up by each refusal is not to rest for long.
SOON = [1] * 20
ENDPOINTS = [
    (ALL, {}),
    (TRANSACTIONS, {"event_types": ["transaction.*"], "payload": "complete"}),
    (ORDERED, {"ordering": "endpoint", "retry_seconds": SOON}),
    (ORDERED_BY_RECORD, {"ordering": "connection", "retry_seconds": SOON}),
    (PARTS, {"event_types": ["transaction.*"], "splits_transactions": True}),
    (GAPS, {"event_types": ["transaction.*", "balance.*"], "retry_seconds": SOON}),
]
# An endpoint is disabled for so long, so that some events are never attempted; then the next replay is begun.
GAP_SECONDS = (0.2, 1.0)
REPLAY_SECONDS = (0.5, 2.0)
# One of so many replays is of all events so far; a range ends when all that is in it was committed.
REPLAY_ALL = 8
# One of so many kills comes when such a replay has just begun.
KILL_REPLAY = 5
# One of so many, from the first on, is of all nodes while the receiver holds an answer where order is kept, so that
# something there comes again. None of these begins a replay.
KILL_HELD = 10
HELD_SECONDS = 30
RANGE_SECONDS = (4, 12)
COMMITTED_SECONDS = 10
# A node that dies gives its lanes to the other one after so long; a machine that has other work needs more.
LEASE_SECONDS = 2


class Counter:
    """Counts the lines of a file that grows."""

    def __init__(self, path):
        self.path, self.offset, self.lines = path, 0, 0

    def count(self):
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self.offset)
                grown = file.read()
            self.offset += len(grown)
            self.lines += grown.count(b"\n")
        return self.lines


class Caller:
    """Makes calls that kills cut. One that was cut is repeated under its key until it is answered, so in the end each
    was made exactly once."""

    def __init__(self, tenant, nodes):
        self.tenant, self.nodes = tenant, nodes
        self.lock = threading.Lock()
        self.figures = collections.Counter(calls_cut=0)
        # Calls that each node has not answered yet.
        self.under_way = collections.Counter()
        self.wrong = []

    def call(self, chance, key, path, body):
        """The answer; None for one that is no success, which is noted."""
        headers = {"Authorization": f"Bearer {self.tenant.secret_key}", "Idempotency-Key": key.replace(" ", "-")}
        was_cut = False
        while True:
            node = chance.choice(self.nodes)
            self._count(node, 1)
            try:
                reply = requests.post(f"{node.url}/api/v1{path}", json=body, headers=headers, timeout=30)
            except requests.RequestException as error:
                reply = None
                # Nobody listened: the call did not even begin.
                is_refused = "refused" in str(error)
            finally:
                self._count(node, -1)
            if reply is not None and reply.status_code in (200, 201):
                break
            if reply is not None and reply.status_code not in (409, 429, 500, 503):
                self.wrong.append(f"{path}: {reply.status_code} {reply.text[:200]}")
                return None
            if reply is not None:
                what = f"calls_answered_{reply.status_code}"
            else:
                what = "calls_refused" if is_refused else "calls_cut"
            with self.lock:
                self.figures[what] += 1
            was_cut = was_cut or what == "calls_cut"
            time.sleep(0.05)
        with self.lock:
            self.figures["calls"] += 1
            if was_cut:
                replayed = reply.headers.get("idempotency-replayed") == "true"
                self.figures["cut_after_commit" if replayed else "cut_before_commit"] += 1
        return reply.json()

    def _count(self, node, more):
        with self.lock:
            self.under_way[node] += more


class Threads:
    """Clients that call until they are told to end."""

    def __init__(self, *targets):
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=target, daemon=True) for target in targets]
        for thread in self.threads:
            thread.start()

    def close(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive(), "a call is not answered two minutes after the last kill"


class Load(Threads):
    """Changes things all the time."""

    def __init__(self, caller, users, records, seed):
        self.caller, self.users, self.records = caller, users, records
        self.seed = seed
        self.texts, self.links = [], []
        super().__init__(*[lambda client=client: self._run(client) for client in range(CLIENTS)])

    def _run(self, client):
        chance = random.Random(f"{self.seed} client {client}")
        number = 0
        while not self.is_over.wait(PAUSE_SECONDS):
            number += 1
            name = f"Load {client}.{number}"
            kind = chance.random()
            if kind < 0.9:
                body = {"username": chance.choice(self.users), "amount_minor": 100_00 + number, "narration": name}
                self.caller.call(chance, name, "/sandbox/transactions", body)
                self.texts.append(name)
            elif kind < 0.95:
                self.caller.call(chance, name, "/links", {"name": name})
                self.links.append(name)
            else:
                self.caller.call(chance, name, "/refreshes", {"connection": chance.choice(self.records)})


class Replayer(Threads):
    """Begins replays one after the other: of what was never attempted while the endpoint was disabled, of ranges, and
    now and then of all that there is."""

    def __init__(self, caller, endpoint, seed):
        self.caller, self.endpoint = caller, endpoint
        self.chance = random.Random(f"{seed} replays")
        self.turn = threading.Lock()
        self.began = datetime.datetime.now(datetime.UTC)
        # What was asked for, by key.
        self.asked = {}
        super().__init__(self._run)

    def _run(self):
        while not self.is_over.wait(self.chance.uniform(*REPLAY_SECONDS)):
            with self.turn:
                self._take_turn(len(self.asked) + 1)

    def _take_turn(self, number):
        if number % REPLAY_ALL == 0:
            self._replay({"from": self._instant(self.began)})
        elif number % 2:
            self._call(f"Disable {number}", f"/webhook_endpoints/{self.endpoint}/disable")
            self.is_over.wait(self.chance.uniform(*GAP_SECONDS))
            self._call(f"Enable {number}", f"/webhook_endpoints/{self.endpoint}/enable")
            self._replay({"never_attempted": True})
        else:
            end = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=COMMITTED_SECONDS)
            start = end - datetime.timedelta(seconds=self.chance.uniform(*RANGE_SECONDS))
            self._replay({"from": self._instant(start), "to": self._instant(end)})

    def begin_all(self):
        """Begins a replay of all that there is, now."""
        with self.turn:
            self._replay({"from": self._instant(self.began)})

    def close(self):
        """The last one: now nothing is left that was never attempted."""
        super().close()
        self._replay({"never_attempted": True})

    def _replay(self, body):
        key = f"Replay {len(self.asked) + 1}"
        self.asked[key] = body
        self._call(key, "/replays", {"endpoint": self.endpoint, **body})

    def _call(self, key, path, body=None):
        self.caller.call(self.chance, key, path, body or {})

    @staticmethod
    def _instant(time):
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Segment:
    def __init__(self, kind, folder, kills, seed, say=print, lease_seconds=LEASE_SECONDS):
        self.kind, self.kills, self.seed, self.say = kind, kills, seed, say
        self.folder, self.lease_seconds = folder, lease_seconds
        # While it is there the receiver holds answers, and writes into it that one waits.
        self.hold = folder / "hold"
        self.chance = random.Random(f"{seed} kills")
        self.figures = collections.Counter(kills=0, kills_while_held=0)
        self.kill_times = []

    def run(self):
        """Everything that was counted, and what is wrong."""
        began = time.monotonic()
        self.folder.mkdir(parents=True)
        self.database = open_database(self.kind, self.folder)
        self.receiver_log = self.folder / "received.log"
        self.port = free_port()
        self.receiver = None
        options = [] if self.kind == "sqlite" else ["--lease-seconds", str(self.lease_seconds)]
        names = ["serve"] if self.kind == "sqlite" else ["first", "second"]
        self.nodes = [Kubewa(self.folder, self.database, name, options) for name in names]
        try:
            self._prepare()
            self._kill_all()
            self._settle()
            problems = self._check(self._committed())
        finally:
            for node in self.nodes:
                if node.process:
                    node.kill()
            if self.receiver:
                self.receiver.kill()
                self.receiver.wait()
            self.database.close()
        return {
            "database": self.kind, "seed": self.seed, **self.figures, "seconds": round(time.monotonic() - began),
            "problems": problems,
        }

    # MARK: the world

    def _url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def _prepare(self):
        self.tenant = self.nodes[0].make_tenant()
        secrets = {ENVIRONMENT: self.tenant.set_webhook(self._url(ENVIRONMENT), payload="complete")}
        for node in self.nodes:
            node.start()
        for path, body in ENDPOINTS:
            made = self.tenant.native("POST", "/webhook_endpoints", {"url": self._url(path), **body})
            secrets[path] = made["secret"]
            if path == GAPS:
                gaps = made["id"]
        users = [f"payee{number}" for number in range(USERS)]
        for user in users:
            secrets[f"/{user}"] = self.tenant.environment_secret
        (self.folder / "secrets.json").write_text(json.dumps(secrets))
        self.receiver = subprocess.Popen(
            [sys.executable, str(HERE / "kill_receiver.py"), str(self.folder), str(self.port), self.seed],
            stdin=subprocess.DEVNULL)
        wait_until("the receiver to listen", self._is_listening)
        self.tenant.make_customers(*users)
        self.records = {}
        for user in users:
            self.records[user] = self.tenant.link(user, callback_url=self._url(f"/{user}"), history_months=1)
        self.caller = Caller(self.tenant, self.nodes)
        self.load = Load(self.caller, users, list(self.records.values()), self.seed)
        self.replayer = Replayer(self.caller, gaps, self.seed)

    def _is_listening(self):
        assert self.receiver.poll() is None, f"the receiver ended with {self.receiver.returncode}"
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        except ConnectionRefusedError:
            return False

    def _kill_all(self):
        arrived = Counter(self.receiver_log)
        for number in range(1, self.kills + 1):
            if self.caller.wrong:
                return
            is_aimed = number % KILL_HELD == 1
            if is_aimed:
                self.figures["kills_while_held"] += self._wait_for_held()
            else:
                self._wait_for_moment(arrived)
            if number % KILL_REPLAY == 0:
                self.replayer.begin_all()
            self.figures["kills_during_replays"] += self._is_replaying()
            if is_aimed:
                self._kill(self.nodes)
            else:
                time.sleep(self.chance.uniform(0, LATER_SECONDS))
                if self.kind == "postgres" and self.chance.randrange(100) < BACKEND_KILLS:
                    self._kill_backend()
                else:
                    self._kill([self.chance.choice(self.nodes)])
            self.figures["kills"] += 1
            if number % 10 == 0:
                self.say(
                    f"{self.kind} {self.seed}: {number} of {self.kills} kills, {arrived.count()} deliveries came in, "
                    f"{self.caller.figures['calls_cut']} calls were cut", flush=True)

    def _wait_for_moment(self, arrived):
        """The moment of the kill is what is tried here: some deliveries on, and a random while after that."""
        wanted = arrived.count() + self.chance.choice(ARRIVALS)
        self._wait(lambda: arrived.count() >= wanted, ROUND_SECONDS, every=0.005)

    def _wait_for_held(self):
        """Not for ever: what was under way at kills before this one may rest for minutes."""
        self.hold.touch()
        return self._wait(lambda: self.hold.read_text() == "held", HELD_SECONDS, every=0.005)

    @staticmethod
    def _wait(condition, seconds, every):
        """Whether it held before the time was over."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(every)
        return True

    def _is_replaying(self):
        return self.database.rows("""
            SELECT CASE WHEN EXISTS (SELECT 1 FROM replay WHERE state = 'running')
                OR EXISTS (SELECT 1 FROM delivery WHERE replay_id IS NOT NULL) THEN 1 ELSE 0 END
            """) == [("1",)]

    def _kill(self, nodes):
        # Until one was cut, each kill comes in the middle of a call.
        if not self.caller.figures["calls_cut"]:
            self._wait(lambda: any(self.caller.under_way[node] for node in nodes), ROUND_SECONDS, every=0.001)
        began = time.time()
        for node in nodes:
            node.kill()
        gone = time.time()
        self.kill_times.append(Kill(began, gone, gone))
        self.figures["kills_of_kubewa"] += 1
        self.hold.unlink(missing_ok=True)
        for node in nodes:
            node.start()

    def _kill_backend(self):
        """PostgreSQL then ends all its sessions, and recovers."""
        began = time.time()
        found = self.database.rows(f"""
            SELECT pid FROM pg_stat_activity
            WHERE datname = '{self.database.name}' AND pid <> pg_backend_pid() AND backend_type = 'client backend'
            """)
        if found:
            pid = int(self.chance.choice(found)[0])
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.figures["kills_of_backends"] += 1
            # Until it knows that one is dead, PostgreSQL answers as before.
            wait_until("PostgreSQL to miss its session", lambda: not os.path.exists(f"/proc/{pid}"), every=0.01)
        wait_until("PostgreSQL to have recovered", self._is_answering, every=0.05, seconds=60)
        # Who has a lane and cannot renew its lease sends no longer than that.
        self.kill_times.append(Kill(began, time.time() + self.lease_seconds))

    def _is_answering(self):
        try:
            return self.database.rows("SELECT 1") == [("1",)]
        except AssertionError:
            return False

    def _settle(self):
        self.load.close()
        # What the bank could not push, because the server was dead, the next refresh finds.
        for record in self.records.values():
            self.tenant.native("POST", "/refreshes", {"connection": record})
        # What failed twice, or was under way at five kills, comes again after five minutes.
        wait_until("deliveries to be done", self.nodes[0].is_settled, every=0.2, seconds=900)
        self.replayer.close()
        wait_until("the replays to be done", self._has_replayed, every=0.2, seconds=900)

    def _has_replayed(self):
        running = self.database.rows("SELECT COUNT(*) FROM replay WHERE state = 'running'")
        return running == [("0",)] and self.nodes[0].is_settled()

    # MARK: counting

    def _check(self, committed):
        lines = [json.loads(line) for line in self.receiver_log.read_text().splitlines()]
        figures, found = Counting(lines, committed).run()
        self.figures.update(figures)
        problems = [f"a call failed: {each}" for each in self.caller.wrong] + found + self._once(lines)
        kept = {id for id, in self.database.rows("SELECT id FROM event")}
        if {f"evt_{int(id):019d}" for id in kept} != {event.id for event in committed.events}:
            problems.append(f"the feed has {len(committed.events)} events, the database {len(kept)}")
        self.figures.update(self.caller.figures)
        return problems

    def _committed(self):
        """What there is, as the feed, the log of attempts and the replays tell it."""
        events = [Event(
            id=each["event_id"], type=each["event"], record=each["data"].get("record"),
            rows=(each["data"].get("query") or {}).get("ids") or [], at=each["created_at"])
            for each in self._pages("/events", "after")]
        root = self._url("")
        paths = {id: url.removeprefix(root) for id, url in self.database.rows("SELECT id, url FROM webhook_endpoint")}
        log = []
        for endpoint, event, part, replay, at, duration in self.database.rows("""
                SELECT endpoint_id, event_id, part, replay_id, at_ms, duration_ms FROM attempt
                WHERE outcome = 'delivered'
                """):
            id = f"evt_{int(event):019d}" + (f"_{part}" if part != "0" else "")
            log.append(Attempt(
                paths[endpoint], id, f"rpl_{replay}" if replay else None, int(at), int(at) + int(duration)))
        return Committed(
            events=events, users={record: f"/{user}" for user, record in self.records.items()}, log=log,
            kills=self.kill_times, replays=self._pages("/replays", "cursor"), asked=self.replayer.asked)

    def _pages(self, path, place):
        rows, cursor = [], None
        while True:
            page = self.tenant.native("GET", f"{path}?limit=200" + (f"&{place}={cursor}" if cursor else ""))
            rows += page["data"]
            if not page["has_more"]:
                return rows
            cursor = page["next_cursor"]

    def _once(self, lines):
        """Each change that was asked for under a key was made once, however often the call was cut."""
        rows = collections.defaultdict(set)
        for line in lines:
            for id, text in line["rows"]:
                if text and text.startswith("Load "):
                    rows[text].add(id)
        problems = []
        asked = set(self.load.texts)
        untold = sorted(asked - rows.keys())
        problems += [f"{len(untold)} transactions were never told of: {untold[:SHOWN]}"] if untold else []
        problems += [f"nobody asked for {sorted(rows.keys() - asked)[:SHOWN]}"] if rows.keys() - asked else []
        doubled = [text for text, ids in rows.items() if len(ids) > 1]
        problems += [f"{len(doubled)} transactions were made twice: {doubled[:SHOWN]}"] if doubled else []
        links = collections.Counter(name for name in self._link_names() if name.startswith("Load "))
        if links != collections.Counter(self.load.links):
            problems.append(f"links were lost or made twice: {(links - collections.Counter(self.load.links))}")
        self.figures.update(transactions_posted=len(asked), links_made=len(self.load.links))
        return problems

    def _link_names(self):
        return [each["name"] for each in self._pages("/links", "cursor")]


# MARK: the command


def totals(results):
    sums = collections.Counter()
    for each in results:
        sums.update({key: value for key, value in each.items() if isinstance(value, int)})
    return dict(sums)


def main():
    parser = argparse.ArgumentParser(description="Kills Kubewa at random moments under load and counts what arrives.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/var/tmp/kubewa-kill-run"))
    parser.add_argument("--segment", type=int, default=SEGMENT, help="kills on one database before it is checked")
    parser.add_argument("--seed", default="1")
    parser.add_argument(
        "--lease-seconds", type=int, default=LEASE_SECONDS, help="of each node; more where the machine has other work")
    options = parser.parse_args()

    results_file = options.folder / f"{options.database}-{options.seed}.jsonl"
    options.folder.mkdir(parents=True, exist_ok=True)
    results = [json.loads(line) for line in results_file.read_text().splitlines()] if results_file.exists() else []
    while (done := sum(each["kills"] for each in results)) < options.kills:
        seed = f"{options.seed}.{len(results) + 1}"
        folder = options.folder / f"{options.database}-{seed}"
        # What a broken-off run left is not checked: its segment begins anew.
        shutil.rmtree(folder, ignore_errors=True)
        kills = min(options.segment, options.kills - done)
        result = Segment(options.database, folder, kills, seed, lease_seconds=options.lease_seconds).run()
        results.append(result)
        with results_file.open("a") as file:
            file.write(json.dumps(result) + "\n")
        print(json.dumps(result), flush=True)
        if result["problems"]:
            print(f"kept for you to look at: {folder}", file=sys.stderr)
            break
        shutil.rmtree(folder)
    problems = [problem for each in results for problem in each["problems"]]
    print(json.dumps({"database": options.database, "total": totals(results), "problems": problems}, indent=1))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
