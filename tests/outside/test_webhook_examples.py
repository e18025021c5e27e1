"""The receivers of Examples/webhooks, which docs/webhooks.md shows, run as they are: they take what is genuine, once, and
nothing else. Go and PHP are tried where they are installed; scripts/setup --tests installs them."""

import base64
import hashlib
import hmac
import os
import shutil
import socket
import struct
import subprocess
import time

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness import ROOT, START_SECONDS, free_port, wait_until

FOLDER = ROOT / "Examples" / "webhooks"
SECRET = bytes(range(32))
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
WHSEC = "whsec_" + base64.b64encode(SECRET).decode()
WHPK = "whpk_" + base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()
BODY = b'{"event":"balance.success","event_id":"evt_1","data":{"n":1}}'


def command(language, port, folder):
    if language == "go":
        built = folder / "receive"
        environment = {**os.environ, "GOCACHE": str(folder / "cache"), "GO111MODULE": "off", "CGO_ENABLED": "0"}
        subprocess.run(
            ["go", "build", "-o", str(built), str(FOLDER / "receive.go")], check=True, env=environment, timeout=300)
        return [str(built)]
    return {
        "python": ["python3", str(FOLDER / "receive.py")],
        "node": ["node", str(FOLDER / "receive.mjs")],
        "php": ["php", "-d", "cli_server.color=0", "-q", "-S", f"127.0.0.1:{port}", str(FOLDER / "receive.php")],
    }[language]


class Running:
    """One example as a process."""

    def __init__(self, language, key, folder, port=None):
        tool = {"python": "python3"}.get(language, language)
        assert shutil.which(tool), f"{tool} is not installed: run scripts/setup --tests"
        self.port = port or free_port()
        folder = folder / language
        self.output = folder / "output"
        done = folder / "done"
        done.mkdir(parents=True)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command(language, self.port, folder), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, "WEBHOOK_KEY": key, "PORT": str(self.port), "DONE": str(done)})
        wait_until(f"the {language} receiver", self._is_listening, seconds=START_SECONDS)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def _is_listening(self):
        assert self.process.poll() is None, self.output.read_text()
        try:
            return requests.post(self.url, timeout=5).status_code
        except requests.RequestException:
            return False

    def post(self, signature, at, id="evt_1", body=BODY):
        headers = {"webhook-id": id, "webhook-timestamp": str(at), "content-type": "application/json"}
        if signature is not None:
            headers["webhook-signature"] = signature
        return requests.post(self.url, data=body, headers=headers, timeout=10).status_code

    def handled(self):
        return [line for line in self.output.read_text().splitlines() if line.startswith("evt_")]

    def close(self):
        self.process.kill()
        self.process.wait()


def v1(at, id="evt_1", body=BODY, secret=SECRET):
    signed = f"{id}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def v1a(at, id="evt_1", body=BODY):
    return "v1a," + base64.b64encode(PRIVATE.sign(f"{id}.{at}.".encode() + body)).decode()


@pytest.fixture
def run(tmp_path):
    running = []

    def start(language, key, port=None):
        running.append(Running(language, key, tmp_path, port))
        return running[-1]

    yield start
    for each in running:
        each.close()


CASES = [
    ("python", WHSEC, v1), ("node", WHSEC, v1), ("node", WHPK, v1a), ("php", WHSEC, v1), ("php", WHPK, v1a),
    ("go", WHSEC, v1), ("go", WHPK, v1a),
]


ONCE = [case for case in CASES if case[2] is v1]


@pytest.mark.parametrize("language,key,sign", ONCE, ids=[each[0] for each in ONCE])
def test_what_it_could_not_handle_is_handled_when_it_comes_again(run, language, key, sign):
    receiver = run(language, key)
    broken, now = BODY[:-1], int(time.time())
    try:
        refused = receiver.post(sign(body=broken, at=now), body=broken, at=now)
    except requests.ConnectionError:
        refused = None
    assert refused is None or refused >= 500, refused
    assert receiver.post(sign(at=now), at=now) == 204
    assert receiver.post(sign(at=now), at=now) == 204
    assert len(receiver.handled()) == 1, receiver.output.read_text()


