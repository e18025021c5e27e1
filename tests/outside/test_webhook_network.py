"""Webhooks by the machine's own resolver, in a network namespace with a name server that lies."""

import json
import os
import pathlib
import subprocess
import sys
import urllib.parse

from harness import Kubewa, open_database

SCRIPT = pathlib.Path(__file__).with_name("network_namespace.py")


def test_names_lead_to_public_and_named_addresses_alone_whatever_they_turn_to(tmp_path):
    unshare = ["unshare", "--net", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    probe = subprocess.run([*unshare, "ip", "link", "set", "lo", "up"], capture_output=True, text=True, timeout=30)
    assert probe.returncode == 0, (
        f"this test needs a network namespace, and `{' '.join(unshare)}` says: {probe.stderr.strip()}. Install "
        "util-linux and iproute2, and run it as root, with CAP_SYS_ADMIN in a container, or where users may make "
        "namespaces (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)."
    )
    done = subprocess.run(
        [*unshare, sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["told"] == {
        "good.test": 200, "named.test": 200, "rebinds.test": 200, "private.test": "refused_address",
        "mixed.test": "refused_address", "metadata.test": "refused_address", "self.test": "refused_address",
        "gone.test": "dns",
    }
    assert seen["pinned"] == 200, "within 30 s it goes to the address that was vetted"
    assert seen["rebound"] == "refused_address" and seen["asked_again"]
    assert seen["notice"], "what is opened is said at start"
    assert seen["hosts"] == {
        "8.8.4.4": ["good.test:8080"], "8.8.8.8": ["rebinds.test:8080"], "10.20.0.5": ["named.test:8080"],
        "10.9.9.9": [], "169.254.169.254": [], "127.0.0.1": [],
    }


def test_the_database_server_is_never_sent_to_also_in_a_range_that_is_opened(tmp_path, receiver):
    database = open_database("postgres", tmp_path)
    server = Kubewa(tmp_path, database, options=["--webhook-allow-cidr", "127.0.0.0/8"], loopback=False)
    try:
        tenant = server.make_tenant()
        server.start()
        port = urllib.parse.urlsplit(database.location).port or 5432

        def sent(url):
            made = tenant.native("POST", "/webhook_endpoints", {"url": url})["id"]
            event = tenant.native("POST", f"/webhook_endpoints/{made}/test")["event_id"]
            return tenant.native("GET", f"/attempts?event={event}")["data"][0]

        assert sent(receiver.url())["response_status"] == 200, "the range is open"
        for host in ("127.0.0.1", "127.0.0.9"):
            assert sent(f"http://{host}:{port}/")["error_class"] == "refused_address"
    finally:
        server.stop()
        database.close()
