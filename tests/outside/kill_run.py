"""The kill run: `kubewa serve`, and on PostgreSQL also its server's backends, killed at random moments under load, and
everything counted by a receiver that is a process of its own (kill_receiver.py).

    scripts/kill-run --kills 1000 --database sqlite --folder /var/tmp/kill-run

The run is cut into segments, each with a database of its own that is checked at its end. The results of the segments
are kept in the folder, so a run that was broken off goes on with the next segment. See docs/operate/proofs.md.
"""

import argparse
import collections
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

HERE = pathlib.Path(__file__).resolve().parent
USERS = 6
CLIENTS = 3
# Between two calls of a client: as much load as a debug build does beside its restarts.
PAUSE_SECONDS = 0.04
# A kill comes when so many deliveries have come in since the last one, and a little later; or when this time is over.
ARRIVALS = [0, 1, 3, 10, 30, 80]
LATER_SECONDS = 0.05
ROUND_SECONDS = 3.0
# Of a hundred kills on PostgreSQL.
BACKEND_KILLS = 30
SEGMENT = 100
SHOWN = 5


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


class Load:
    """Clients that change things all the time. A call that a kill cuts is repeated under its key until it is answered,
    so in the end each was made exactly once."""

    def __init__(self, tenant, nodes, users, records, seed):
        self.tenant, self.nodes, self.users, self.records = tenant, nodes, users, records
        self.seed = seed
        self.is_over = threading.Event()
        self.lock = threading.Lock()
        self.texts, self.links = [], []
        self.figures = collections.Counter()
        self.wrong = []
        self.threads = [threading.Thread(target=self._run, args=(each,), daemon=True) for each in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self, client):
        chance = random.Random(f"{self.seed} client {client}")
        number = 0
        while not self.is_over.wait(PAUSE_SECONDS):
            number += 1
            name = f"Load {client}.{number}"
            kind = chance.random()
            if kind < 0.9:
                body = {"username": chance.choice(self.users), "amount_minor": 100_00 + number, "narration": name}
                self._call(chance, name, "/sandbox/transactions", body)
                self.texts.append(name)
            elif kind < 0.95:
                self._call(chance, name, "/links", {"name": name})
                self.links.append(name)
            else:
                self._call(chance, name, "/refreshes", {"connection": chance.choice(self.records)})

    def _call(self, chance, key, path, body):
        headers = {"Authorization": f"Bearer {self.tenant.secret_key}", "Idempotency-Key": key}
        was_cut = False
        while True:
            node = chance.choice(self.nodes)
            try:
                reply = requests.post(f"{node.url}/api/v1{path}", json=body, headers=headers, timeout=30)
            except requests.RequestException as error:
                reply = None
                # Nobody listened: the call did not even begin.
                is_refused = "refused" in str(error)
            if reply is not None and reply.status_code in (200, 201):
                break
            if reply is not None and reply.status_code not in (409, 429, 500, 503):
                self.wrong.append(f"{path}: {reply.status_code} {reply.text[:200]}")
                return
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

    def close(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive(), "a call is not answered two minutes after the last kill"


class Segment:
    def __init__(self, kind, folder, kills, seed, say=print):
        self.kind, self.kills, self.seed, self.say = kind, kills, seed, say
        self.folder = folder
        self.chance = random.Random(f"{seed} kills")
        self.figures = collections.Counter()

    def run(self):
        """Everything that was counted, and what is wrong."""
        began = time.monotonic()
        self.folder.mkdir(parents=True)
        self.database = open_database(self.kind, self.folder)
        self.receiver_log = self.folder / "received.log"
        self.port = free_port()
        self.receiver = None
        options = [] if self.kind == "sqlite" else ["--lease-seconds", "2"]
        names = ["serve"] if self.kind == "sqlite" else ["first", "second"]
        self.nodes = [Kubewa(self.folder, self.database, name, options) for name in names]
        try:
            self._prepare()
            self._kill_all()
            self._settle()
            problems = self._check()
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
        secrets = {"/environment": self.tenant.set_webhook(self._url("/environment"), payload="complete")}
        for node in self.nodes:
            node.start()
        for path, body in [
            ("/all", {}), ("/transactions", {"event_types": ["transaction.*"], "payload": "complete"}),
        ]:
            made = self.tenant.native("POST", "/webhook_endpoints", {"url": self._url(path), **body})
            secrets[path] = made["secret"]
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
        self.load = Load(self.tenant, self.nodes, users, list(self.records.values()), self.seed)

    def _is_listening(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        except ConnectionRefusedError:
            return False

    def _kill_all(self):
        arrived = Counter(self.receiver_log)
        for number in range(1, self.kills + 1):
            self._wait_for_moment(arrived)
            if self.kind == "postgres" and self.chance.randrange(100) < BACKEND_KILLS:
                self._kill_backend()
            else:
                node = self.chance.choice(self.nodes)
                node.kill()
                self.figures["kills_of_kubewa"] += 1
                node.start()
            self.figures["kills"] += 1
            if number % 10 == 0:
                self.say(
                    f"{self.kind} {self.seed}: {number} of {self.kills} kills, {arrived.count()} deliveries came in, "
                    f"{self.load.figures['calls_cut']} calls were cut", flush=True)

    def _wait_for_moment(self, arrived):
        """The moment of the kill is what is tried here: some deliveries on, and a random while after that."""
        wanted = arrived.count() + self.chance.choice(ARRIVALS)
        deadline = time.monotonic() + ROUND_SECONDS
        while arrived.count() < wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(self.chance.uniform(0, LATER_SECONDS))

    def _kill_backend(self):
        """PostgreSQL then ends all its sessions, and recovers."""
        found = self.database.rows(f"""
            SELECT pid FROM pg_stat_activity
            WHERE datname = '{self.database.name}' AND pid <> pg_backend_pid() AND backend_type = 'client backend'
            """)
        if found:
            try:
                os.kill(int(self.chance.choice(found)[0]), signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.figures["kills_of_backends"] += 1
        wait_until("PostgreSQL to have recovered", self._is_answering, every=0.05, seconds=60)

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

    # MARK: counting

    def _check(self):
        problems = [f"a call failed: {each}" for each in self.load.wrong]
        lines = [json.loads(line) for line in self.receiver_log.read_text().splitlines()]
        taken = [line for line in lines if line["answer"] in ("200", "slow")]
        expected = self._expected()
        came = collections.Counter((line["path"], line["id"]) for line in taken)
        lost = sorted(expected - came.keys())
        invented = sorted({(line["path"], line["id"]) for line in lines} - expected)
        forged = sorted({line["id"] for line in lines if not line["genuine"] or line["id"] != line["named"]})
        bodies = collections.defaultdict(set)
        for line in lines:
            bodies[line["path"], line["id"]].add(line["body"])
        changed = sorted(key for key, hashes in bodies.items() if len(hashes) > 1)
        self.figures.update(
            events=len({id for path, id in expected if path == "/environment"}), deliveries=len(expected),
            received=len(lines), refused=len(lines) - len(taken), lost=len(lost), invented=len(invented),
            forged=len(forged), changed=len(changed), duplicates=len(taken) - len(came))
        for what, found in [("lost", lost), ("invented", invented), ("forged", forged), ("changed", changed)]:
            if found:
                problems.append(f"{len(found)} {what}, such as {found[:SHOWN]}")
        problems += self._sequences(lines) + self._once(lines)
        self.figures.update(self.load.figures)
        return problems

    def _expected(self):
        """Every committed event for each of its destinations."""
        paths = {record: f"/{user}" for user, record in self.records.items()}
        expected = set()
        for id, kind, record in self.database.rows("SELECT id, type, connection_id FROM event"):
            event = f"evt_{int(id):019d}"
            expected |= {("/environment", event), ("/all", event)}
            if kind.startswith("transaction."):
                expected.add(("/transactions", event))
            if record in paths:
                expected.add((paths[record], event))
        return expected

    def _sequences(self, lines):
        """By the receiver's log alone: each number of a record is one event, and none is missing. The number of a
        transaction that was rolled back is given again, so an event of one would show here as a second one."""
        problems = []
        records = collections.defaultdict(lambda: collections.defaultdict(set))
        for line in lines:
            if line["record"]:
                records[line["record"]][line["sequence"]].add(line["id"])
        for record, numbers in records.items():
            if set(numbers) != set(range(1, len(numbers) + 1)):
                problems.append(f"{record}: the sequence has gaps up to {max(numbers)}")
            doubled = [number for number, ids in numbers.items() if len(ids) > 1]
            if doubled:
                problems.append(f"{record}: two events have the number {doubled[:SHOWN]}")
        return problems

    def _once(self, lines):
        """Each change that was asked for under a key was made once, however often the call was cut."""
        rows = collections.defaultdict(set)
        for line in lines:
            for id, text in line["rows"]:
                if text and text.startswith("Load "):
                    rows[text].add(id)
        problems = []
        asked = set(self.load.texts)
        problems += [f"{len(asked - rows.keys())} transactions were never told of: {sorted(asked - rows.keys())[:SHOWN]}"
                     ] if asked - rows.keys() else []
        problems += [f"nobody asked for {sorted(rows.keys() - asked)[:SHOWN]}"] if rows.keys() - asked else []
        doubled = [text for text, ids in rows.items() if len(ids) > 1]
        problems += [f"{len(doubled)} transactions were made twice: {doubled[:SHOWN]}"] if doubled else []
        links = collections.Counter(name for name in self._link_names() if name.startswith("Load "))
        if links != collections.Counter(self.load.links):
            problems.append(f"links were lost or made twice: {(links - collections.Counter(self.load.links))}")
        self.figures.update(transactions_posted=len(asked), links_made=len(self.load.links))
        return problems

    def _link_names(self):
        names, cursor = [], None
        while True:
            page = self.tenant.native("GET", "/links?limit=200" + (f"&cursor={cursor}" if cursor else ""))
            names += [each["name"] for each in page["data"]]
            if not page["has_more"]:
                return names
            cursor = page["next_cursor"]


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
    options = parser.parse_args()

    results_file = options.folder / f"{options.database}-{options.seed}.jsonl"
    options.folder.mkdir(parents=True, exist_ok=True)
    results = [json.loads(line) for line in results_file.read_text().splitlines()] if results_file.exists() else []
    while (done := sum(each["kills"] for each in results)) < options.kills:
        seed = f"{options.seed}.{len(results) + 1}"
        folder = options.folder / f"{options.database}-{seed}"
        # What a broken-off run left is not checked: its segment begins anew.
        shutil.rmtree(folder, ignore_errors=True)
        result = Segment(options.database, folder, min(options.segment, options.kills - done), seed).run()
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
