"""Mono as far as Kubewa uses it (v2), with a memory: hosted page, codes, processing, paging, live data, incomes,
statements, pushes.

Written from Mono's public documentation. What a test wants to go wrong it says by setting members.
"""

import datetime
import http.server
import itertools
import json
import threading
import time
import urllib.parse
import urllib.request

from harness import QuietServer

PAGE_ROWS = 20
BANKS = [
    {
        "_id": "5f2d08bf60b92e2888287703", "name": "Access Bank", "type": "PERSONAL_BANKING", "nip_code": "000014",
        "country": "ng", "scope": [{"name": "Financial Data", "type": "financial_data"}],
        "auth_methods": [{"type": "internet_banking", "ui": {}}, {"type": "mobile_banking", "ui": {}}],
    },
    {
        "_id": "5f2d08be60b92e2888287702", "name": "GTBank", "type": "PERSONAL_BANKING", "nip_code": "000013",
        "country": "ng", "scope": [{"name": "Financial Data", "type": "financial_data"}],
        "auth_methods": [{"type": "internet_banking", "ui": {}}],
    },
]

PAGE = """<!doctype html><html lang="en"><title>Mono Connect</title>
<h1>Log in to {bank}</h1>
<button id="agree" onclick="location.assign('/page/{link}/agree')">Agree</button>
<button id="twice" onclick="location.assign('/page/{link}/twice')">Agree, and come back twice</button>
<button id="silent" onclick="location.assign('/page/{link}/silent')">Agree, and come back without a code</button>
<button id="foreign" onclick="location.assign('/page/{link}/foreign')">Come back with another link's reference</button>
<button id="cancel" onclick="location.assign('/page/{link}/cancel')">Cancel</button>
<button id="stay" onclick="location.assign('/page/{link}/stay')">Agree, and never come back</button>
</html>"""


class Account:
    def __init__(self, id, ref, bank):
        self.id, self.ref, self.bank = id, ref, bank
        self.name, self.number, self.bvn = "SAMUEL OLAMIDE NOMO", "0131883461", "22300000965"
        self.balance, self.currency = 2_295_067, "ngn"
        self.status, self.retrieved = "AVAILABLE", ["identity", "balance", "transactions"]
        self.unlinked = False
        # What the next requests for live data are told.
        self.needs_login = False
        self.job = "finished"
        self.rows = []
        # Months of the income that is being made; None while nobody asked.
        self.income_asked = None
        # What the next income is refused with, and by how many rows a statement lies about itself.
        self.income_refused = None
        self.statement_lie = 0
        self.numbers = itertools.count(1)

    def add(self, amount, narration, date=None, balance=None):
        """`amount` in kobo, negative is out of the account."""
        date = date or datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
        self.balance += amount
        self.rows.append({
            "id": f"66141bbff58d2687e7{next(self.numbers):06d}", "narration": narration, "amount": abs(amount),
            "type": "debit" if amount < 0 else "credit", "balance": self.balance if balance is None else balance,
            "date": date.strftime("%Y-%m-%dT%H:%M:%S.500Z"), "category": "unknown", "_at": date,
        })

    def income(self):
        """As Mono's documents show one, of the credits that there are."""
        paid = sorted((row for row in self.rows if row["type"] == "credit"), key=lambda row: row["_at"])
        months = sorted({row["date"][:7] for row in paid})
        total = sum(row["amount"] for row in paid)
        return {
            "account": self.id, "app": "62da7b4b342c3aab5dd2a2c4", "business": "60cc8fa5ba177218c5c6a11d",
            "account_name": self.name, "account_number": self.number,
            "income_summary": {"total_income": 0, "employer": "ACME STORES LTD"},
            "income_streams": [{
                "income_type": "SALARY", "frequency": "MONTHLY", "monthly_average": total / len(months) + 0.25,
                "average_income_amount": total / len(paid), "currency": "", "stability": 0.92,
                "first_income_date": paid[0]["date"][:10], "last_income_date": paid[-1]["date"][:10],
                "last_income_amount": paid[-1]["amount"], "last_income_description": paid[-1]["narration"],
                "periods_with_income": len(months), "number_of_incomes": len(paid), "number_of_months": len(months),
            }],
            "income_source_type": "BANK", "first_transaction_date": paid[0]["date"][:10],
            "last_transaction_date": paid[-1]["date"][:10], "period": f"{len(months)} months",
            "number_of_income_streams": 1, "total_income": total, "annual_income": total,
            "monthly_income": total // len(months), "aggregated_monthly_average": total // len(months),
            "aggregated_monthly_average_regular": total // len(months), "aggregated_monthly_average_irregular": 0,
            "total_regular_income_amount": total, "total_irregular_income_amount": 0,
        }

    def details(self):
        return {
            "account": {
                "id": self.id, "name": self.name, "account_number": self.number, "currency": self.currency,
                "balance": self.balance, "type": "Tier 3 Savings Account", "bvn": self.bvn[-4:],
                "institution": {"name": self.bank["name"], "bank_code": self.bank["nip_code"], "type": "PERSONAL_BANKING"},
            },
            "customer": {"id": "682dd53a74682beb490a0ed4"},
            "meta": {
                "data_status": self.status, "auth_method": "internet_banking", "ref": self.ref,
                "retrieved_data": self.retrieved if self.status in ("AVAILABLE", "PARTIAL") else [],
            },
        }


