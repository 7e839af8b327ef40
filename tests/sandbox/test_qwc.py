import pytest

from hub.sandbox import qwc
from hub.sandbox.qwc import QBWCError

GOOD = """<?xml version="1.0"?>
<QBWCXML>
 <AppName>Hub - Acme (42)</AppName><AppID></AppID>
 <AppURL>https://hub.example.com/qbwc</AppURL>
 <AppDescription>Sends billing data to QuickBooks</AppDescription>
 <AppSupport>https://hub.example.com/support</AppSupport>
 <UserName>t42-acme</UserName>
 <OwnerID>{57F3B9B1-86F1-4fcc-B1EE-566DE1813D20}</OwnerID>
 <FileID>{90A44FB5-33D9-4815-AC85-BC87A7E7D1EB}</FileID>
 <QBType>QBFS</QBType><Style>Document</Style><AuthFlags>0xF</AuthFlags>
 <Scheduler><RunEveryNMinutes>60</RunEveryNMinutes></Scheduler>
 <IsReadOnly>false</IsReadOnly>
</QBWCXML>
"""


def test_a_good_file_is_read(tmp_path):
    path = tmp_path / "acme.qwc"
    path.write_text(GOOD)
    read = qwc.load(path)
    assert (read.app_name, read.username, read.seconds) == ("Hub - Acme (42)", "t42-acme", 3600)
    assert read.app_url == "https://hub.example.com/qbwc"


def test_seconds_and_no_schedule_at_all():
    every = GOOD.replace("RunEveryNMinutes>60", "RunEveryNSeconds>30").replace(
        "</RunEveryNMinutes>", "</RunEveryNSeconds>"
    )
    assert qwc.parse(every).seconds == 30
    assert qwc.parse(GOOD.replace("60", "")).seconds == qwc.DEFAULT_SECONDS


@pytest.mark.parametrize("host", ["localhost", "localhost:6543"])
def test_localhost_needs_no_https(host):
    text = GOOD.replace("https://hub.example.com", f"http://{host}")
    assert qwc.parse(text).app_url == f"http://{host}/qbwc"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("https://hub.example.com/support", "https://other.example.com/support", 1000),
        ("https://hub.example.com/qbwc", "https://127.0.0.1/qbwc", 1001),
        ("https://hub.example.com/support", "https://[::1]/support", 1002),
        ("https://hub.example.com/qbwc", "http://hub.example.com/qbwc", 1010),
        ("https://hub.example.com/qbwc", "hub", 1039),
        ("<UserName>t42-acme</UserName>", "", 1039),
        ("t42-acme", "", 1039),
        ("<AppID></AppID>", "", 1039),
        ("{57F3B9B1", "57F3B9B1", 1039),
        ("QBFS", "QBPOS", 1039),
        ("QBFS", "QBXX", 1039),
        (">Document<", ">RPC<", 1039),
        ("0xF", "all", 1034),
        ("</QBWCXML>", "", 1039),
        ("QBWCXML", "QWCXML", 1039),
        ("<QBWCXML>", '<!DOCTYPE x [<!ENTITY y "z">]><QBWCXML>', 1039),
    ],
)
def test_files_the_web_connector_refuses(old, new, code):
    with pytest.raises(QBWCError) as caught:
        qwc.parse(GOOD.replace(old, new))
    assert caught.value.code == f"QBWC{code}"


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(QBWCError, match="QBWC1039"):
        qwc.load(tmp_path / "none.qwc")
