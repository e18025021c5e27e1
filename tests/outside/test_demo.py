"""What a newcomer does first: the demo, and the guide that goes on from it, word for word."""

import re
import subprocess

import pytest
import requests

from harness import ROOT, Demo, free_port

GUIDE = ROOT / "docs" / "guides" / "first-integration.md"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    demo = Demo(tmp_path_factory.mktemp("demo"))
    try:
        demo.wait_for("transaction.success")
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.stop()


def test_the_demo_tells_where_its_shop_is_and_prints_verified_webhooks(demo):
    shop = f"http://127.0.0.1:{demo.shop_port}/"
    demo.wait_for("✓ verified  balance.success")
    demo.wait_for("✓ verified  transaction.success")
    assert f"The demo shop is open:  {shop}" in demo.output()
    page = requests.get(shop, timeout=10)
    assert page.status_code == 200
    assert f"http://127.0.0.1:{demo.port}/v2/bundle.js" in page.text


def test_the_curl_that_the_demo_prints_answers_with_data(demo):
    demo.wait_for("Read it back:")
    command = re.search(r"^  (curl -s .*\n.*'\{.*\}')$", demo.output(), re.MULTILINE).group(1)
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert '"status":"success"' in done.stdout
    assert '"available_balance":' in done.stdout


def test_the_shop_keeps_its_secrets_and_refuses_what_is_not_its_own(demo):
    shop = f"http://127.0.0.1:{demo.shop_port}"
    secret = re.search(r"secret key +(\S+)", demo.output()).group(1)
    for path in ("/", "/shop.js", "/shop.css"):
        answer = requests.get(shop + path, timeout=10)
        assert answer.status_code == 200
        assert secret not in answer.text and "whsec_" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert requests.get(shop, headers={"Host": "evil.example"}, timeout=10).status_code == 421
    json = {"account": "x", "amount_minor": 1}
    for headers, status in (({"Origin": "http://evil.example"}, 403), ({"Content-Type": "text/plain"}, 400)):
        assert requests.post(f"{shop}/orders", json=json, headers=headers, timeout=10).status_code == status
    stale = {"webhook-id": "evt_1", "webhook-timestamp": "-9223372036854775808", "webhook-signature": "v1,AAAA"}
    for headers in ({}, stale):
        assert requests.post(f"{shop}/hook", data="{}", headers=headers, timeout=10).status_code == 401


def test_the_guide_to_a_first_integration_works_as_it_stands(demo, tmp_path):
    """Every `sh` block, in its order, in one shell; only ports and files are this test's."""
    received = tmp_path / "received.txt"
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    arrived = "\n".join(
        f"until grep -q '^{event}.success' {received}; do sleep 0.1; done" for event in ("auth", "transaction")
    )
    script = "set -eu\n" + "\n".join(blocks)
    for written, meant in (
        ("http://127.0.0.1:7700", f"http://127.0.0.1:{demo.port}"),
        ("data/demo-keys.json", str(demo.data / "demo-keys.json")),
        ('" 3000 &', f'" 3000 > {received} &'),
        ("kill $RECEIVER", f"{arrived}\nkill $RECEIVER"),
        ("3000", str(free_port())),
    ):
        assert written in script
        script = script.replace(written, meant)
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    # The receiver printed what it verified; the API answered what was asked.
    assert re.search(r"^auth\.success", received.read_text(), re.MULTILINE)
    assert re.search(r"^transaction\.success [0-9a-f]{24} \d+$", received.read_text(), re.MULTILINE)
    assert '"running_balance_minor":' in done.stdout
    assert '"message":"Balance retrieved successfully"' in done.stdout
    assert '"bank_transaction":' in done.stdout
    assert '"error"' not in done.stdout


def test_the_shop_ends_with_the_demo(tmp_path):
    demo = Demo(tmp_path)
    demo.wait_for("The shop is open")
    assert demo.stop() == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{demo.shop_port}/", timeout=10)
