"""Webhooks by the machine's own resolver, in a network namespace with a name server that lies."""

import json
import os
import pathlib
import subprocess
import sys

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
