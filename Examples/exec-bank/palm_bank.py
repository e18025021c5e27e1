#!/usr/bin/env python3
"""Palm Savings, a made-up bank that hands out its books as CSV files, as a program that Kubewa can run.

    palm_bank.py make FOLDER [DAY]   writes a made-up export that ends on the day (today when left out)
    palm_bank.py code FOLDER USER    shows the one-time password that the customer's phone shows now
    palm_bank.py serve FOLDER        speaks with Kubewa over its input and output (docs/connectors/exec.md)

The export is what such a bank's engineers would write every night: customers.csv, accounts.csv and transactions.csv.
Python's standard library is all it needs. Nothing about a customer is ever written to the error output: Kubewa logs it.
"""

import csv
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import random
import secrets
import struct
import sys
import time

PROTOCOL = 1
PAGE_ROWS = 100
PASSWORD_TRIES = 5
CODE_TRIES = 3
NARRATIONS = ["POS PURCHASE SHOPRITE LEKKI", "TRANSFER TO C. EZE", "AIRTIME MTN", "DSTV SUBSCRIPTION"]
LAGOS = datetime.timezone(datetime.timedelta(hours=1))


class Refused(Exception):
    """An answer of the kind `error`: a code of Kubewa's taxonomy, and a sentence that a person may read."""

    def __init__(self, code, message=None, **more):
        super().__init__(code)
        self.answer = {"code": code, **({"message": message} if message else {}), **more}


# MARK: the export


def kobo(text):
    """`1,234.5` as 123450. Money never becomes a floating-point number."""
    naira, _, rest = text.replace(",", "").partition(".")
    if not naira.lstrip("-").isdigit() or len(rest) > 2 or (rest and not rest.isdigit()):
        raise Refused("data_incomplete", "The export has an amount that is no number.")
    minor = int(naira.lstrip("-")) * 100 + int(rest.ljust(2, "0"))
    return -minor if naira.startswith("-") else minor


def naira(minor):
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100:,}.{abs(minor) % 100:02}"


class Export:
    """The bank's files, read anew for each question: they are replaced every night."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def rows(self, name):
        try:
            with open(self.folder / name, encoding="utf-8", newline="") as file:
                return list(csv.DictReader(file))
        except FileNotFoundError:
            raise Refused("provider_unavailable", "The bank's export is not there.", retry_after_seconds=300)

    def customer(self, username):
        return next((row for row in self.rows("customers.csv") if row["username"] == username), None)

    def accounts(self, username):
        return [row for row in self.rows("accounts.csv") if row["username"] == username]

    def account(self, username, number):
        for row in self.accounts(username):
            if row["number"] == number:
                return row
        raise Refused("account_not_found")

    def transactions(self, number, first, last):
        """Newest first. The file has the oldest first, so that its order tells what came later on one day."""
        rows = [row for row in self.rows("transactions.csv") if row["account"] == number]
        return [row for row in rows if first <= row["date"] <= last][::-1]


class Memory:
    """What must outlive the program: counted tries and withdrawn logins. Kubewa may stop and start it at any time."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "memory.json"

    def read(self):
        try:
            return json.loads(self.path.read_text())
        except FileNotFoundError:
            return {"tries": {}, "withdrawn": []}

    def write(self, memory):
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps(memory))
        os.replace(beside, self.path)

    def count_try(self, what, now):
        """How often this was tried within a quarter of an hour, this time included."""
        memory = self.read()
        count, since = memory["tries"].get(what, [0, now])
        count, since = (1, now) if now - since > 900 else (count + 1, since)
        memory["tries"][what] = [count, since]
        self.write(memory)
        return count

    def forget_tries(self, what):
        memory = self.read()
        if memory["tries"].pop(what, None):
            self.write(memory)

    def withdraw(self, login):
        memory = self.read()
        if login not in memory["withdrawn"]:
            memory["withdrawn"].append(login)
            self.write(memory)

    def is_withdrawn(self, login):
        return login in self.read()["withdrawn"]


# MARK: secrets


def hashed(password, salt):
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**12, r=8, p=1).hex()


