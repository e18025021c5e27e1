"""A real server in a network of its own, whose only name server lies. Run by test_webhook_network.py with `unshare`.

Nothing leaves the namespace: what counts as public here is an address of its loopback device.
"""

import http.server
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading

from harness import Kubewa, SQLite, wait_until

PUBLIC, OTHER, PRIVATE, NAMED, LINK_LOCAL = "8.8.4.4", "8.8.8.8", "10.9.9.9", "10.20.0.5", "169.254.169.254"
PORT = 8080
# Answers are remembered for 30 s.
REBIND_SECONDS = 90


class Names:
    """A name server: one answer per name, changed while it runs; None is a name that does not exist."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            question, sender = self.socket.recvfrom(512)
            self.socket.sendto(self._answer(question), sender)

    def _answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        name, kind = ".".join(labels).lower(), struct.unpack(">H", question[at + 1:at + 3])[0]
        if kind == 1:
            self.asked.append(name)
        addresses = self.answers.get(name)
        found = [socket.inet_aton(address) for address in addresses or []] if kind == 1 else []
        head = question[:2] + struct.pack(">HHHHH", 0x8180 if addresses else 0x8183, 1, len(found), 0, 0)
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + each for each in found)
        return head + question[12:at + 5] + records


class Sink:
    """A receiver on one address; whatever comes is kept."""

    def __init__(self, address):
        self.hosts = hosts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                hosts.append(self.headers["Host"])
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *ignored):
                pass

        server = http.server.ThreadingHTTPServer((address, PORT), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()


def prepare(folder):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (PUBLIC, OTHER, PRIVATE, NAMED, LINK_LOCAL):
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    for name, text in (("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n"),
                       ("nsswitch.conf", "hosts: files dns\n")):
        own, theirs = folder / name, os.path.realpath("/etc/" + name)
        own.write_text(text)
        if os.path.exists(theirs):
            subprocess.run(["mount", "--bind", str(own), theirs], check=True)


def run(folder):
    prepare(folder)
    names = Names()
    sinks = {address: Sink(address) for address in (PUBLIC, OTHER, PRIVATE, NAMED, LINK_LOCAL, "127.0.0.1")}
    names.answers = {
        "good.test": [PUBLIC], "private.test": [PRIVATE], "mixed.test": [PUBLIC, PRIVATE], "named.test": [NAMED],
        "metadata.test": [LINK_LOCAL], "self.test": ["127.0.0.1"], "rebinds.test": [OTHER],
    }
    server = Kubewa(folder, SQLite(folder), options=["--webhook-allow-cidr", "10.20.0.0/16"], loopback=False)
    tenant = server.make_tenant()
    server.start()
    endpoints = {}

    def attempt(name):
        """Sends a test event to a name, and tells the newest entry of its log."""
        if name not in endpoints:
            body = {"url": f"http://{name}:{PORT}/hook"}
            endpoints[name] = tenant.native("POST", "/webhook_endpoints", body)["id"]
        sent = tenant.native("POST", f"/webhook_endpoints/{endpoints[name]}/test")
        logged = wait_until(
            f"an attempt to reach {name}",
            lambda: tenant.native("GET", f"/attempts?event={sent['event_id']}")["data"], seconds=30)
        return logged[0]["error_class"] or logged[0]["response_status"]

    try:
        told = {name: attempt(name) for name in [*names.answers, "gone.test"]}
        asked = names.asked.count("rebinds.test")
        names.answers["rebinds.test"] = [PRIVATE]
        pinned = attempt("rebinds.test")
        # A new question comes when the answer is too old; until then it goes where it went.
        wait_until("the name to be asked again", lambda: attempt("rebinds.test") != 200, REBIND_SECONDS, every=2)
        print(json.dumps({
            "told": told, "pinned": pinned, "rebound": attempt("rebinds.test"),
            "asked_again": names.asked.count("rebinds.test") > asked,
            "notice": "10.20.0.0/16" in server.log.read_text(),
            "hosts": {address: sorted(set(sink.hosts)) for address, sink in sinks.items()},
        }))
    finally:
        server.stop()


if __name__ == "__main__":
    run(pathlib.Path(sys.argv[1]))
