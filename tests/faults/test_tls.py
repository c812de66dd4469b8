"""Whom TLS trusts, what it shows, and what is said of a bad certificate: REST, OpenID Connect, S3."""

from __future__ import annotations

import ssl
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from oscarcli.config.model import TlsSettings
from oscarcli.network import trust
from oscarcli.network.trust import tls_context
from tests.conftest import Caller, Outcome, Runner
from tests.support.certificate import Authority, certified
from tests.support.oidc import REALM, ScriptedProvider
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, local_server
from tests.support.server import Answer, ScriptedServer, document, text
from tests.support.tls_front import Front, tls_front

LIST = ("service", "list")
FILES = ("service", "list-files", "svc", "minio.default", "data")


@dataclass
class Setup:
    """Servers in the making, and the configuration that names them."""

    call: Caller
    folder: Path
    stack: ExitStack
    authority: Authority
    keys: str = ""

    def cluster(self, tls: ssl.SSLContext, **keys: object) -> ScriptedServer:
        """Return a cluster that speaks TLS, with these keys in its entry."""
        server = self.stack.enter_context(ScriptedServer(tls))
        server.always("GET", "/system/services", document([{"name": "svc"}]))
        self.know(server.url, **keys)
        return server

    def know(self, endpoint: str, **keys: object) -> None:
        """Let a cluster be on record; keys of its entry may be paths."""
        lines = {"ssl_verify": "true", **{name: str(value) for name, value in keys.items()}}
        login = {} if "oidc_refresh_token" in keys else {"auth_user": "ada", "auth_password": "s3cr3t-pass"}
        entry = {"endpoint": endpoint, **login, **lines}
        text = "".join(f"    {name}: {value}\n" for name, value in entry.items())
        self.call.write_config(f"oscar:\n  test:\n{text}default: test\n")

    def front(self, tls: ssl.SSLContext, port: int) -> Front:
        return self.stack.enter_context(tls_front(tls, port))

    def provider(self, tls: ssl.SSLContext) -> ScriptedProvider:
        return self.stack.enter_context(ScriptedProvider(tls))

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


@pytest.fixture
def setup(call: Caller, tmp_path: Path) -> Iterator[Setup]:
    folder = tmp_path / "tls"
    folder.mkdir()
    with ExitStack() as stack:
        yield Setup(call, folder, stack, Authority(folder))


