"""Takes Kubewa's webhooks. WEBHOOK_KEY is the endpoint's whsec_…; Python's standard library is enough."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import time


def secret(key):
    """The bytes of whsec_…. Never those of the public whpk_…: everybody could sign with it."""
    code = base64.b64decode(key.removeprefix("whsec_"), validate=True)
    if not key.startswith("whsec_") or len(code) < 24:
        raise ValueError("The key must be the endpoint's whsec_….")
    return code


def verify(key, headers, body):
    """True for a webhook that is Kubewa's, unchanged, and at most five minutes old."""
    sent_at, signatures = headers.get("webhook-timestamp", ""), headers.get("webhook-signature", "")
    if not sent_at.isdecimal() or abs(time.time() - int(sent_at)) > 300:
        return False
    signed = f"{headers.get('webhook-id')}.{sent_at}.".encode() + body
    code = hmac.digest(secret(key), signed, hashlib.sha256)
    right = b"v1," + base64.b64encode(code)
    return any(hmac.compare_digest(right, each.encode()) for each in signatures.split(" "))


def handle(event):
    # In one piece, as several may be handled at a time.
    print(f"{event['event_id']} {event['event']}\n", end="", flush=True)


# In your own server this is a unique column, written in the transaction that does the work.
done = set()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        if not 0 <= length <= 1 << 20:
            return self.send_error(413)
        body = self.rfile.read(length)
        is_genuine = verify(os.environ["WEBHOOK_KEY"], self.headers, body)
        id = self.headers.get("webhook-id")
        if is_genuine and id not in done:
            handle(json.loads(body))
            done.add(id)
        self.send_response(204 if is_genuine else 401)
        self.end_headers()

    def log_message(self, *ignored):
        pass


if __name__ == "__main__":
    secret(os.environ["WEBHOOK_KEY"])
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 3000))), Receiver).serve_forever()
