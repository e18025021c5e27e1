"""The webhook worker to beat: the same guarantees in sixty lines of Python.

    python3 -m venv /tmp/worker && /tmp/worker/bin/pip install asyncpg aiohttp uvloop
    python_worker.py postgresql://… http://127.0.0.1:…/hook COUNT

Fills COUNT deliveries, then claims them in batches with SKIP LOCKED, signs and sends each, logs one attempt row each and
takes it from the queue. Prints how many it delivered a second. `scripts/bench deliveries` runs it by turns with Kubewa.
"""
import asyncio
import base64
import hashlib
import hmac
import sys
import time

import aiohttp
import asyncpg
import uvloop

DSN, URL, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
IN_FLIGHT, BATCH = 64, 256
SECRET = b"k" * 32
BODY = ('{"event":"balance.success","pad":"' + "x" * 760 + '"}').encode()


async def fill(pool):
    await pool.execute("""
        DROP TABLE IF EXISTS queue; DROP TABLE IF EXISTS log;
        CREATE TABLE queue (id BIGINT PRIMARY KEY, due BIGINT NOT NULL, tries INT NOT NULL, body BYTEA NOT NULL);
        CREATE INDEX queue_due ON queue (due);
        CREATE TABLE log (id BIGINT, tries INT, at DOUBLE PRECISION, ms DOUBLE PRECISION, status INT)""")
    await pool.copy_records_to_table("queue", records=((n, 0, 0, BODY) for n in range(COUNT)))


async def send(session, limit, row):
    async with limit:
        start, stamp = time.time(), str(int(time.time()))
        signed = f"evt_{row['id']}.{stamp}.".encode() + row["body"]
        signature = "v1," + base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        headers = {"content-type": "application/json", "webhook-id": f"evt_{row['id']}", "webhook-timestamp": stamp,
                   "webhook-signature": signature}
        try:
            async with session.post(URL, data=row["body"], headers=headers) as reply:
                await reply.read()
                status = reply.status
        except aiohttp.ClientError:
            status = None
        return (row["id"], row["tries"] + 1, start, (time.time() - start) * 1000, status)


async def work(pool, session, limit):
    claim = "SELECT id, tries, body FROM queue WHERE due <= $1 ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED"
    while True:
        async with pool.acquire() as db, db.transaction():
            rows = await db.fetch(claim, int(time.time()), BATCH)
            if not rows:
                return
            done = await asyncio.gather(*(send(session, limit, row) for row in rows))
            await db.copy_records_to_table("log", records=done)
            good = [one[0] for one in done if one[4] is not None and 200 <= one[4] < 300]
            await db.execute("DELETE FROM queue WHERE id = ANY($1)", good)
            bad = [one[0] for one in done if one[0] not in set(good)]
            if bad:
                await db.execute("UPDATE queue SET due = $2, tries = tries + 1 WHERE id = ANY($1)", bad,
                                 int(time.time()) + 5)


async def main():
    pool = await asyncpg.create_pool(DSN, min_size=4, max_size=4)
    await fill(pool)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as session:
        limit = asyncio.Semaphore(IN_FLIGHT)
        start = time.perf_counter()
        await asyncio.gather(*(work(pool, session, limit) for _ in range(4)))
        print(f"{COUNT / (time.perf_counter() - start):.0f}", flush=True)


uvloop.run(main())