@pytest.fixture(scope="module")
def store_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A port at which an object store without TLS is, with a bucket."""
    from oscarcli.storage.s3.boto import boto_client

    with local_server(tmp_path_factory.mktemp("store")) as server:
        client = boto_client(server.settings)
        client.create_bucket(Bucket="data")
        client.close()
        yield int(server.endpoint.rpartition(":")[2])


# -- authorities ---------------------------------------------------------------------------------------


def test_a_clusters_own_authority_is_trusted(setup: Setup) -> None:
    context = setup.authority.server("127.0.0.1")
    setup.cluster(context, ca_file=setup.authority.certificate)
    assert setup.call(*LIST).code == 0


def test_in_the_form_of_windows_too(setup: Setup) -> None:
    content = ssl.PEM_cert_to_DER_cert(setup.authority.certificate.read_text())
    setup.cluster(setup.authority.server("127.0.0.1"), ca_file=setup.file("authority.crt", content))
    assert setup.call(*LIST).code == 0


def test_it_counts_beside_those_that_the_machine_trusts(setup: Setup) -> None:
    public = Authority(setup.folder, "Public")
    provider = setup.provider(public.server("127.0.0.1"))
    setup.cluster(
        setup.authority.server("127.0.0.1"),
        ca_file=setup.authority.certificate,
        oidc_refresh_token=provider.log_in(),
    )
    told = setup.call(*LIST)
    assert told.code == 6
    assert "signed by Public" in told.err
    found = setup.call(*LIST, env={"SSL_CERT_FILE": str(public.certificate)})
    assert found.code == 0, found.err


def test_a_folder_of_the_environment_is_trusted(setup: Setup) -> None:
    folder = setup.folder / "trusted"
    folder.mkdir()
    words = ("openssl", "x509", "-hash", "-noout", "-in", setup.authority.certificate)
    digest = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    (folder / f"{digest}.0").write_bytes(setup.authority.certificate.read_bytes())
    setup.cluster(setup.authority.server("127.0.0.1"))
    assert setup.call(*LIST).code == 6
    assert setup.call(*LIST, env={"SSL_CERT_DIR": str(folder)}).code == 0


GARBAGE = {
    "missing": (None, "there is no such file"),
    "empty": (b"", "it holds none in PEM or DER"),
    "garbage": (b"these are words\n", "it holds none in PEM or DER"),
    "binary": (b"\x30\x82\x01\x01garbage", "it holds none in PEM or DER"),
    "broken": (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "it holds a broken one"),
}


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("command", [LIST, ("doctor",)])
def test_an_authority_that_cannot_be_read_is_a_wrong_setting(
    setup: Setup, kind: str, command: tuple[str, ...]
) -> None:
    content, reason = GARBAGE[kind]
    path = setup.folder / "authority.pem" if content is None else setup.file("authority.pem", content)
    setup.cluster(setup.authority.server("127.0.0.1"), ca_file=path)
    result = setup.call(*command)
    told = result.err + result.out
    assert result.code == 3, told
    assert str(path) in told
    assert reason in told
    assert "oscar-cli cluster add ID URL ... --ca-file PATH --force" in told


def test_a_folder_in_its_place_is_one_too(setup: Setup) -> None:
    setup.cluster(setup.authority.server("127.0.0.1"), ca_file=setup.folder)
    result = setup.call(*LIST)
    assert (result.code, f"in {setup.folder} cannot be read: it is no file" in result.err) == (3, True)


def test_without_tls_nothing_is_read(setup: Setup) -> None:
    server = setup.stack.enter_context(ScriptedServer())
    server.always("GET", "/system/services", document([]))
    gone = setup.folder / "gone.pem"
    setup.know(server.url, ca_file=gone, client_cert=gone)
    assert setup.call(*LIST, env={"SSL_CERT_FILE": str(gone)}).code == 0


# -- certificates that are not good --------------------------------------------------------------------


@dataclass(frozen=True)
class Bad:
    """A certificate that is not trusted: how it is made, and what is said of it."""

    make: Callable[[Setup], tuple[ssl.SSLContext, Path | None]]
    words: tuple[str, ...]


def _self_signed(setup: Setup) -> tuple[ssl.SSLContext, Path | None]:
    return certified(setup.folder)[0], None


def _by(setup: Setup, **how: object) -> tuple[ssl.SSLContext, Path]:
    host = str(how.pop("host", "127.0.0.1"))
    return setup.authority.server(host, **how), setup.authority.certificate  # type: ignore[arg-type]


def _weak(setup: Setup) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(setup.authority.signed("127.0.0.1", bits=1024))
    return context


BAD = {
    "expired": Bad(
        lambda setup: _by(setup, days=(-30, -2)),
        ("it has expired", "signed by Authority of this test", "until 2", "renew it", "clock"),
    ),
    "not yet": Bad(lambda setup: _by(setup, days=(2, 30)), ("it is not yet valid", "valid from 2", "clock")),
    "self-signed": Bad(_self_signed, ("it is self-signed", "for 127.0.0.1", "--ca-file PATH --force")),
    "unknown issuer": Bad(
        lambda setup: (setup.authority.server("127.0.0.1"), None),
        ("nobody that this machine trusts signed it", "signed by Authority of", "--ca-file PATH --force"),
    ),
    "other authority": Bad(
        lambda setup: (
            setup.authority.server("127.0.0.1"),
            Authority(setup.folder, "Another").certificate,
        ),
        ("nobody that this machine trusts", "Another.pem do not vouch for it", "--ca-file PATH --force"),
    ),
    "weak": Bad(
        lambda setup: (_weak(setup), setup.authority.certificate),
        ("it is too weak", "key too weak", "for 127.0.0.1", "whoever runs the server"),
    ),
    "other name": Bad(
        lambda setup: _by(setup, host="oscar.example.org"),
        ("it is for another name", "for oscar.example.org", "use a name that it is for"),
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_wrong_with_a_clusters_certificate_is_told(setup: Setup, kind: str) -> None:
    context, voucher = BAD[kind].make(setup)
    server = setup.stack.enter_context(ScriptedServer(context))
    setup.know(server.url, **({"ca_file": voucher} if voucher else {}))
    _tells(setup.call(*LIST), kind, server.port)
    assert server.requests == []


@pytest.mark.parametrize("kind", BAD)
def test_the_same_for_an_identity_provider(setup: Setup, kind: str) -> None:
    context, voucher = BAD[kind].make(setup)
    provider = setup.provider(context)
    cluster = setup.stack.enter_context(ScriptedServer())
    trust = {"ca_file": voucher} if voucher else {}
    # That the cluster is not verified says nothing about the provider.
    setup.know(cluster.url, **{**trust, "oidc_refresh_token": provider.log_in(), "ssl_verify": "false"})
    _tells(setup.call(*LIST), kind, provider.port)
    assert provider.requests == []


@pytest.mark.parametrize("kind", BAD)
def test_the_same_for_an_object_store(setup: Setup, kind: str) -> None:
    context, voucher = BAD[kind].make(setup)
    store = setup.stack.enter_context(ScriptedServer(context))
    _cluster_with_store(setup, store.url, **({"ca_file": voucher} if voucher else {}))
    _tells(setup.call(*FILES), kind, store.port)
    assert store.requests == []


def _tells(result: Outcome, kind: str, port: int) -> None:
    assert (result.code, result.out) == (6, "")
    assert f"the TLS certificate of 127.0.0.1:{port} is not trusted: " in result.err
    for words in BAD[kind].words:
        assert words in result.err, words


def _cluster_with_store(setup: Setup, endpoint: str, service: object = None, **keys: object) -> None:
    """Let a cluster without TLS be on record that hands out keys of a store."""
    cluster = setup.stack.enter_context(ScriptedServer())
    cluster.always("GET", "/system/services/svc", document(service or {"name": "svc"}))
    cluster.always("GET", "/system/config", document({"minio_provider": _provider(endpoint)}))
    setup.know(cluster.url, **keys)


def _provider(endpoint: str) -> dict[str, object]:
    keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": "us-east-1"}
    return {"endpoint": endpoint, "verify": True, **keys}


def test_an_object_store_is_trusted_by_the_clusters_authority(setup: Setup, store_port: int) -> None:
    front = setup.front(setup.authority.server("127.0.0.1"), store_port)
    _cluster_with_store(setup, f"https://127.0.0.1:{front.port}", ca_file=setup.authority.certificate)
    assert setup.call(*FILES).code == 0
    shared = tls_context(TlsSettings(ca_file=str(setup.authority.certificate)))
    assert shared.check_hostname, "the store's library leaves names to itself, and the HTTP library does not"


def test_the_users_bundle_for_object_stores_counts_and_is_named_when_it_is_none(
    setup: Setup, store_port: int
) -> None:
    front = setup.front(setup.authority.server("127.0.0.1"), store_port)
    _cluster_with_store(setup, f"https://127.0.0.1:{front.port}")
    assert setup.call(*FILES, env={"AWS_CA_BUNDLE": str(setup.authority.certificate)}).code == 0
    gone = setup.folder / "gone.pem"
    result = setup.call(*FILES, env={"AWS_CA_BUNDLE": str(gone)})
    assert (result.code, str(gone) in result.err, "AWS_CA_BUNDLE" in result.err) == (3, True, True)


@pytest.mark.parametrize("store", [True, False])
def test_where_the_system_verifies_certificates_itself_all_this_holds(
    setup: Setup, store_port: int, store: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on macOS, with the class that asks the system; here it reads the machine's file.
    monkeypatch.setattr(trust, "_verifies_itself", lambda: True)
    context = setup.authority.server("127.0.0.1", clients=setup.authority.certificate)
    keys = {"ca_file": setup.authority.certificate, "client_cert": setup.authority.signed("ada.test")}
    words = FILES if store else LIST
    if store:
        front = setup.front(context, store_port)
        _cluster_with_store(setup, f"https://127.0.0.1:{front.port}", **keys)
    else:
        setup.cluster(context, **keys)
    found = setup.call(*words)
    assert found.code == 0, found.err
    setup.call.write_config(setup.call.config.read_text().replace("    ca_file", "    comment"))
    refused = setup.call(*words)
    assert (refused.code, "signed by Authority of this test" in refused.err) == (6, True)


# -- too old -------------------------------------------------------------------------------------------


def _old(setup: Setup) -> ssl.SSLContext:
    context = setup.authority.server("127.0.0.1")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.parametrize("verify", ["true", "false"])
def test_a_server_of_before_tls_1_2_is_refused(setup: Setup, verify: str) -> None:
    server = setup.stack.enter_context(ScriptedServer(_old(setup)))
    setup.know(server.url, ca_file=setup.authority.certificate, ssl_verify=verify)
    result = setup.call(*LIST)
    assert result.code == 6
    assert (
        f"127.0.0.1:{server.port} only speaks a version of TLS that is too old; 1.2 is the least"
        in result.err
    )
    looked = setup.call("doctor")
    assert (looked.code, "too old; 1.2 is the least" in looked.out) == (6, True)


def test_so_is_an_object_store(setup: Setup) -> None:
    store = setup.stack.enter_context(ScriptedServer(_old(setup)))
    _cluster_with_store(setup, store.url, ca_file=setup.authority.certificate)
    result = setup.call(*FILES)
    assert (result.code, "too old; 1.2 is the least" in result.err) == (6, True)


# -- client certificates -------------------------------------------------------------------------------


@pytest.fixture(params=["TLSv1_2", "TLSv1_3"])
def wanting(setup: Setup, request: pytest.FixtureRequest) -> ssl.SSLContext:
    """A server's context that wants certificates of this authority, with either version of TLS."""
    context = setup.authority.server("127.0.0.1", clients=setup.authority.certificate)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[request.param]
    return context


