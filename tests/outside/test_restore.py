"""A database that is restored from a copy begins a new epoch: no sequence number and no event id is given twice."""

import os
import pathlib
import shutil
import sqlite3
import subprocess

import pytest

from harness import ROOT, Kubewa, PostgreSQL, SQLite, wait_until

# What starts, stops, copies or reads a whole server back, beside other work.
COMMAND_SECONDS = 300


class Consumer:
    """A business's server that only pulls: it keeps a cursor and every event that it was shown."""

    def __init__(self, tenant):
        self.tenant = tenant
        self.cursor = ""
        self.shown = {}
        self.gaps = []

    def pull(self):
        new = []
        while True:
            page = self.tenant.native("GET", f"/events?limit=200&after={self.cursor}")
            self.cursor = page["next_cursor"]
            if page["gap"]:
                self.gaps.append(page["gap"])
            new += page["data"]
            if not page["has_more"]:
                break
        for event in new:
            known = self.shown.setdefault(event["event_id"], event)
            assert known == event, "an id that was given twice"
        return new


def number(event):
    return event["data"].get("record"), event["epoch"], event["sequence"]


def more(tenant, consumer, count=3):
    """Makes the bank post transactions and waits until their events are there."""
    events = []
    for amount in range(1, count + 1):
        tenant.post_transaction("ada", amount * 100, f"Posting {len(consumer.shown)} {amount}")
        events += wait_until("an event of the posting", consumer.pull)
    tenant.kubewa.settle()
    return events + consumer.pull()


def begin(server):
    tenant = server.make_tenant()
    server.start()
    tenant.make_customers("ada")
    tenant.link("ada")
    server.settle()
    consumer = Consumer(tenant)
    consumer.pull()
    assert consumer.shown and not consumer.gaps
    assert {event["epoch"] for event in consumer.shown.values()} == {1}
    return tenant, consumer


def check_restored(tenant, consumer, before):
    """What a reader sees of a database that is back at `before` and goes on."""
    undone = dict(consumer.shown)
    again = consumer.pull()
    assert consumer.gaps == ["restored"]
    assert {event["event_id"] for event in again} == before
    fresh = [event for event in more(tenant, consumer) if event["event_id"] not in before]
    check_fresh(fresh, undone)
    assert [event["sequence"] for event in fresh] == list(
        range(len(before) + 1, len(before) + len(fresh) + 1)
    ), "the connection counts on, without a hole"
    assert consumer.gaps == ["restored"], "once"


def check_fresh(fresh, undone):
    """Nothing of what a reader had before is given out once more."""
    assert fresh
    assert not {event["event_id"] for event in fresh} & set(undone), "no id of before"
    assert not {number(event) for event in fresh} & {number(event) for event in undone.values()}, "no number of before"
    assert len({event["epoch"] for event in fresh}) == 1 and fresh[0]["epoch"] > 1


def beat(file):
    """How far a database that nobody serves has come."""
    connection = sqlite3.connect(file)
    try:
        return connection.execute("SELECT beat FROM database_mark").fetchone()[0]
    finally:
        connection.close()


@pytest.mark.parametrize("way", ["while it runs", "while it stands"])
def test_an_sqlite_file_that_was_copied_is_put_back(tmp_path, way):
    server = Kubewa(tmp_path, SQLite(tmp_path))
    try:
        tenant, consumer = begin(server)
        before = set(consumer.shown)
        file = pathlib.Path(server.database.location)
        backup = tmp_path / "backup.db"
        if way == "while it stands":
            server.stop()
            shutil.copy(file, backup)
            server.start()
            assert consumer.pull() == [] and consumer.gaps == [], "a restart is no restore"
        else:
            source = sqlite3.connect(file)
            with sqlite3.connect(backup) as copy:
                source.backup(copy)
            source.close()
            # The server notes every few seconds how far it came; a copy that is older than that is known.
            mark, copied = pathlib.Path(f"{file}.mark"), beat(backup)
            wait_until("a note of later than the copy", lambda: int(mark.read_text().split()[3]) > copied)
        more(tenant, consumer)
        if way == "while it runs":
            server.kill()
        else:
            server.stop()
        for part in ("", "-wal", "-shm"):
            pathlib.Path(f"{file}{part}").unlink(missing_ok=True)
        shutil.copy(backup, file)
        server.start()
        check_restored(tenant, consumer, before)
        server.stop()
        server.start()
        assert consumer.pull() == [] and consumer.gaps == ["restored"]
    finally:
        server.stop()


@pytest.fixture
def postgres(tmp_path):
    server = os.environ.get("KUBEWA_TEST_POSTGRES")
    assert server, "KUBEWA_TEST_POSTGRES is not set: run scripts/test, or scripts/with-postgres pytest tests/outside"
    database = PostgreSQL(server, f"outside_restore_{os.getpid()}")
    made = Kubewa(tmp_path, database)
    yield made
    try:
        made.stop()
    finally:
        database.close()


def test_a_dump_of_postgresql_is_read_back(postgres, tmp_path):
    tenant, consumer = begin(postgres)
    before = set(consumer.shown)
    dump = tmp_path / "backup.sql"
    subprocess.run(
        ["pg_dump", "--no-owner", "-f", dump, postgres.database.location], check=True, timeout=COMMAND_SECONDS)
    more(tenant, consumer)
    postgres.stop()
    database = postgres.database
    database.close()
    database = PostgreSQL(database.server, database.name)
    subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-f", dump, database.location],
        check=True, timeout=COMMAND_SECONDS,
    )
    postgres.start()
    check_restored(tenant, consumer, before)