@pytest.mark.parametrize("language,key,sign", CASES, ids=[f"{each[0]}-{each[2].__name__}" for each in CASES])
def test_takes_what_is_genuine_once_and_nothing_else(run, language, key, sign):
    receiver = run(language, key)
    now = int(time.time())
    assert receiver.post(sign(at=now), at=now) == 204
    assert receiver.post(sign(at=now), at=now) == 204, "a repeated one is answered well"
    assert receiver.post(f"v1,AAAA v1a,AAAA {sign(id='evt_2', at=now)}", id="evt_2", at=now) == 204, "keys are rotated"
    wrong = [
        receiver.post(sign(at=now), at=now, body=BODY + b" "),
        receiver.post(sign(at=now), at=now, id="evt_3"),
        receiver.post(sign(id="evt_4", at=now - 301), id="evt_4", at=now - 301),
        receiver.post(sign(id="evt_4", at=now + 330), id="evt_4", at=now + 330),
        receiver.post(sign(id="evt_5", at=now), id="evt_5", at=now + 1),
        receiver.post(None, id="evt_6", at=now), receiver.post("", id="evt_6", at=now),
        receiver.post("v1", id="evt_6", at=now), receiver.post("v1,", id="evt_6", at=now),
        receiver.post("v1a," + base64.b64encode(bytes(64)).decode(), id="evt_6", at=now),
        receiver.post(v1(id="evt_7", at=now, secret=b"another"), id="evt_7", at=now),
    ]
    assert wrong == [401] * len(wrong)
    assert len(receiver.handled()) == 2, receiver.output.read_text()


def test_a_key_that_is_no_secret_takes_nothing(tmp_path):
    """What an example makes of a wrong key must not be a secret that everybody can work out."""
    public = WHPK.removeprefix("whpk_")
    wrong = {
        WHPK: [base64.b64decode(WHPK), base64.b64decode(public)], "": [b""], "whsec_": [b""],
        "whsec_AAAA": [b"\0\0\0"], WHSEC.removeprefix("whsec_"): [SECRET], "whsec_%%%": [b"", b"%%%"],
    }
    for language in ("python", "node", "php", "go"):
        # Go is built anew for each.
        for number, (key, secrets) in enumerate(list(wrong.items())[3:4] if language == "go" else wrong.items()):
            try:
                receiver = Running(language, key, tmp_path / str(number))
            except AssertionError:
                # It refuses to start.
                continue
            try:
                for secret in secrets:
                    assert forged(receiver, secret) != 204, (language, key)
            finally:
                receiver.close()


def forged(receiver, secret):
    now = int(time.time())
    try:
        return receiver.post(v1(secret=secret, at=now), at=now)
    except requests.ConnectionError:
        return None


def test_a_body_that_breaks_off_ends_no_receiver(run):
    for language in ("python", "node", "php", "go"):
        receiver = run(language, WHSEC)
        for length in (100, 1 << 30):
            with socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as broken:
                broken.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n{" % length)
                broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        now = int(time.time())
        assert receiver.post(v1(at=now), at=now) == 204, language


def test_they_take_what_kubewa_sends(kubewa, run):
    tenant = kubewa.make_tenant()
    kubewa.start()
    receivers = []
    for language in ("python", "node", "php", "go"):
        port = free_port()
        made = tenant.native("POST", "/webhook_endpoints", {"url": f"http://127.0.0.1:{port}/"})
        receivers.append(run(language, made["secret"], port))
    tenant.make_customers("ada")
    tenant.link("ada")
    kubewa.settle()
    for each in receivers:
        lines = each.handled()
        assert {line.split()[0] for line in lines} == kubewa.event_ids()
        assert len(lines) == len(kubewa.event_ids()), "each once"
