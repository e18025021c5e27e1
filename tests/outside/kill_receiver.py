"""The receiver of the kill run: a process of its own, which survives every kill and keeps what came in by fsync.

    python kill_receiver.py FOLDER PORT SEED

It writes one JSON line per request to FOLDER/received.log, and answers 200 only when the line is on the disk. It knows
nothing of Kubewa but the signing secrets, which it reads from FOLDER/secrets.json ({path: whsec_…}). Some requests are
refused, cut or kept waiting the first time they come: which ones, the seed decides. Each line tells when its request
came in, what else of the same path was not answered yet then, and its place among all that came in and was written.

While there is a file FOLDER/hold, what comes where order is kept is taken and not answered; `held` in it says so.
"""

import asyncio
import hashlib
import json
import os
import pathlib
import sys
import time

from standardwebhooks import Webhook, WebhookVerificationError

# Of a thousand first arrivals; where order is kept, and each of them holds up all the others, fewer.
CHANCES = {"refused": 20, "cut": 20, "slow": 20}
CHANCES_ORDERED = {"refused": 4, "cut": 4, "slow": 4}
SLOW_SECONDS = 0.3


class Log:
    """Lines that are on the disk before anybody is told so; many at once share one fsync."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.waiting = []
        self.is_writing = False

    async def keep(self, line):
        done = asyncio.get_running_loop().create_future()
        self.waiting.append((line, done))
        if not self.is_writing:
            self.is_writing = True
            asyncio.get_running_loop().create_task(self._write())
        await done

    async def _write(self):
        while self.waiting:
            batch, self.waiting = self.waiting, []
            data = b"".join(line for line, _ in batch)
            await asyncio.get_running_loop().run_in_executor(None, self._sync, data)
            for _, done in batch:
                if not done.done():
                    done.set_result(None)
        self.is_writing = False

    def _sync(self, data):
        os.write(self.file, data)
        os.fsync(self.file)


class Receiver:
    def __init__(self, folder, seed):
        self.folder = folder
        self.seed = seed
        self.log = Log(folder / "received.log")
        self.seen = set()
        self.verifiers = {}
        # Counts what comes in and what is written, so that the one can be held against the other.
        self.tick = 0
        self.open = {}

    def verifier(self, path):
        if path not in self.verifiers:
            secrets = json.loads((self.folder / "secrets.json").read_text())
            self.verifiers = {each: Webhook(secret) for each, secret in secrets.items()}
        return self.verifiers[path]

    def conduct(self, path, id):
        if (path, id) in self.seen:
            return "200"
        self.seen.add((path, id))
        chance = int.from_bytes(hashlib.sha256(f"{self.seed} {path} {id}".encode()).digest()[:4], "big") % 1000
        chances = CHANCES_ORDERED if path.startswith("/ordered") else CHANCES
        if chance < chances["refused"]:
            return "503"
        chance -= chances["refused"]
        if chance < chances["cut"]:
            return "cut"
        return "slow" if chance - chances["cut"] < chances["slow"] else "200"

    def next_tick(self):
        self.tick += 1
        return self.tick

    async def serve(self, reader, writer):
        try:
            while await self.request(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # A killed sender leaves half requests; only whole ones count.
        finally:
            writer.close()

    async def request(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        conduct = self.conduct(path, headers.get("webhook-id"))
        line = self.line(path, headers, raw, conduct)
        open_here = self.open.setdefault(path, set())
        line["beside"] = sorted(open_here)
        open_here.add(line["came"])
        if conduct == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        line["written"] = self.next_tick()
        await self.log.keep(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        while path.startswith("/ordered") and conduct in ("200", "slow") and self.is_held():
            await asyncio.sleep(0.01)
        open_here.discard(line["came"])
        if conduct == "cut":
            return False
        status = "503 Service Unavailable" if conduct == "503" else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
        return True

    def is_held(self):
        try:
            with (self.folder / "hold").open("r+") as file:
                file.write("held")
            return True
        except FileNotFoundError:
            return False

    def line(self, path, headers, raw, conduct):
        try:
            self.verifier(path).verify(raw, headers)
            is_genuine = True
        except (KeyError, WebhookVerificationError):
            is_genuine = False
        body = json.loads(raw)
        data = body.get("data", {})
        rows = data.get("resource") if isinstance(data.get("resource"), list) else []
        return {
            "at": time.time(), "sent": int(headers.get("webhook-timestamp", 0)), "came": self.next_tick(), "path": path,
            "id": headers.get("webhook-id"),
            "genuine": is_genuine, "replayed": [body.get("replayed") is True, "webhook-replayed" in headers],
            "part": [data.get("part"), data.get("parts")], "ids": (data.get("query") or {}).get("ids") or [],
            "named": body.get("event_id"), "type": body.get("event"), "sequence": body.get("sequence"),
            "record": data.get("record"), "body": hashlib.sha256(raw).hexdigest(), "answer": conduct,
            "rows": [[row.get("id"), row.get("description")] for row in rows if isinstance(row, dict)],
        }


async def main():
    folder, port, seed = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    receiver = Receiver(folder, seed)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port, limit=1 << 20, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