def test_a_client_certificate_is_shown_to_who_wants_one(setup: Setup, wanting: ssl.SSLContext) -> None:
    own = setup.authority.signed("ada.test")
    setup.cluster(wanting, ca_file=setup.authority.certificate, client_cert=own)
    result = setup.call(*LIST)
    assert result.code == 0, result.err


def test_its_key_may_be_in_a_file_of_its_own(setup: Setup, wanting: ssl.SSLContext) -> None:
    both = setup.authority.signed("ada.test").read_bytes()
    start = both.index(b"-----BEGIN CERTIFICATE")
    certificate, key = setup.file("own.pem", both[start:]), setup.file("own.key", both[:start])
    setup.cluster(wanting, ca_file=setup.authority.certificate, client_cert=certificate, client_key=key)
    assert setup.call(*LIST).code == 0


def test_a_server_that_wants_one_and_gets_none_says_so(setup: Setup, wanting: ssl.SSLContext) -> None:
    setup.cluster(wanting, ca_file=setup.authority.certificate)
    for command in (LIST, ("doctor",)):
        result = setup.call(*command)
        told = result.err + result.out
        assert result.code == 6, told
        assert "client certificate" in told
        assert "oscar-cli cluster add ID URL ... --client-cert PATH --force" in told


def test_so_does_one_that_does_not_know_who_signed_it(setup: Setup, wanting: ssl.SSLContext) -> None:
    strange = Authority(setup.folder, "Strange").signed("ada.test")
    setup.cluster(wanting, ca_file=setup.authority.certificate, client_cert=strange)
    result = setup.call(*LIST)
    assert result.code == 6
    assert f"refuses the client certificate in {strange}: it does not know who signed it" in result.err
    assert "--client-cert PATH --force" in result.err