class Cluster:
    """A PostgreSQL server of its own, whose folder is copied while it stands."""

    def __init__(self, folder):
        self.script = str(ROOT / "scripts" / "postgres")
        self.state = folder / "cluster"
        self.copy = folder / "copy"
        self.url = self.run(self.script, "start", str(self.state)).strip()
        self.folder, self.port = (self.state / "server").read_text().split()
        self.data = f"{self.folder}/data"
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        self.programs = f"{programs[-1]}/" if programs else ""

    @staticmethod
    def run(*command):
        # The server goes on with what it is given: a pipe would be held open.
        with open(os.devnull) as nothing:
            done = subprocess.run(
                command, stdin=nothing, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                timeout=COMMAND_SECONDS,
            )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def program(self, name, *arguments):
        # PostgreSQL refuses to run as root.
        user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        with open(os.devnull, "r+") as nothing:
            done = subprocess.run(
                [*user, self.programs + name, *arguments], stdin=nothing, stdout=nothing, stderr=nothing,
                timeout=COMMAND_SECONDS + 10, cwd="/",
            )
        assert done.returncode == 0, (name, arguments)

    def control(self, *arguments):
        self.program("pg_ctl", "-D", self.data, "-w", "-t", str(COMMAND_SECONDS), *arguments)

    def stop(self, mode="fast"):
        self.control("-m", mode, "stop")

    def start(self):
        self.control("-l", f"{self.folder}/server.log", "-o", f"-p {self.port}", "start")

    def save(self):
        self.run("cp", "-a", f"{self.folder}/data", str(self.copy))

    def put_back(self):
        shutil.rmtree(f"{self.folder}/data")
        self.run("cp", "-a", str(self.copy), f"{self.folder}/data")

    def make_standby(self):
        """It has what there is now, and nothing of what comes after."""
        with open(f"{self.data}/pg_hba.conf", "a") as rules:
            rules.write("host replication all 127.0.0.1/32 trust\n")
        self.control("reload")
        self.program(
            "pg_basebackup", "-h", "127.0.0.1", "-p", self.port, "-U", "kubewa", "-D", f"{self.folder}/standby",
            "--write-recovery-conf", "--checkpoint=fast")

    def fail_over(self):
        """The server is gone at once; the standby takes its address, and is still to be promoted."""
        self.stop("immediate")
        self.data = f"{self.folder}/standby"
        self.start()

    def close(self):
        if self.data != f"{self.folder}/data":
            self.stop("immediate")
        self.run(self.script, "stop", str(self.state))


@pytest.fixture
def own_postgres(tmp_path):
    """A server whose PostgreSQL is the test's own, to be stopped, copied and replaced."""
    cluster = Cluster(tmp_path)
    server = None
    try:
        server = Kubewa(tmp_path, PostgreSQL(cluster.url, "kubewa"))
        yield cluster, server
    finally:
        if server:
            server.stop()
        cluster.close()


def test_the_files_of_a_postgresql_server_are_put_back(own_postgres):
    cluster, server = own_postgres
    tenant, consumer = begin(server)
    before = set(consumer.shown)
    server.stop()
    cluster.stop()
    cluster.save()
    cluster.start()
    server.start()
    assert consumer.pull() == [] and consumer.gaps == [], "a restart is no restore"
    more(tenant, consumer)
    server.stop()
    cluster.stop()
    cluster.put_back()
    cluster.start()
    server.start()
    check_restored(tenant, consumer, before)


def test_a_standby_that_missed_commits_takes_over_under_a_running_node(own_postgres):
    cluster, server = own_postgres
    tenant, consumer = begin(server)
    before = set(consumer.shown)
    cluster.make_standby()
    more(tenant, consumer)
    undone = dict(consumer.shown)
    cluster.fail_over()
    answers = []

    def post():
        body = {"username": "ada", "amount_minor": 700, "narration": "Posting after the failover"}
        reply = tenant.request("POST", "/api/v1/sandbox/transactions", body)
        answers.append(reply.status_code)
        return reply.ok

    wait_until("the standby to be asked", lambda: not post())
    cluster.control("promote")
    wait_until("a posting", post)
    assert set(answers[:-1]) == {503}, "what cannot be written yet may be asked for again"
    server.settle()
    again = consumer.pull()
    assert consumer.gaps == ["restored"]
    assert before < {event["event_id"] for event in again}
    check_fresh([event for event in again if event["event_id"] not in before], undone)
    assert server.process.poll() is None


def test_an_operator_says_that_the_database_was_restored(kubewa):
    tenant, consumer = begin(kubewa)
    before = set(consumer.shown)
    printed = kubewa.run("database", "new-epoch", *kubewa.where)
    assert "epoch" in printed
    # The running server hears of it by itself.
    epoch = int(printed.split("epoch ")[1].split()[0].rstrip("."))
    check = lambda: {event["epoch"] for event in more(tenant, consumer, 1)} & {epoch}
    wait_until("an event of the new epoch", check)
    assert consumer.gaps == ["restored"] and before < set(consumer.shown)
    listed = kubewa.run("database", "epochs", *kubewa.where)
    assert str(epoch) in listed and "asked" in listed
