"""Real `kubewa` processes, a real receiver, and the calls that a customer's server would make."""

import csv
import http.server
import io
import itertools
import json
import os
import pathlib
import random
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("KUBEWA_BINARY", ROOT / ".build" / "debug" / "kubewa"))

# A debug build starts, links and fetches on a machine that has other work too.
START_SECONDS = 120
# The server ends itself 5 s after the 30 s that a stop may take.
STOP_SECONDS = 45
REQUEST_SECONDS = 60
# A new owner takes a dead process's work when its lease has ended; then everything due has to run.
SETTLE_SECONDS = 180


def wait_until(what, condition, seconds=SETTLE_SECONDS, every=0.05):
    """Asks again until the condition gives something, and fails at the deadline, telling the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still waiting for {what}; last answer: {answer!r}")
        time.sleep(every)


# Below those of scripts/postgres and those that outgoing connections take; none that Chromium refuses.
PORTS = range(11_000, 20_000)
PORTS_PER_BLOCK = 50


def ports():
    """Ports that are given once, to this run alone: it holds the first of each block for as long as it lives."""
    held = []
    for first in random.sample(PORTS[::PORTS_PER_BLOCK], len(PORTS) // PORTS_PER_BLOCK):
        held.append(socket.socket())
        if not is_bound(held[-1], first):
            held.pop().close()
            continue
        for port in range(first + 1, first + PORTS_PER_BLOCK):
            with socket.socket() as probe:
                is_free = is_bound(probe, port)
            if is_free:
                yield port


def is_bound(taker, port):
    try:
        taker.bind(("127.0.0.1", port))
        return True
    except OSError:
        return False


free_ports = ports()


def free_port():
    return next(free_ports)


class SQLite:
    """An embedded database in a folder of its own."""

    def __init__(self, folder):
        self.location = str(folder / "kubewa.db")

    def rows(self, sql):
        with sqlite3.connect(f"file:{self.location}?mode=ro", uri=True, timeout=30) as connection:
            found = connection.execute(sql).fetchall()
        connection.close()
        return [tuple(None if value is None else str(value) for value in row) for row in found]

    def close(self):
        pass


class PostgreSQL:
    """A database of its own in the server that the test run was given."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.location = server.rsplit("/", 1)[0] + "/" + name
        self._psql(server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")

    @staticmethod
    def _psql(url, sql):
        command = ["psql", "--no-psqlrc", "--quiet", "--csv", "--tuples-only", "-v", "ON_ERROR_STOP=1", url, "-c", sql]
        done = subprocess.run(command, capture_output=True, text=True, timeout=REQUEST_SECONDS)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, sql):
        return [tuple(value or None for value in row) for row in csv.reader(io.StringIO(self._psql(self.location, sql)))]

    def close(self):
        self._psql(self.server, f"DROP DATABASE {self.name} WITH (FORCE)")


database_numbers = itertools.count(1)


def open_database(kind, folder):
    if kind == "sqlite":
        return SQLite(folder)
    server = os.environ.get("KUBEWA_TEST_POSTGRES")
    assert server, "KUBEWA_TEST_POSTGRES is not set: run scripts/test, or scripts/with-postgres pytest tests/outside"
    return PostgreSQL(server, f"outside_{os.getpid()}_{next(database_numbers)}")