class FakeMono:
    def __init__(self, secret_key="live_sk_f4keM0noKey", webhook_secret="whsec-of-mono-7Gq"):
        self.secret_key, self.webhook_secret = secret_key, webhook_secret
        self.webhook_url = None
        self.accounts, self.links, self.codes = {}, {}, {}
        # New accounts begin with this status, and this history.
        self.first_status = "AVAILABLE"
        self.first_rows = 45
        # Bank whose login the person makes, where it is another than was asked for.
        self.other_bank = None
        self.answers_html = False
        self.seconds_late = 0
        self.limited = 0
        self.spends_codes = False
        # (method, path, headers, body) of every call of the API.
        self.calls = []
        self.pushes = []
        self.lock = threading.RLock()
        self.numbers = itertools.count(1)
        mono = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                mono.serve(self, None)

            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                mono.serve(self, self.rfile.read(length))

            def reply(self, status, body, kind="application/json", **headers):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *ignored):
                pass

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    # ---- what a test looks at

    def requests(self, method=None, ends=""):
        with self.lock:
            return [call for call in self.calls if (method is None or call[0] == method) and call[1].endswith(ends)]

    def live(self):
        """Calls that asked for live data."""
        with self.lock:
            return [call for call in self.calls if call[2].get("x-realtime") == "true"]

    # ---- serving

    def serve(self, handler, body):
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path.startswith("/page/"):
            return self.page(handler, url.path.split("/")[2:])
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self.lock:
            self.calls.append((handler.command, url.path, headers, body.decode() if body else ""))
        if self.seconds_late:
            time.sleep(self.seconds_late)
        if self.answers_html:
            return handler.reply(200, b"<html><body>Sorry, maintenance</body></html>", "text/html")
        if self.limited:
            self.limited -= 1
            return handler.reply(429, self.failed("Too many requests"), Retry_After="1")
        if headers.get("mono-sec-key") != self.secret_key:
            return handler.reply(401, self.failed("Invalid secret key"))
        with self.lock:
            status, content, extra = self.answer(handler.command, url.path, query, headers, json.loads(body or b"{}"))
        handler.reply(status, content, **extra)

    @staticmethod
    def failed(message):
        return json.dumps({"status": "failed", "message": message, "data": None}).encode()

    @staticmethod
    def successful(data, **more):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        message = {"status": "successful", "message": "Request was successfully completed", "timestamp": now}
        return json.dumps({**message, "data": data, **more}).encode()

    def answer(self, method, path, query, headers, body):
        parts = [part for part in path.split("/") if part]
        if path == "/v3/institutions":
            return 200, self.successful(BANKS), {}
        if path == "/v2/accounts/initiate":
            return self.initiate(body)
        if path == "/v2/accounts/auth":
            return self.exchange(body)
        if parts[:2] != ["v2", "accounts"] or len(parts) < 3:
            return 404, self.failed("No such resource"), {}
        account = self.accounts.get(parts[2])
        if account is None or account.unlinked:
            return 404, self.failed("Account not found"), {}
        what = parts[3] if len(parts) > 3 else ""
        if what == "unlink":
            account.unlinked = True
            return 200, self.successful({}), {}
        if what == "":
            return 200, self.successful(account.details()), {}
        extra = self.live_headers(account, headers)
        if what == "balance":
            row = account.details()["account"]
            data = {key: row[key] for key in ("id", "name", "account_number", "balance", "currency")}
            return 200, self.successful(data), extra
        if what == "identity":
            return 200, self.successful({
                "full_name": account.name, "bvn": account.bvn, "email": "samuel@example.com", "phone": "08012345678",
                "gender": "male", "dob": "1997-08-07", "address_line1": "23 Marina, Lagos", "marital_status": None,
            }), {}
        if what == "transactions":
            return self.transactions(account, query, extra)
        if what == "income":
            if account.income_refused:
                return account.income_refused, self.failed("No transactions to make an income of"), {}
            account.income_asked = query.get("period", "all")
            message = f"The income of {account.name} is being made, and sent to your webhook"
            return 200, json.dumps({"status": "successful", "message": message, "data": None}).encode(), {}
        if what == "statement" and len(parts) == 4:
            return self.statement(account, query, extra)
        return 404, self.failed("No such resource"), {}

    def live_headers(self, account, headers):
        if headers.get("x-realtime") != "true":
            return {}
        if account.needs_login:
            return {"x_reauth_required": "true", "x_job_status": "failed", "x_job_id": "job-1"}
        return {"x_has_new_data": "false", "x_job_status": account.job, "x_job_id": "job-1"}

    def transactions(self, account, query, extra):
        if account.status in ("PROCESSING", "FAILED", "UNAVAILABLE") or "transactions" not in account.retrieved:
            return 200, self.successful([], meta={"total": 0, "page": 1, "previous": None, "next": None}), extra
        start, end = (datetime.datetime.strptime(query[key], "%d-%m-%Y").date() for key in ("start", "end"))
        rows = [row for row in account.rows if start <= row["_at"].date() <= end]
        rows.sort(key=lambda row: row["_at"], reverse=True)
        page = int(query.get("page", "1"))
        shown = rows[(page - 1) * PAGE_ROWS:page * PAGE_ROWS]
        has_next = page * PAGE_ROWS < len(rows)
        meta = {
            "total": len(rows), "page": page, "previous": None,
            # As in Mono's own example, not quite the address that was asked.
            "next": f"https://api.withmono.com/v2/{account.id}/transactions?page={page + 1}" if has_next else None,
        }
        data = [{key: value for key, value in row.items() if key != "_at"} for row in shown]
        return 200, self.successful(data, meta=meta), extra

    def statement(self, account, query, extra):
        months = query.get("period", "").removeprefix("last").removesuffix("months")
        if not months.isdigit() or not 1 <= int(months) <= 12 or query.get("output", "json") != "json":
            return 400, self.failed("period is last1months to last12months"), {}
        if account.status == "PROCESSING":
            return 200, self.successful(None), extra
        start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=31 * int(months))
        rows = [row for row in account.rows if row["_at"] >= start]
        rows.sort(key=lambda row: row["_at"], reverse=True)
        data = [{key: value for key, value in row.items() if key not in ("_at", "category")} for row in rows]
        length = 31 * int(months)
        meta = {"count": len(data) + account.statement_lie, "requested_length": length, "available_length": length}
        return 200, self.successful(data, meta=meta), extra

    def initiate(self, body):
        ref = body.get("meta", {}).get("ref", "")
        if len(ref) < 10 or any(link["ref"] == ref for link in self.links.values()):
            return 400, self.failed("The provided ref already exists"), {}
        if not body.get("redirect_url", "").startswith("http"):
            return 400, self.failed("redirect_url is required"), {}
        account = None
        if body["scope"] == "reauth":
            account = self.accounts.get(body["account"])
            if account is None or account.unlinked:
                return 404, self.failed("Account not found"), {}
        elif "@" not in body.get("customer", {}).get("email", "") or not body["customer"].get("name"):
            return 400, self.failed("customer is required"), {}
        wanted = body.get("institution", {}).get("id")
        bank = next((bank for bank in BANKS if bank["_id"] == wanted), account.bank if account else BANKS[1])
        name = f"ALGSTO{next(self.numbers):04d}"
        self.links[name] = {
            "ref": ref, "redirect_url": body["redirect_url"], "scope": body["scope"], "bank": bank,
            "account": account, "asked": body,
        }
        data = {"mono_url": f"{self.url}/page/{name}", "customer": "65f82acd", "meta": {"ref": ref}, "scope": body["scope"]}
        return 200, self.successful(data), {}

    def exchange(self, body):
        account = self.codes.get(body.get("code", ""))
        if account is None:
            return 400, self.failed("Invalid or expired code"), {}
        if self.spends_codes:
            del self.codes[body["code"]]
        return 200, self.successful({"id": account.id}), {}

    # ---- the hosted page

    def page(self, handler, parts):
        link = self.links.get(parts[0])
        if link is None:
            return handler.reply(404, b"unknown link", "text/plain")
        if len(parts) == 1:
            html = PAGE.format(bank=link["bank"]["name"], link=parts[0]).encode()
            return handler.reply(200, html, "text/html; charset=utf-8")
        action, back = parts[1], link["redirect_url"]
        if action == "cancel":
            return handler.reply(302, b"", Location=f"{back}?status=cancelled&reason=closed")
        if action == "foreign":
            return handler.reply(302, b"", Location=f"{back[:-8]}00000000?code=code_of_nobody")
        account = self.log_in(link)
        code = f"code_{next(self.numbers):020d}"
        self.codes[code] = account
        self.tell_of_login(link, account)
        if action == "stay":
            return handler.reply(200, b"<h1 id=stayed>You can close this page</h1>", "text/html")
        if action == "silent":
            return handler.reply(302, b"", Location=f"{back}?status=successful")
        where = f"{back}?code={code}&status=linked"
        if action == "twice":
            # The browser goes on to the second one; the first one has been there before it.
            html = f"<a id=first href='{where}' target=_blank>first</a> <a id=second href='{where}'>second</a>".encode()
            return handler.reply(200, html, "text/html; charset=utf-8")
        handler.reply(302, b"", Location=where)

    def log_in(self, link):
        with self.lock:
            account = link["account"]
            if account is not None:
                account.needs_login = False
                return account
            account = Account(f"697926f050b9c321c145{next(self.numbers):04d}", link["ref"], self.other_bank or link["bank"])
            account.status = self.first_status
            now = datetime.datetime.now(datetime.timezone.utc)
            for number in reversed(range(self.first_rows)):
                amount = -150_050 if number % 3 else 1_000_001
                account.add(amount, f"NIP TRANSFER {number}", now - datetime.timedelta(hours=20 * (number + 1)))
            self.accounts[account.id] = link["account"] = account
            return account

    # ---- pushes

    def tell_of_login(self, link, account):
        if link["scope"] == "reauth":
            self.push("mono.events.account_reauthorized", {"account": {"_id": account.id}})
        else:
            self.push("mono.events.account_connected", {
                "id": account.id, "customer": "6961439d",
                "meta": {"data_status": "PROCESSING", "auth_method": "internet_banking", "ref": account.ref},
            })

    def tell_of_update(self, account, sync="SUCCESSFUL", **more):
        row = account.details()["account"]
        return self.push("mono.events.account_updated", {
            "account": {
                "_id": account.id, "name": account.name, "accountNumber": account.number, "currency": "NGN",
                "balance": account.balance, "type": "SAVINGS ACCOUNT", "bvn": account.bvn,
                "institution": {"name": row["institution"]["name"], "bankCode": row["institution"]["bank_code"]},
            },
            "meta": {
                "data_status": account.status, "sync_status": sync, "ref": account.ref,
                "retrieved_data": account.retrieved, **more,
            },
        })

    def tell_of_income(self, account, data=None, secret=None):
        """What was asked for is done, or `data` is sent in its place."""
        account.income_asked = None
        return self.push("mono.events.account_income", account.income() if data is None else data, secret)

    def push(self, event, data, secret=None):
        """Sends a push, if there is a webhook. Returns the status of the answer."""
        if self.webhook_url is None:
            return None
        body = json.dumps({"event": event, "event_id": f"evt{next(self.numbers)}", "data": data}).encode()
        request = urllib.request.Request(self.webhook_url, body, {
            "Content-Type": "application/json",
            "mono-webhook-secret": self.webhook_secret if secret is None else secret,
        })
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                status = reply.status
        except urllib.error.HTTPError as error:
            status = error.code
        with self.lock:
            self.pushes.append((event, status))
        return status
