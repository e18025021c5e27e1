"""`kubewa statement read` against independent readers of the same formats, row for row, on every sample."""

import datetime
import decimal
import json
import pathlib
import subprocess
import warnings

import lxml.etree
import mt940
import mt940.options
import mt940.tags
import ofxparse
import ofxtools.Parser
import pytest
import requests

from harness import BINARY, REQUEST_SECONDS, ROOT, Kubewa, SQLite

SAMPLES = ROOT / "Tests" / "ConnectorTests" / "Fixtures" / "statements"
REFUSED = {"error_message.ofx": "bank_error", "signon_fail.ofx": "bank_error", "fail-locked.ofx": "bank_error"}
REFUSED |= {"fail-ambiguous.csv": "ambiguous_dates", "fail-headings.csv": "no_profile", "fail-pdf.csv": "wrong_kind"}
REFUSED |= {"fail-doctype.xml": "bomb", "fail-zip-bomb.zip": "bomb", "fail-zip-xlsx.csv": "wrong_kind"}
REFUSED |= {"fail-zip-cut.zip": "truncated"}
# The dates of these can be read in two ways; this is what the person says.
ASKED = {"csv-palmpay.csv": "month_first"}
ARCHIVES = ("several", "nested", "nested-hidden", "none", "locked", "damaged")
REFUSED |= {f"fail-zip-{name}.zip": "archive" for name in ARCHIVES}


def is_refused(path):
    return path.name.startswith("fail-") or ".wrong." in path.name or path.name in REFUSED


def samples(*patterns, refused=False):
    """Those that are read, or those that must not be."""
    found = [path for pattern in patterns for path in sorted(SAMPLES.glob(pattern)) if is_refused(path) == refused]
    found = [path for path in found if path.suffix != ".txt"]
    return pytest.mark.parametrize("path", found, ids=[f"{path.parent.name}/{path.name}" for path in found])


def read(path, *options):
    """The events that the real command tells, and its exit status."""
    command = [str(BINARY), "statement", "read", str(path), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=REQUEST_SECONDS)
    return [json.loads(line) for line in done.stdout.splitlines()], done


def rows(path, *options):
    events, done = read(path, *options)
    assert done.returncode == 0, done.stderr
    assert events[-1]["event"] == "done"
    told = [event for event in events if event["event"] == "row"]
    assert events[-1]["rows"] == len(told)
    return told


def text(value):
    return (value or "").strip() or None


def alike(row, expected):
    """A row of ours with the members that the other reader tells."""
    members = expected[0] if expected else row
    return {member: row[member] for member in members} | {"amount": decimal.Decimal(row["amount"])}


def decoded(path):
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252")


def mt940_rows(path):
    """The rows of PyPI mt-940, with its corrections of reversals, and without merging field 86 into field 61."""
    tags = {}
    if "gls" in path.name:
        tags[61] = mt940.tags.StatementGLS()
    if "asn" in path.name:
        tags[61] = mt940.tags.StatementASNB()
    read = mt940.models.Transactions(
        processors={"post_transaction_details": []}, tags=tags, options=mt940.options.Options.all()
    )
    read.parse(decoded(path))
    found = []
    for row in read.transactions:
        data = row.data
        value = data["date"]
        entry = data.get("entry_date") or value
        found.append(
            {
                "date": entry.isoformat(),
                "value_date": value.isoformat(),
                "amount": data["amount"].amount,
                "currency": data["amount"].currency,
                "customer_reference": text(data.get("customer_reference")),
                "bank_reference": text(data.get("bank_reference")),
                "code": text(data.get("id")),
            }
        )
    return found


@samples("mt940/*.sta", "made/mt94*.sta")
def test_mt940_gives_the_rows_that_mt_940_gives(path):
    expected = mt940_rows(path)
    told = rows(path)
    assert [alike(row, expected) for row in told] == expected