class Receiver:
    """A customer's server: keeps every request, answers what the test says."""

    def __init__(self):
        self.requests = []
        self.changed = threading.Condition()
        # Called with each delivery; returns the status of the answer.
        self.answer = lambda delivery: 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                delivery = Delivery(self.path, dict(self.headers.items()), body)
                status = receiver.answer(delivery)
                with receiver.changed:
                    delivery.status = status
                    receiver.requests.append(delivery)
                    receiver.changed.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *ignored):
                pass

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def url(self, path="/hook"):
        return f"http://127.0.0.1:{self.port}{path}"

    def deliveries(self, path=None, event=None, accepted=True):
        """What came in and was answered with 200, in order of arrival."""
        with self.changed:
            return [
                each
                for each in self.requests
                if (path is None or each.path == path)
                and (event is None or each.body.get("event") == event)
                and (not accepted or each.status == 200)
            ]

    def wait_for(self, what, condition, seconds=60):
        """Waits until the condition holds of this receiver, looking again at every arrival."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not condition(self):
                left = deadline - time.monotonic()
                if left <= 0:
                    seen = [each.body.get("event") for each in self.requests]
                    raise AssertionError(f"after {seconds} s still waiting for {what}; came in: {seen}")
                self.changed.wait(left)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # Bursts of deliveries open more connections at once than the default of 5 lets wait.
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # A killed sender leaves half requests; the tests look at the whole ones.


class Delivery:
    def __init__(self, path, headers, raw):
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.raw = raw
        self.body = json.loads(raw)
        self.status = None

    @property
    def id(self):
        return self.headers["webhook-id"]


class Kubewa:
    """One database and data folder, and the `kubewa serve` process on it: started, killed, started again.

    Several of them on one PostgreSQL and one data folder are nodes.
    """

    def __init__(self, folder, database, name="serve", options=(), loopback=True):
        self.database = database
        self.data = folder / "data"
        self.log = folder / f"{name}.log"
        self.options = ["--allow-loopback-webhooks"] * loopback + list(options)
        self.port = free_port()
        self.bank_port = free_port()
        self.process = None
        self.run("migrate", *self.where)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def where(self):
        return ["--database", self.database.location, "--data", str(self.data)]

    def run(self, *arguments):
        """A command that ends by itself."""
        done = subprocess.run(
            [str(BINARY), *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=REQUEST_SECONDS,
        )
        assert done.returncode == 0, f"kubewa {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [
                    str(BINARY), "serve", *self.where, "--port", str(self.port), "--bank-port", str(self.bank_port),
                    *self.options,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )
        wait_until("`kubewa serve` to be ready", self._is_ready, START_SECONDS)

    def _is_ready(self):
        assert self.process.poll() is None, f"`kubewa serve` ended with {self.process.returncode}\n{self.tail()}"
        try:
            return requests.get(self.url + "/ready", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def kill(self):
        """kill -9, as a machine that loses power."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def freeze(self):
        """As a machine that stands still: a paused container, a swapping host."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """Asks to end, as an operator does; whoever does not follow is killed and fails the test."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"`kubewa serve` did not stop within {STOP_SECONDS} s of SIGTERM\n{self.tail()}")
        assert status == 0, f"`kubewa serve` ended with {status} after SIGTERM\n{self.tail()}"

    def tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def make_tenant(self, name="Acme"):
        return Tenant(self, json.loads(self.run("tenants", "create", *self.where, "--name", name, "--json")))

    def event_ids(self):
        """Every committed event, by its name on the wire."""
        return {f"evt_{int(row[0]):019d}" for row in self.database.rows("SELECT id FROM event")}

    def is_settled(self):
        """True when no refresh and no delivery is left to do."""
        return self.database.rows("""
            SELECT (SELECT COUNT(*) FROM refresh WHERE state IN ('queued', 'running')),
                   (SELECT COUNT(*) FROM delivery), (SELECT COUNT(*) FROM link_session WHERE status = 'active')
            """) == [("0", "0", "0")]

    def settle(self):
        wait_until("refreshes and deliveries to be done", self.is_settled, every=0.2)