def one_time_code(secret, seconds):
    """What the customer's phone shows: RFC 6238 with half a minute and six digits."""
    digest = hmac.new(secret.encode(), struct.pack(">Q", seconds // 30), "sha1").digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start:start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


# MARK: Kubewa's questions


class Bank:
    def __init__(self, folder):
        self.export = Export(folder)
        self.memory = Memory(folder)

    def answer(self, request):
        operation = getattr(self, "do_" + str(request.get("operation")), None)
        if operation is None:
            raise Refused("unsupported")
        return operation(request)

    def do_describe(self, request):
        return {
            "protocol": PROTOCOL, "name": "Palm Savings",
            "products": ["accounts", "balance", "transactions", "identity"],
            "history_months_max": 12, "window_days_max": 31, "max_in_flight": 1,
        }

    def do_health(self, request):
        self.export.rows("customers.csv")
        return {"health": "healthy"}

    # A person links. What must be known later travels in `state`; no secret belongs there.

    def do_begin_link(self, request):
        return {"step": self.login_form(), "state": {"stage": "login"}}

    def do_continue_link(self, request):
        state, fields = request["state"], request["answer"]["fields"]
        now = seconds(request["context"]["now"])
        if state.get("stage") == "login":
            return self.log_in(fields, now)
        if state.get("stage") == "code":
            return self.check_code(state, fields, now)
        raise Refused("invalid_request")

    def log_in(self, fields, now):
        username, password = fields.get("username", "").strip().lower(), fields.get("password", "")
        state = {"stage": "login"}
        if not username or not password:
            return {"step": self.login_form("Enter the user name and the password."), "state": state}
        customer = self.export.customer(username)
        # An unknown user takes as long as a wrong password, and reads the same.
        told = hashed(password, customer["salt"] if customer else "none")
        if customer is None or not hmac.compare_digest(told, customer["password"]):
            tries = self.memory.count_try(f"password {username}", now)
            if tries >= PASSWORD_TRIES:
                return {"step": {"kind": "failed", "code": "user_locked"}, "state": state}
            problem = "The user name or the password is wrong."
            return {"step": self.login_form(problem, PASSWORD_TRIES - tries), "state": state}
        self.memory.forget_tries(f"password {username}")
        return {"step": self.code_form(customer), "state": {"stage": "code", "user": username}}

    def check_code(self, state, fields, now):
        customer = self.export.customer(state["user"])
        if customer is None:
            raise Refused("access_denied")
        code = fields.get("otp", "").strip()
        if not code:
            return {"step": self.code_form(customer, "Enter the code."), "state": state}
        # The one before is still good: the clock turns while a person types.
        good = [one_time_code(customer["code_secret"], now - back) for back in (0, 30)]
        if not any(hmac.compare_digest(code.encode(), each.encode()) for each in good):
            tries = self.memory.count_try(f"code {state['user']}", now)
            if tries >= CODE_TRIES:
                return {"step": {"kind": "failed", "code": "mfa_failed"}, "state": state}
            return {"step": self.code_form(customer, "The code is wrong.", CODE_TRIES - tries), "state": state}
        self.memory.forget_tries(f"code {state['user']}")
        grant = {"user": state["user"], "login": secrets.token_hex(8), "round": 0}
        linked = {"grant": grant, "accounts": self.accounts(state["user"]), "user_id": state["user"]}
        return {"step": {"kind": "done"}, "state": state, "linked": linked}

    @staticmethod
    def login_form(problem=None, attempts_left=None):
        return {
            "kind": "form", "name": "credentials", "prompt": "Log in with your Palm Savings details.",
            "fields": [
                {"key": "username", "kind": "text", "label": "User name"},
                {"key": "password", "kind": "secret", "label": "Password"},
            ],
            "problem": problem, "attempts_left": attempts_left,
        }

    @staticmethod
    def code_form(customer, problem=None, attempts_left=None):
        return {
            "kind": "form", "name": "otp",
            "prompt": f"Enter the code that the Palm app shows on your phone ending in {customer['phone'][-2:]}.",
            "fields": [{"key": "otp", "kind": "otp", "label": "One-time password"}],
            "problem": problem, "attempts_left": attempts_left,
        }

    # With a grant.

    def user(self, request):
        grant = request["grant"]
        if self.memory.is_withdrawn(grant["login"]):
            raise Refused("consent_revoked")
        if self.export.customer(grant["user"]) is None:
            raise Refused("reauth_required")
        return grant["user"]

    def do_refresh_auth(self, request):
        self.user(request)
        return {"grant": {**request["grant"], "round": request["grant"]["round"] + 1}}

    def do_revoke(self, request):
        self.memory.withdraw(request["grant"]["login"])
        return {}

    def do_accounts(self, request):
        return {"accounts": self.accounts(self.user(request))}

    def accounts(self, username):
        holder = self.export.customer(username)["name"]
        return [
            {
                "id": row["number"], "number": row["number"], "name": row["name"], "holder": holder,
                "type": row["type"], "currency": "NGN", "active": True,
            }
            for row in self.export.accounts(username)
        ]

    def do_balance(self, request):
        account = self.export.account(self.user(request), request["account"])
        balance = kobo(account["balance"])
        return {
            "currency": "NGN", "ledger_minor": balance, "available_minor": balance, "as_of": request["context"]["now"],
        }

    def do_transactions(self, request):
        account = self.export.account(self.user(request), request["account"])
        rows = self.export.transactions(account["number"], request["from"], request["to"])
        # The cursor is the reference of the last row that was given: a new row on top moves nothing.
        places = {row["reference"]: place for place, row in enumerate(rows)}
        cursor = request.get("cursor")
        if cursor is not None and cursor not in places:
            raise Refused("invalid_request")
        start = 0 if cursor is None else places[cursor] + 1
        page = rows[start:start + PAGE_ROWS]
        more = start + PAGE_ROWS < len(rows)
        return {
            "transactions": [self.transaction(row) for row in page],
            "next_cursor": page[-1]["reference"] if more else None,
        }

    @staticmethod
    def transaction(row):
        amount = kobo(row["credit"]) if row["credit"] else -kobo(row["debit"])
        at = datetime.datetime.fromisoformat(f"{row['date']}T{row['time']}").replace(tzinfo=LAGOS)
        return {
            "id": row["reference"], "status": "booked", "amount_minor": amount, "currency": "NGN",
            "booked_on": row["date"], "occurred_at": at.isoformat(), "description": row["narration"],
            "reference": row["reference"], "running_balance_minor": kobo(row["balance"]),
        }

    def do_identity(self, request):
        customer = self.export.customer(self.user(request))
        return {
            "identity": {
                "full_name": customer["name"], "phones": [customer["phone"]], "emails": [customer["email"]],
                "bvn": customer["bvn"],
            }
        }


def seconds(instant):
    return int(datetime.datetime.fromisoformat(instant.replace("Z", "+00:00")).timestamp())


def serve(folder):
    bank = Bank(folder)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": bank.answer(request)}
        except Refused as refused:
            answer = {"error": refused.answer}
        except Exception as error:  # Whatever it is, Kubewa gets an answer and goes on with the next customer.
            where = error.__traceback__
            while where.tb_next:
                where = where.tb_next
            # The kind and the place; what an exception says may hold a customer's data.
            print(f"{type(error).__name__} at line {where.tb_lineno}", file=sys.stderr, flush=True)
            answer = {"error": {"code": "provider_unavailable"}}
        # One answer, one line, at once; the number comes first, so that it is found soon.
        print(json.dumps({"id": request["id"], **answer}), flush=True)


# MARK: a made-up export


def make(folder, day):
    """The same folder for the same day, each time."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(7)
    customers = [
        ("ada", "palm-tree-41", "Ada Obi", "08030000041", "22200000041"),
        ("musa", "river-stone-17", "Musa Bello", "08050000017", "22200000017"),
    ]
    write(folder / "customers.csv", ["username", "salt", "password", "code_secret", "name", "phone", "email", "bvn"], [
        [user, user[::-1], hashed(password, user[::-1]), f"code-{user}", name, phone, f"{user}@example.com", bvn]
        for user, password, name, phone, bvn in customers
    ])
    accounts, transactions = [], []
    for number, (user, *_) in enumerate(customers):
        for place, kind in enumerate(["Savings", "Current"]):
            account = f"30{number + 1}00000{place + 41}"
            rows, balance = history(chance, account, day)
            transactions += rows
            accounts.append([user, account, f"Palm {kind}", kind, naira(balance)])
    write(folder / "accounts.csv", ["username", "number", "name", "type", "balance"], accounts)
    heading = ["account", "date", "time", "reference", "narration", "debit", "credit", "balance"]
    write(folder / "transactions.csv", heading, transactions)


def history(chance, account, day):
    rows, balance = [], 25_000_000
    for back in range(364, -1, -1):
        date = day - datetime.timedelta(days=back)
        for number in range(chance.randint(0, 3) if back else 2):
            amount = -chance.randint(10_000, 900_000)
            text = chance.choice(NARRATIONS)
            if date.day == 25 and number == 0:
                amount, text = 45_000_000, "SALARY GREENFIELD LTD"
            balance += amount
            reference = f"PS{account[-4:]}{date:%y%m%d}{number}"
            debit, credit = (naira(-amount), "") if amount < 0 else ("", naira(amount))
            at = f"{8 + number * 3:02}:15:00"
            rows.append([account, date.isoformat(), at, reference, text, debit, credit, naira(balance)])
    return rows, balance


def write(path, heading, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([heading, *rows])


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("make", "code", "serve"):
        sys.exit(__doc__)
    command, folder, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    if command == "make":
        make(folder, datetime.date.fromisoformat(rest[0]) if rest else datetime.date.today())
    elif command == "code":
        customer = Export(folder).customer(rest[0] if rest else "")
        print(one_time_code(customer["code_secret"], int(time.time())) if customer else "There is no such customer.")
    else:
        serve(folder)


if __name__ == "__main__":
    main()
