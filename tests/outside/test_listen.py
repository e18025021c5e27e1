"""`kubewa listen`: events come to a developer's machine over one outgoing connection, signed like webhooks."""

import array
import fcntl
import os
import subprocess
import termios
import threading

import pytest
from standardwebhooks import Webhook

from harness import BINARY, REQUEST_SECONDS, START_SECONDS, free_port, wait_until


class Listen:
    """A `kubewa listen` that runs, with what it printed."""

    def __init__(self, tenant, folder, target, *options, name="listen"):
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "listen", "--url", tenant.kubewa.url, "--forward", target, *options],
                stdin=subprocess.PIPE, stdout=log, stderr=log,
                env={**os.environ, "KUBEWA_SECRET_KEY": tenant.secret_key},
            )
        self.secret = wait_until("the signing secret", self._secret, seconds=START_SECONDS)

    def _secret(self):
        assert self.process.poll() is None, self.output()
        return next((word for word in self.output().split() if word.startswith("whsec_")), None)

    def output(self):
        # What is being written may end within a character.
        return self.log.read_text(errors="replace")

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def has_read(self):
        """Whether nothing that was typed waits to be read."""
        waiting = array.array("i", [0])
        fcntl.ioctl(self.process.stdin, termios.FIONREAD, waiting)
        return waiting[0] == 0

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def tenant(kubewa):
    made = kubewa.make_tenant()
    kubewa.start()
    made.make_customers("ada")
    return made


def test_events_are_forwarded_signed_and_without_loss_over_a_killed_server(kubewa, receiver, tenant, tmp_path):
    listen = Listen(tenant, tmp_path, receiver.url())
    try:
        tenant.link("ada")
        kubewa.settle()
        receiver.wait_for("the link's events", lambda it: {each.id for each in it.requests} >= kubewa.event_ids())
        verifier = Webhook(listen.secret)
        for each in receiver.deliveries():
            assert verifier.verify(each.raw, each.headers) == each.body
            assert each.id == each.body["event_id"] and each.body["callbackURL"] == receiver.url()
            assert "previous_sequence" not in each.body

        kubewa.kill()
        wait_until("the listener to miss the server", lambda: "the server is away" in listen.output())
        kubewa.start()
        tenant.post_transaction("ada", 1_234_56, "Refund of a chair")
        receiver.wait_for("the posting", lambda it: b"Refund" in b"".join(each.raw for each in it.requests) or any(
            each.body["event"] == "transaction.success" and each.body["sequence"] > 6 for each in it.requests))
        kubewa.settle()
        receiver.wait_for("every event", lambda it: {each.id for each in it.requests} == kubewa.event_ids())
        ids = [each.id for each in receiver.deliveries()]
        assert len(ids) == len(set(ids)), "each once"
        sequences = [each.body["sequence"] for each in receiver.deliveries()]
        assert sequences == list(range(1, len(sequences) + 1)), "in the order of their commits"
        assert "the server is back" in listen.output()
        assert "✓ 200" in listen.output() and " ms" in listen.output()

        listen.type("r")
        receiver.wait_for("the last one again", lambda it: len(it.requests) == len(ids) + 1)
        assert receiver.deliveries()[-1].id == ids[-1]
        wait_until("the line of the repeat", lambda: "(again)" in listen.output())

        # Some of the last ones, in their order; what is not understood is answered with what is.
        count = len(receiver.requests)
        listen.type("r 3")
        receiver.wait_for("the last three again", lambda it: len(it.requests) == count + 3)
        assert [each.id for each in receiver.deliveries()[-3:]] == ids[-3:]
        listen.type("help")
        wait_until("what may be typed", lambda: listen.output().count("r all what is kept") == 2)
        listen.type("r failed")
        wait_until("that nothing failed", lambda: "your handler took all of it" in listen.output())
        receiver.answer = lambda delivery: 500
        listen.type("r all")
        receiver.wait_for("all of them again", lambda it: len(it.requests) == count + 3 + len(ids))
        assert [each.id for each in receiver.requests[-len(ids):]] == ids
        wait_until("the line of the last one", lambda: listen.output().count("✗ 500") == len(ids))
        receiver.answer = lambda delivery: 200
        listen.type("r failed")
        receiver.wait_for("what failed", lambda it: len(it.requests) == count + 3 + 2 * len(ids))
        assert [each.id for each in receiver.deliveries()[-len(ids):]] == ids
        verifier = Webhook(listen.secret)
        assert all(verifier.verify(each.raw, each.headers) == each.body for each in receiver.deliveries()[-len(ids):])
    finally:
        listen.close()

    # Another listener has the same secret, and begins where it is told to.
    last = Listen(tenant, tmp_path, receiver.url("/last"), "--replay", "2", name="last")
    try:
        receiver.wait_for("the last two", lambda it: len(it.deliveries("/last")) == 2)
        assert [each.id for each in receiver.deliveries("/last")] == ids[-2:]
        assert last.secret == listen.secret
    finally:
        last.close()
    # All that the events tell, as to an endpoint that asks for it.
    whole = Listen(tenant, tmp_path, receiver.url("/whole"), "--after", ids[0], "--payload", "complete", name="whole")
    try:
        receiver.wait_for("the others", lambda it: len(it.deliveries("/whole")) == len(ids) - 1)
        found = receiver.deliveries("/whole")
        assert [each.id for each in found] == ids[1:]
        assert any("resource" in each.body["data"] for each in found)
        assert not any("resource" in each.body["data"] for each in receiver.deliveries("/hook"))
        assert all(Webhook(whole.secret).verify(each.raw, each.headers) == each.body for each in found)
    finally:
        whole.close()
    chosen = Listen(
        tenant, tmp_path, receiver.url("/chosen"), "--after", ids[0], "--types", "balance.*,identity.success",
        name="chosen")
    try:
        wanted = [each.id for each in receiver.deliveries("/hook")[1:len(ids)]
                  if each.body["event"].startswith("balance.") or each.body["event"] == "identity.success"]
        receiver.wait_for("the chosen ones", lambda it: len(it.deliveries("/chosen")) >= len(wanted))
        assert [each.id for each in receiver.deliveries("/chosen")] == wanted
    finally:
        chosen.close()


