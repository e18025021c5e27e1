"""A server that takes Kubewa's webhooks, with Python's standard library alone: python3 receiver.py whsec_… [port]"""

import base64
import hashlib
import hmac
import http.server
import json
import sys
import time


def key(secret):
    """The bytes of whsec_…. Never those of the public whpk_…: everybody could sign with it."""
    code = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    if not secret.startswith("whsec_") or len(code) < 24:
        raise ValueError("The secret must be the endpoint's whsec_….")
    return code


def is_genuine(secret, headers, body):
    """Standard Webhooks: a signature over id, time and body, at most five minutes old."""
    sent_at, signatures = headers.get("webhook-timestamp", ""), headers.get("webhook-signature", "")
    if not sent_at.isdecimal() or abs(time.time() - int(sent_at)) > 300:
        return False
    signed = f"{headers.get('webhook-id')}.{sent_at}.".encode() + body
    right = "v1," + base64.b64encode(hmac.digest(key(secret), signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(right.encode(), each.encode()) for each in signatures.split(" "))


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        if not 0 <= length <= 1 << 20:
            return self.send_error(413)
        body = self.rfile.read(length)
        genuine = is_genuine(sys.argv[1], self.headers, body)
        self.send_response(200 if genuine else 401)
        self.end_headers()
        if genuine:
            event = json.loads(body)
            data = event["data"]
            print(event["event"], data.get("account", ""), data.get("count", ""), flush=True)

    def log_message(self, *ignored):
        pass


if __name__ == "__main__":
    key(sys.argv[1])
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
