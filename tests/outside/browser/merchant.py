"""A customer's website on an origin of its own."""

import http.server
import pathlib
import threading
import urllib.parse

from harness import QuietServer

PAGES = pathlib.Path(__file__).parent / "pages"


class Website:
    """Serves the page of a shop, with Kubewa's loader or with the stand-in for an older one.

    It answers as `localhost` and as `127.0.0.1`: to a browser those are two websites.
    """

    def __init__(self, kubewa_url):
        self.kubewa_url = kubewa_url
        website = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                body, kind = website.answer(url.path, query)
                self.send_response(200 if body is not None else 404)
                if "policy" in query:
                    self.send_header("Content-Security-Policy", query["policy"])
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *ignored):
                pass

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def answer(self, path, query):
        if path == "/okra-stand-in.js":
            return (PAGES / "okra-stand-in.js").read_bytes(), "text/javascript"
        if path == "/":
            is_own = query.get("loader", "own") == "own"
            loader = self.kubewa_url + "/v2/bundle.js" if is_own else "/okra-stand-in.js"
            server = query.get("server", "" if is_own else self.kubewa_url)
            text = (PAGES / "merchant.html").read_text().replace("{{loader}}", loader).replace("{{server}}", server)
            return text.encode(), "text/html; charset=utf-8"
        if path == "/thanks":
            return b"<!doctype html><title>Thanks</title><h1>Back at the shop</h1>", "text/html; charset=utf-8"
        return None, "text/plain"

    def url(self, host="localhost", **query):
        return f"http://{host}:{self.port}/?{urllib.parse.urlencode(query)}"

    def address(self, path, host="localhost"):
        return f"http://{host}:{self.port}{path}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