class Demo:
    """`kubewa demo` with ports and a folder of its own."""

    def __init__(self, folder):
        self.data = folder / "data"
        self.log = folder / "demo.log"
        self.port, self.shop_port = free_port(), free_port()
        command = [
            BINARY, "demo", "--data", self.data, "--port", self.port, "--bank-port", free_port(),
            "--shop-port", self.shop_port,
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([str(each) for each in command], stdout=log, stderr=log)

    def output(self):
        # What is being written may end within a character.
        return self.log.read_text(errors="replace")

    def wait_for(self, what):
        def is_told():
            is_alive, output = self.process.poll() is None, self.output()
            assert is_alive, output
            return what in output

        return wait_until(f"{what!r} in the demo's output", is_told, seconds=START_SECONDS)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the demo did not stop within {STOP_SECONDS} s of SIGTERM\n{self.output()}")


class Tenant:
    """A business, with its sandbox keys, as its own server uses Kubewa."""

    def __init__(self, kubewa, created):
        self.kubewa = kubewa
        self.created = created
        self.client_token = created["client_token"]
        self.public_key = created["environments"]["sandbox"]["public_key"]
        self.secret_key = created["environments"]["sandbox"]["secret_key"]
        self.environment_secret = created["environments"]["sandbox"]["webhook_secret"]
        self.endpoint_secret = None
        self.session = requests.Session()

    def set_webhook(self, url, payload="thin", token=None):
        command = ["webhooks", "set", *self.kubewa.where, "--tenant", self.client_token, "--env", "sandbox"]
        command += ["--url", url, "--payload", payload]
        if token:
            command += ["--token", token]
        printed = self.kubewa.run(*command)
        self.endpoint_secret = next(word for word in printed.split() if word.startswith("whsec_"))
        return self.endpoint_secret

    def request(self, verb, path, body=None, **more):
        headers = {"Authorization": f"Bearer {self.secret_key}", **more.pop("headers", {})}
        # A connection of its own per call: a kept one may belong to a process that was killed.
        return requests.request(
            verb, self.kubewa.url + path, json=body, headers=headers, timeout=more.pop("timeout", REQUEST_SECONDS), **more
        )

    def native(self, verb, path, body=None, **more):
        reply = self.request(verb, "/api/v1" + path, body, **more)
        assert reply.status_code in (200, 201, 202, 204), f"{verb} {path}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else None

    def okra(self, path, body=None):
        reply = self.request("POST", "/v2/sandbox/" + path, {} if body is None else body)
        assert reply.status_code in (200, 201), f"{path}: {reply.status_code} {reply.text}"
        return reply.json()["data"]

    def make_customers(self, *usernames, bank="kuda-bank", password="secret", accounts=1, identity=100, speed=5):
        """Logins at the sandbox bank that only this test uses."""
        return self.okra(
            "customers/create",
            [
                {
                    "noOfAccount": accounts, "name": f"Ada {name}", "bank": bank, "username": name, "password": password,
                    "type": "ind", "volume": "low", "identity": identity, "internetSpeed": speed,
                }
                for name in usernames
            ],
        )

    def begin_link(self, institution="kuda-bank", products=("auth", "balance", "transactions", "identity"), **more):
        body = {"institution": institution, "products": list(products), **more}
        return self.native("POST", "/link_sessions", body)

    def answer(self, session, username, password):
        """One answer to the step that a session waits with."""
        step = session["step"]
        if step["kind"] == "select_accounts":
            choices = [choice["id"] for choice in step["accounts"]]
            answer = {"accounts": choices}
        else:
            wanted = {field["key"] for field in step["fields"]}
            given = {"username": username, "password": password, "otp": "0000", "answer": "Lagos"}
            answer = {"fields": {key: given[key] for key in wanted}}
        return self.native("POST", f"/link_sessions/{session['id']}/answers", answer)

    def finish_link(self, session, username, password="secret"):
        """Answers every step until the bank is linked."""
        def advance():
            nonlocal session
            kind = session["step"]["kind"]
            if kind == "done":
                return session
            assert kind != "failed", session
            if kind == "wait":
                session = self.native("GET", f"/link_sessions/{session['id']}")
            else:
                session = self.answer(session, username, password)
            return session if session["step"]["kind"] == "done" else None

        # An answer that a killed process was working on blocks the step until its claim ends.
        return wait_until(f"the link of {username} to be done", advance, every=0.1)

    def link(self, username, password="secret", **more):
        """A linked record whose first data is whole."""
        session = self.finish_link(self.begin_link(**more), username, password)
        record = session["connection"]
        wait_until(f"the first data of {username}", lambda: self.is_fetched(record))
        return record

    def is_fetched(self, record):
        reply = self.request("GET", f"/v2/sandbox/callback?record={record}&method=TRANSACTIONS")
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]["status"]["process"]["completed"]

    def post_transaction(self, username, amount, narration, **more):
        """Posted now at the sandbox bank; minor units, negative leaves the account."""
        body = {"username": username, "amount_minor": amount, "narration": narration}
        return self.native("POST", "/sandbox/transactions", body, **more)

    def transactions(self, **query):
        """Every transaction of a customer, account or record, page by page."""
        found, page = [], 1
        key = next(iter(query))
        path = {"customer": "getByCustomer", "account": "getByAccount", "record_id": "byRecord"}[key]
        while True:
            data = self.okra(f"transactions/{path}", {**query, "page": page, "limit": 100})
            found += data["transaction"]
            if not data["pagination"]["hasNextPage"]:
                return found
            page = data["pagination"]["nextPage"]
