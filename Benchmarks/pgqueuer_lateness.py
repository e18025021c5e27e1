"""How late pgqueuer runs deferred jobs: a million wait, so many are due in each second.

    python3 -m venv /tmp/pgq && /tmp/pgq/bin/pip install pgqueuer asyncpg uvloop
    scripts/with-postgres /tmp/pgq/bin/python Benchmarks/pgqueuer_lateness.py 1000

It stands beside `scripts/bench lateness`, which does the same with refreshes that are due.
"""
import asyncio
import os
import subprocess
import sys
import time
from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer import AsyncpgDriver, PgQueuer, Queries

RATE = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
WAITING = 1_000_000
SECONDS = 20
LEAD = 8


def cpu_seconds() -> float:
    """The time that this machine's PostgreSQL processes have used."""
    listed = subprocess.run(["ps", "-C", "postgres", "-o", "cputimes="], capture_output=True, text=True).stdout
    return sum(float(line) for line in listed.split())


async def main() -> None:
    connection = await asyncpg.connect(os.environ["KUBEWA_TEST_POSTGRES"])
    driver = AsyncpgDriver(connection)
    queries = Queries(driver)
    await queries.install()
    far = timedelta(days=30)
    for start in range(0, WAITING, 50_000):
        count = min(50_000, WAITING - start)
        await queries.enqueue(["work"] * count, [b"far"] * count, [0] * count, execute_after=[far] * count)
    began = time.time()
    total = RATE * SECONDS
    slices = SECONDS * 20
    for part in range(slices):
        due = [LEAD + (part * (total // slices) + i) * SECONDS / total for i in range(total // slices)]
        now = time.time() - began
        texts = [str(began + at).encode() for at in due]
        waits = [timedelta(seconds=max(0.0, at - now)) for at in due]
        await queries.enqueue(["work"] * len(due), texts, [0] * len(due), execute_after=waits)
    await connection.execute("ANALYZE")

    late: list[float] = []
    done = asyncio.Event()
    worker = PgQueuer(AsyncpgDriver(await asyncpg.connect(os.environ["KUBEWA_TEST_POSTGRES"])))

    @worker.entrypoint("work")
    async def work(job) -> None:
        late.append(time.time() - float(job.payload))
        if len(late) >= total:
            done.set()

    used, at = cpu_seconds(), time.time()
    running = asyncio.create_task(worker.run(batch_size=500, dequeue_timeout=timedelta(milliseconds=50)))
    try:
        await asyncio.wait_for(done.wait(), LEAD + SECONDS * 4)
    except TimeoutError:
        print(f"  {len(late)} of {total} jobs ran in {SECONDS * 4} s")
    spent, wall = cpu_seconds() - used, time.time() - at
    running.cancel()
    late.sort()
    p50, p99 = late[len(late) // 2] * 1000, late[len(late) * 99 // 100] * 1000
    print(f"  pgqueuer, {RATE}/s: p50 {p50:.0f} ms  p99 {p99:.0f} ms  PostgreSQL {spent / wall:.2f} cores")


uvloop.run(main())