def ofxtools_rows(path):
    """None when the file is outside what ofxtools accepts; it is strict about lengths and headers."""
    parser = ofxtools.Parser.OFXTree()
    try:
        parser.parse(str(path))
        converted = parser.convert()
    except Exception:
        return None
    return [
        {
            "date": row.dtposted.date().isoformat(),
            "amount": row.trnamt,
            "currency": statement.curdef,
            "id": row.fitid,
            "customer_reference": text(row.refnum or row.checknum),
        }
        for statement in converted.statements
        for row in statement.transactions or []
    ]


def ofxparse_rows(path):
    """None when the file is outside what ofxparse accepts: it needs each header on a line of its own."""
    if path.name == "ofx-oneline.ofx":
        return None
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore")
        read = ofxparse.OfxParser.parse(file)
    return [
        {
            "date": row.date.date().isoformat(),
            "amount": row.amount,
            "currency": account.curdef,
            "id": row.id,
        }
        for account in read.accounts
        for row in account.statement.transactions
    ]


ofx_samples = samples("ofx/*.ofx", "made/ofx-*")


def test_the_day_of_a_moment_is_that_of_other_readers_and_in_nigeria_the_one_that_its_customers_see(tmp_path):
    sample = (SAMPLES / "made" / "ofx-moments.ofx").read_text()
    home = tmp_path / "home.ofx"
    home.write_text(sample.replace("20240102093000[+1:WAT]", "20240102003000[+1:WAT]"))
    assert [row["date"] for row in rows(home)] == ["2024-01-03"] * 2 + ["2024-01-02"] * 5
    assert [row["occurred_at"] for row in rows(home)][-1] == "2024-01-01T23:30:00.000Z"


@ofx_samples
def test_ofx_gives_the_rows_that_ofxparse_and_ofxtools_give(path):
    told = rows(path)
    answers = [found for found in (ofxparse_rows(path), ofxtools_rows(path)) if found is not None]
    assert answers
    for expected in answers:
        assert [alike(row, expected) for row in told] == expected


def test_ofxtools_reads_enough_samples_to_be_an_oracle():
    read_by_it = [path for path in SAMPLES.glob("*/*.[oq]fx") if not is_refused(path) and ofxtools_rows(path)]
    assert len(read_by_it) >= 4


@samples("ofx/*", "made/fail-*", "camt/*.wrong.xml", refused=True)
def test_what_must_not_be_read_is_refused_with_a_code_and_a_way_out(path):
    events, done = read(path)
    assert done.returncode == 1
    refusal = events[-1]
    assert refusal["event"] == "error"
    expected = {"fail-cut": "truncated"}.get(path.stem, REFUSED.get(path.name))
    if expected:
        assert refusal["code"] == expected
    else:
        assert refusal["code"] in {"malformed", "unknown_format"}
    assert f"refused: {refusal['code']}" in done.stderr
    assert refusal["message"].rstrip(".").split(";")[-1].strip()


def camt_rows(path):
    """The entries of a message by its structure alone, without namespaces."""
    tree = lxml.etree.parse(str(path), lxml.etree.XMLParser(resolve_entities=False, no_network=True))
    for element in tree.iter(lxml.etree.Element):
        element.tag = lxml.etree.QName(element).localname
    found = []
    for entry in tree.iter("Ntry"):
        amount = entry.find("Amt")
        sign = -1 if entry.findtext("CdtDbtInd") == "DBIT" else 1
        days = (entry.findtext(f"{name}/{kind}") for name in ("BookgDt", "ValDt") for kind in ("Dt", "DtTm"))
        created = entry.getparent().findtext("CreDtTm") or tree.findtext(".//GrpHdr/CreDtTm")
        details = entry.findall(".//TxDtls")
        found.append(
            {
                "date": next((day for day in days if day), created)[:10],
                "amount": sign * decimal.Decimal(amount.text),
                "currency": amount.get("Ccy"),
                "bank_reference": entry.findtext("AcctSvcrRef"),
                "customer_reference": details[0].findtext("Refs/EndToEndId") if len(details) == 1 else None,
            }
        )
    return found