def test_what_is_asked_for_while_a_handler_works_is_what_it_works_on(kubewa, receiver, tenant, tmp_path):
    tenant.link("ada")
    kubewa.settle()
    came, goes_on = threading.Event(), threading.Event()

    def work(delivery):
        came.set()
        assert goes_on.wait(REQUEST_SECONDS)
        return 200

    receiver.answer = work
    listen = Listen(tenant, tmp_path, receiver.url(), "--replay", "1")
    try:
        assert came.wait(REQUEST_SECONDS)
        listen.type("r")
        wait_until("the line to be read", listen.has_read)
        goes_on.set()
        receiver.wait_for("it again", lambda it: len(it.requests) == 2)
        assert receiver.deliveries()[0].id == receiver.deliveries()[1].id
        assert "nothing was forwarded yet" not in listen.output()
    finally:
        goes_on.set()
        listen.close()


def test_a_handler_that_fails_or_is_away_is_told_of_and_holds_nothing_up(kubewa, receiver, tenant, tmp_path):
    receiver.answer = lambda delivery: 500 if delivery.body["event"] == "auth.success" else 200
    listen = Listen(tenant, tmp_path, receiver.url())
    away = Listen(tenant, tmp_path, f"http://127.0.0.1:{free_port()}/hook", name="away")
    try:
        tenant.link("ada")
        kubewa.settle()
        receiver.wait_for("every event", lambda it: {each.id for each in it.requests} == kubewa.event_ids())
        wait_until("the failure's line", lambda: "✗ 500" in listen.output())
        wait_until("the other's line", lambda: "✗ the server could not be reached" in away.output())
        assert listen.process.poll() is None and away.process.poll() is None
    finally:
        listen.close()
        away.close()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_what_is_wrong_is_said(tmp_path, kind):
    from harness import Kubewa, open_database

    server = Kubewa(tmp_path, open_database(kind, tmp_path))
    tenant = server.make_tenant()

    def refused(*options, key=tenant.secret_key):
        done = subprocess.run(
            [str(BINARY), "listen", "--url", server.url, "--forward", "http://127.0.0.1:9/hook", *options],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=REQUEST_SECONDS,
            env={**os.environ, "KUBEWA_SECRET_KEY": key},
        )
        assert done.returncode != 0
        assert key == "" or key not in done.stderr
        return done.stderr

    try:
        assert "Check --url, and that `kubewa serve` runs" in refused()
        server.start()
        assert "A secret key is needed" in refused(key="")
        assert "does not know this key" in refused(key="wrong")
        assert "belongs to the sandbox" in refused("--env", "production")
        assert "is no event" in refused("--types", "balance.lost")
        assert "connection" in refused("--connection", "655a5c3e9f1b2c3d4e5f6070", "--replay", "1")
        assert "--forward is a URL" in refused("--forward", "somewhere")
        assert "--replay is 0 to 100" in refused("--replay", "101")
    finally:
        server.stop()


def test_an_example_is_fired_and_says_that_it_is_one(kubewa, receiver, tenant, tmp_path):
    record = tenant.link("ada")
    kubewa.settle()
    listen = Listen(tenant, tmp_path, receiver.url())
    environment = {**os.environ, "KUBEWA_SECRET_KEY": tenant.secret_key}

    def trigger(*arguments):
        return subprocess.run(
            [str(BINARY), "trigger", "--url", kubewa.url, *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=REQUEST_SECONDS, env=environment,
        )

    try:
        fired = {name: trigger(name) for name in ("balance.success", "record.reauth_required", "institution.down")}
        assert all(each.returncode == 0 for each in fired.values()), fired
        ids = {each.stdout.strip(): name for name, each in fired.items()}
        receiver.wait_for("the examples", lambda it: {each.id for each in it.requests} == set(ids))
        for each in receiver.deliveries():
            assert Webhook(listen.secret).verify(each.raw, each.headers) == each.body
            assert each.body["event"] == ids[each.id] and each.body["data"]["example"] is True
            assert each.body["data"].get("record") in (record, None)
        named = trigger("balance.success", "--record", record)
        assert named.returncode == 0 and named.stdout.strip() not in ids
        for wrong, sentence in [
            (["payment.success"], "is planned"), (["balance.lost"], "is no event"),
            (["institution.down", "--record", record], "must be left out"),
            (["balance.success", "--record", "655a5c3e9f1b2c3d4e5f6070"], "no such record"),
        ]:
            refused = trigger(*wrong)
            assert refused.returncode != 0 and sentence in refused.stderr, refused
    finally:
        listen.close()
