"""Posted at the sandbox bank → webhook received, with push: p50 and p99.

    .venv/bin/python Benchmarks/push_latency.py [BINARY] [COUNT]

Runs the real binary on SQLite, posts one transaction at a time through the API, and stops the clock when a receiver in
another process's place (this script) has the signed `transaction.success` that carries it.
"""

import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "outside"))

import harness  # noqa: E402

WARM_UP = 10


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / ".build" / "release" / "kubewa")
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    harness.BINARY = pathlib.Path(binary)
    receiver = harness.Receiver()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        server = harness.Kubewa(folder, harness.SQLite(folder))
        try:
            server.start()
            tenant = server.make_tenant()
            tenant.set_webhook(receiver.url())
            tenant.make_customers("payer", accounts=1)
            tenant.link("payer")
            server.settle()
            spent = []
            for number in range(count + WARM_UP):
                seen = len(receiver.deliveries(event="transaction.success"))
                began = time.perf_counter()
                tenant.post_transaction("payer", 100_00 + number, f"Latency {number}")
                receiver.wait_for(
                    "the webhook", lambda r: len(r.deliveries(event="transaction.success")) > seen
                )
                spent.append((time.perf_counter() - began) * 1000)
                server.settle()
            spent = spent[WARM_UP:]
            print(f"posted at the bank → webhook received, {count} times, SQLite, one at a time")
            print(f"  p50 {percentile(spent, 0.5):.1f} ms   p99 {percentile(spent, 0.99):.1f} ms   worst {max(spent):.1f} ms")
        finally:
            server.stop()
            receiver.close()


if __name__ == "__main__":
    main()