@samples("camt/*.xml", "made/camt*.xml")
def test_camt_gives_the_entries_that_stand_in_the_message(path):
    expected = camt_rows(path)
    assert expected
    told = rows(path)
    assert [{key: row[key] for key in expected[0]} | {"amount": decimal.Decimal(row["amount"])} for row in told] == expected


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all samples, and how to ask its API."""
    folder = tmp_path_factory.mktemp("statements")
    made = Kubewa(folder, SQLite(folder), options=["--address-limit", "0"])
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def ask(server):
    key = server.make_tenant("Shop").created["environments"]["production"]["secret_key"]

    def ask(path, **request):
        headers = {"Authorization": f"Bearer {key}"}
        return requests.post(server.url + path, headers=headers, timeout=REQUEST_SECONDS, **request)

    return ask


def upload(ask, path, **options):
    session = ask("/api/v1/link_sessions", json={"institution": "access-bank"})
    assert session.status_code == 201, session.text
    options["name"] = path.name
    return ask(f"/api/v1/link_sessions/{session.json()['id']}/file", data=path.read_bytes(), params=options)


def by_account(events):
    """Day and amount of the rows of each account, as the command tells them: a part for each number and currency."""
    found, number, currency = {}, None, None
    for event in events:
        if event["event"] == "begin":
            number, currency = event["account_number"], event["currency"]
        elif event["event"] == "row":
            account = (number and number[-4:], event["currency"] or currency or "NGN")
            found.setdefault(account, []).append((event["date"], event["amount_minor"]))
    return found


@samples("*/*")
def test_every_sample_is_shown_by_a_real_server_with_the_rows_that_the_command_reads(ask, path):
    order = ASKED.get(path.name)
    if order:
        assert upload(ask, path).json()["error"]["code"] == "statement_ambiguous_dates"
    expected = by_account(read(path, *(["--dates", order] if order else []))[0])
    answer = upload(ask, path, **({"date_order": order} if order else {}))
    if path.name == "bank_small.ofx":
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "statement_no_rows")
        return
    assert answer.status_code == 200, answer.text
    step = answer.json()["step"]
    assert step["kind"] == "confirm_statement"
    told = {}
    for account in step["accounts"]:
        first, last = (
            [(row["booked_on"], row["amount_minor"]) for row in account[name]] for name in ("first_rows", "last_rows")
        )
        want = expected.get((account["mask"], account["currency"]), [])
        assert account["rows"] == len(want)
        assert (first, last) == (want[:3], want[3:][-3:])
        told[account["mask"], account["currency"]] = account["rows"]
    assert {account: count for account, count in told.items() if count} == {
        account: len(found) for account, found in expected.items()
    }


@samples("*/*", refused=True)
def test_what_the_command_refuses_the_server_refuses_for_the_same_reason(ask, path):
    events, _ = read(path)
    answer = upload(ask, path)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == f"statement_{events[-1]['code']}"


def test_a_folder_of_profiles_adds_one_without_code_and_a_mistake_is_told(tmp_path):
    statement = tmp_path / "bank.csv"
    statement.write_text("Quand;Quoi;Combien\n31.01.2024;Pain;-1.500,25\n")
    refused, done = read(statement)
    assert done.returncode == 1 and refused[-1]["code"] == "no_profile"
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    profile = {
        "slug": "ma-banque",
        "columns": {"date": ["Quand"], "text": ["Quoi"], "amount": ["Combien"]},
        "decimal": ",",
        "currency": "XOF",
    }
    (profiles / "ma-banque.json").write_text(json.dumps(profile | {"currency": "EUR"}))
    (told,) = rows(statement, "--profiles", str(profiles))
    assert (told["date"], told["amount"], told["currency"], told["text"]) == ("2024-01-31", "-1500.25", "EUR", "Pain")

    def run(*arguments):
        command = [str(BINARY), "statement", "profiles", *arguments, "--profiles", str(profiles)]
        return subprocess.run(command, capture_output=True, text=True)

    assert "ma-banque  ma-banque  ma-banque.json" in run("list").stdout
    checked = run("check", "--csv", str(statement))
    assert checked.returncode == 0 and "is read by ma-banque: 1 rows, 0 notes." in checked.stdout
    (profiles / "wrong.json").write_text(json.dumps(profile | {"slug": "b", "dates": "iso"}))
    checked = run("check")
    assert checked.returncode == 1
    assert "wrong.json: `dates` is not what it may be; allowed: \"day_first\"" in checked.stderr


def test_a_large_csv_needs_no_more_memory_than_a_small_one(tmp_path):
    big = tmp_path / "big.csv"
    count, balance = 200_000, 0
    with big.open("w") as file:
        file.write("Trans Date,Narration,Reference,Debit,Credit,Balance\n")
        for number in range(count):
            balance += 1250
            text = "NIP TRANSFER FROM ADA OBI TO CHIDI EZE FOR GOODS"
            file.write(f"{number % 28 + 1:02}/01/2024,{text},{number:020},,12.50,{balance // 100}.{balance % 100:02}\n")
    assert big.stat().st_size > 18 << 20
    script = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True)\n"
        "print(done.stdout.splitlines()[-1])\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.exit(done.returncode)\n"
    )
    done = subprocess.run(
        ["python3", "-c", script, str(BINARY), "statement", "read", str(big)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    last, peak_kib = done.stdout.splitlines()
    assert last == f"1 statements, {count} rows"
    assert int(peak_kib) < 64 << 10


def test_balances_and_accounts_of_a_file_with_two_accounts():
    events, _ = read(SAMPLES / "made" / "ofx-two-accounts.ofx")
    begins = [event for event in events if event["event"] == "begin"]
    assert [begin["account_number"] for begin in begins] == ["0001112223", "5399000000001234"]
    assert [begin["currency"] for begin in begins] == ["NGN", "USD"]
    ends = [event["closing"] for event in events if event["event"] == "end"]
    assert ends == [
        {"amount": "150", "currency": "NGN", "on": "2024-01-31"},
        {"amount": "-9.99", "currency": "USD", "on": "2024-01-31"},
    ]


def test_a_person_is_shown_a_summary_and_a_missing_file_is_told():
    shown = subprocess.run(
        [str(BINARY), "statement", "read", str(SAMPLES / "mt940" / "knab.sta")], capture_output=True, text=True
    )
    assert shown.returncode == 0
    assert "account    123456789 EUR" in shown.stdout
    assert "opening    3058.98 EUR on 2014-07-29" in shown.stdout
    assert "2 statements, 3 rows" in shown.stdout
    missing = subprocess.run([str(BINARY), "statement", "read", "/nowhere.sta"], capture_output=True, text=True)
    assert missing.returncode != 0
    assert "no file of this name" in missing.stderr


def test_standard_input_is_read_too():
    path = SAMPLES / "mt940" / "generic.sta"
    with path.open("rb") as file:
        done = subprocess.run(
            [str(BINARY), "statement", "read", "-", "--json"], stdin=file, capture_output=True, text=True
        )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["amount_minor"] for event in told if event["event"] == "row"] == [-1000, -1000]


def test_a_large_file_needs_no_more_memory_than_a_small_one(tmp_path):
    """The debug build holds 20 MB before it reads a byte; the benchmark sends 100 MB through the release build."""
    big = tmp_path / "big.sta"
    row = ":61:2401020102D12,34NTRFREF%07d//B%07d\r\n:86:020?00TRANSFER?20SVWZ+Payment of a bill?32ADA OBI\r\n"
    with big.open("w", newline="") as file:
        file.write(":20:BIG\r\n:25:0001112223NGN\r\n:28C:1/1\r\n:60F:C240101NGN0,\r\n")
        count = 200_000
        for number in range(count):
            file.write(row % (number, number))
        total = decimal.Decimal("12.34") * count
        file.write(f":62F:D240131NGN{str(total).replace('.', ',')}\r\n-\r\n")
    assert big.stat().st_size > 18 << 20
    script = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True)\n"
        "print(done.stdout.splitlines()[-1])\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.exit(done.returncode)\n"
    )
    done = subprocess.run(
        ["python3", "-c", script, str(BINARY), "statement", "read", str(big)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    last, peak_kib = done.stdout.splitlines()
    assert last == f"1 statements, {count} rows"
    assert int(peak_kib) < 64 << 10