def test_a_client_certificate_that_has_expired_is_told(setup: Setup, wanting: ssl.SSLContext) -> None:
    old = setup.authority.signed("ada.test", days=(-9, -2))
    setup.cluster(wanting, ca_file=setup.authority.certificate, client_cert=old)
    result = setup.call(*LIST)
    assert (result.code, f"{old}: it has expired" in result.err) == (6, True)


def test_an_encrypted_key_is_not_asked_for_on_the_terminal(setup: Setup, run: Runner) -> None:
    locked = setup.authority.signed("ada.test", password="hunter2")
    setup.cluster(
        setup.authority.server("127.0.0.1"), ca_file=setup.authority.certificate, client_cert=locked
    )
    seen = run.terminal("service", "list")
    shown = " ".join(seen.out.split())
    assert seen.code == 3
    assert f"the key of the client certificate in {locked} is encrypted" in shown
    assert f"openssl pkey -in {locked}" in shown
    assert "PEM pass phrase" not in seen.out


def _other_key(setup: Setup) -> dict[str, Path]:
    return {"client_cert": setup.authority.signed("a.test"), "client_key": setup.authority.signed("b.test")}


UNFIT: dict[str, tuple[Callable[[Setup], dict[str, Path]], str]] = {
    "missing": (lambda setup: {"client_cert": setup.folder / "gone.pem"}, "there is no such file"),
    "no certificate": (lambda setup: {"client_cert": setup.authority.key}, "it holds none in PEM"),
    "no key": (
        lambda setup: {"client_cert": setup.authority.certificate},
        "there is no key of the client certificate in",
    ),
    "missing key": (
        lambda setup: {
            "client_cert": setup.authority.certificate,
            "client_key": setup.folder / "gone.pem",
        },
        "there is no such file",
    ),
    "another key": (_other_key, "is not that of the certificate in"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_client_certificate_that_cannot_be_used_is_a_wrong_setting(setup: Setup, kind: str) -> None:
    make, reason = UNFIT[kind]
    keys = make(setup)
    setup.cluster(setup.authority.server("127.0.0.1"), ca_file=setup.authority.certificate, **keys)
    result = setup.call(*LIST)
    assert result.code == 3
    assert reason in result.err
    assert any(str(path) in result.err for path in keys.values())
    assert "--client-cert" in result.err
    assert "--force" in result.err


def test_it_is_shown_to_the_clusters_own_store_and_to_no_other(setup: Setup, store_port: int) -> None:
    own = setup.authority.signed("ada.test")
    wanting = setup.authority.server("127.0.0.1", clients=setup.authority.certificate)
    asking = setup.authority.server(
        "127.0.0.1", clients=setup.authority.certificate, wanted=ssl.CERT_OPTIONAL
    )
    front, other = setup.front(wanting, store_port), setup.front(asking, store_port)
    mine = _provider(f"https://127.0.0.1:{other.port}")
    service = {"name": "svc", "storage_providers": {"minio": {"mine": mine}}}
    keys = {"ca_file": setup.authority.certificate, "client_cert": own}
    _cluster_with_store(setup, f"https://127.0.0.1:{front.port}", service, **keys)
    listed = setup.call(*FILES)
    assert (listed.code, set(front.shown)) == (0, {"ada.test"}), listed.err
    assert setup.call("service", "list-files", "svc", "minio.mine", "data").code == 0
    assert set(other.shown) == {""}


def test_a_store_that_wants_one_and_gets_none_says_so(setup: Setup, wanting: ssl.SSLContext) -> None:
    store = setup.stack.enter_context(ScriptedServer(wanting))
    _cluster_with_store(setup, store.url, ca_file=setup.authority.certificate)
    result = setup.call(*FILES)
    assert result.code == 6
    assert "client certificate" in result.err
    assert "--client-cert PATH --force" in result.err


def test_it_is_not_shown_to_where_a_redirect_leads(setup: Setup) -> None:
    own = setup.authority.signed("ada.test")
    clients = setup.authority.certificate
    asking = setup.authority.server("127.0.0.1", clients=clients, wanted=ssl.CERT_OPTIONAL)
    plain = setup.stack.enter_context(ScriptedServer())
    front, other = setup.front(asking, plain.port), setup.front(asking, plain.port)
    there = {"Location": f"https://127.0.0.1:{other.port}/elsewhere"}
    plain.expect("GET", "/system/services", Answer(302, headers=there))
    plain.expect("GET", "/elsewhere", document([]))
    setup.know(f"https://127.0.0.1:{front.port}", ca_file=clients, client_cert=own)
    assert setup.call(*LIST).code == 0
    assert (front.shown, other.shown) == (["ada.test"], [""])
    assert "authorization" not in plain.requests[1].headers


def test_where_a_redirect_leads_is_verified_though_the_cluster_is_not(setup: Setup) -> None:
    other = setup.stack.enter_context(ScriptedServer(certified(setup.folder)[0]))
    cluster = setup.stack.enter_context(ScriptedServer(setup.authority.server("127.0.0.1")))
    there = {"Location": f"{other.url}/elsewhere"}
    cluster.expect("GET", "/system/services", Answer(302, headers=there))
    setup.know(cluster.url, ssl_verify="false")
    result = setup.call(*LIST)
    assert (result.code, other.requests) == (6, [])
    assert f"127.0.0.1:{other.port} is not trusted" in result.err


def test_it_is_not_shown_to_identity_providers(setup: Setup) -> None:
    own = setup.authority.signed("ada.test")
    clients = setup.authority.certificate
    asking = setup.authority.server("127.0.0.1", clients=clients, wanted=ssl.CERT_OPTIONAL)
    provider = setup.stack.enter_context(ScriptedProvider())
    front = setup.front(asking, provider.port)
    provider.url = f"https://127.0.0.1:{front.port}"
    provider.issuer = provider.url + REALM
    wanting = setup.authority.server("127.0.0.1", clients=clients)
    setup.cluster(wanting, ca_file=clients, client_cert=own, oidc_refresh_token=provider.log_in())
    result = setup.call(*LIST)
    assert result.code == 0, result.err
    assert set(front.shown) == {""}


# -- verification that is off --------------------------------------------------------------------------


def test_every_run_says_that_certificates_are_not_verified(setup: Setup) -> None:
    server = setup.cluster(certified(setup.folder)[0], ssl_verify="false")
    server.always("POST", "/run/svc", text("ok"))
    warning = 'warning: TLS certificates of cluster "test" are not verified\n'
    for words in (LIST, LIST, (*LIST, "-o", "json"), (*LIST, "--no-headers")):
        result = setup.call(*words)
        assert (result.code, result.err.count(warning)) == (0, 1)
    url = server.url
    invoked = setup.call("service", "run", "svc", "-i", "x", "-e", url, "-t", "t" * 64)
    assert (invoked.out, invoked.err.count(warning)) == ("ok", 1)
    assert "not verified" in setup.call("doctor").out
    added = setup.call("cluster", "add", "test", url, "ada", "pw", "--disable-ssl", "--force")
    assert (added.code, added.err.count(warning)) == (0, 1)


def test_without_tls_nothing_is_said(setup: Setup) -> None:
    server = setup.stack.enter_context(ScriptedServer())
    server.always("GET", "/system/services", document([{"name": "svc"}]))
    setup.know(server.url, ssl_verify="false")
    assert setup.call(*LIST).err == ""
