"""The scripted catalogue beside Rucio's own client, which finds there what this program has put there."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from oscarcli.config.model import TlsSettings
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.definition import ProviderDefinition
from oscarcli.storage.location import Location
from oscarcli.storage.rucio.opening import open_rucio
from oscarcli.storage.source import FileSource
from tests.support import rucio_client
from tests.support.certificate import certified
from tests.support.rucio_servers import ACCOUNT, PASSWORD, RSE, SCOPE, USERNAME, rucio_grid

pytestmark = pytest.mark.skipif(
    not rucio_client.ENVIRONMENT.is_installed, reason=rucio_client.ENVIRONMENT.reason
)
CALLS: list[rucio_client.Call] = [
    ("get_metadata", [SCOPE, "run-7.root"], {}),
    ("get_metadata", [SCOPE, "nothing"], {}),
    ("list_scopes", [], {}),
    ("list_dids", [SCOPE, [{"name": "run*"}]], {"did_type": "file"}),
    ("list_replicas", [[{"scope": SCOPE, "name": "run-7.root"}]], {"schemes": ["davs"], "domain": "wan"}),
    ("get_rse", [RSE], {}),
    ("lfns2pfns", [RSE, [f"{SCOPE}:new"]], {"operation": "write", "scheme": "davs"}),
    ("add_replicas", [RSE, [{"scope": SCOPE, "name": "run-7.root", "bytes": 1, "adler32": "0"}]], {}),
    ("add_replication_rule", [[{"scope": SCOPE, "name": "run-7.root"}], 1, RSE], {"account": ACCOUNT}),
    ("set_metadata", [SCOPE, "run-7.root", "lifetime", 86400], {}),
    ("get_metadata", [SCOPE, "run-7.root"], {}),
    ("set_metadata", [SCOPE, "run-7.root", "lifetime", None], {}),
    ("get_metadata", [SCOPE, "run-7.root"], {}),
    ("list_did_rules", [SCOPE, "run-7.root"], {}),
    ("list_did_rules", [SCOPE, "nothing"], {}),
]


def test_both_clients_say_the_same_to_the_catalogue(tmp_path: Path) -> None:
    _, voucher = certified(tmp_path)
    with rucio_grid(tmp_path / "server.pem") as running, tempfile.TemporaryDirectory() as short:
        tls = TlsSettings(ca_file=str(voucher))
        definition = running.definition()
        given = ProviderDefinition("rucio.test", definition, 30, None, tls, lambda _: None, print, None)
        (tmp_path / "f").write_bytes(b"0123456789")
        cancellation = Cancellation()
        place = Location(SCOPE, "run-7.root")
        with closing(open_rucio(given)) as storage:
            with FileSource(tmp_path / "f", lambda _: None, cancellation) as source:
                storage.write(place, source, content_type="text/plain", cancellation=cancellation)
            storage.remove(place)
        ours = [dict(rule) for rule in running.grid.rules]
        settings = {
            "rucio_host": f"https://{running.host}",
            "auth_host": f"https://{running.host}",
            "auth_type": "userpass",
            "username": USERNAME,
            "password": PASSWORD,
            "account": ACCOUNT,
            "ca_cert": str(voucher),
        }
        answers = rucio_client.ask(Path(short), settings, CALLS)
        grid = running.grid
        assert [answers[0][name] for name in ("did_type", "bytes", "adler32")] == ["FILE", 10, "0aff020e"]
        assert answers[1] == {"raised": "DataIdentifierNotFound"}
        assert answers[2:4] == [grid.scopes, ["run-7.root"]]
        assert list(answers[4][0]["pfns"]) == [grid.pfn(SCOPE, "run-7.root")]
        assert answers[5]["protocols"] == grid.rse["protocols"]
        assert answers[6] == {f"{SCOPE}:new": grid.pfn(SCOPE, "new")}
        assert answers[7] == {"raised": "Duplicate"}
        assert answers[8] == ["rule-2"]
        assert grid.erased == [(SCOPE, "run-7.root")] * 2
        assert [answers[number]["expired_at"] is None for number in (10, 12)] == [False, True]
        assert [rule["account"] for rule in answers[13]] == [ACCOUNT] * 2
        assert answers[14] == []
        # What both send, they send alike.
        theirs = grid.rules[1]
        assert ours == [{name: theirs[name] for name in ours[0]}]
