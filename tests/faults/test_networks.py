"""Requests, logins and files through real proxies: HTTP with a login, one that reads TLS along, SOCKS.

The hosts below `.test` are known to the proxies alone, so that whatever answers was asked through them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Caller, Outcome, Runner
from tests.support.certificate import Authority
from tests.support.daily import daily
from tests.support.oidc import REALM, ScriptedProvider
from tests.support.proxies import USER, RealProxy, http_proxy, socks_proxy
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, local_server
from tests.support.server import ScriptedServer, document
from tests.support.tls_front import tls_front

PIECES_OF_SECRETS = ("p@ss", "rd%41", "p%40ss", "rd%2541")
CONTENT = b"content of the file " * 5000


@dataclass
class Far:
    """A cluster, an OpenID provider and an object store, each behind TLS, and the proxies on the way."""

    authority: Authority
    cluster: ScriptedServer
    plain: ScriptedServer
    provider: ScriptedProvider
    store_port: int
    plain_store_port: int
    proxies: Mapping[str, RealProxy] = field(default_factory=dict)
    # Of the one who reads along.
    interceptor: Authority | None = None

    def know(self, world: Runner | Caller, ca_file: Path | None) -> None:
        """Let the cluster be on record, with a login by refresh token."""
        trust = f"    ca_file: {ca_file}\n" if ca_file else ""
        world.write_config(
            f"oscar:\n  far:\n    endpoint: https://oscar.test:{self.cluster.port}\n"
            f"    oidc_refresh_token: {self.provider.log_in()}\n    ssl_verify: true\n{trust}default: far\n"
        )


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    folder = tmp_path_factory.mktemp("far")
    authority = Authority(folder)
    with ExitStack() as stack:
        store = stack.enter_context(local_server(folder, ["store.test"]))
        store_port = int(store.endpoint.rpartition(":")[2])
        front = stack.enter_context(tls_front(authority.server("store.test"), store_port))
        cluster = stack.enter_context(ScriptedServer(authority.server("oscar.test")))
        plain = stack.enter_context(ScriptedServer())
        provider = stack.enter_context(ScriptedProvider(authority.server("login.test")))
        provider.url = f"https://login.test:{provider.port}"
        provider.issuer = provider.url + REALM
        minio = {"endpoint": f"https://store.test:{front.port}", "verify": True, "region": "us-east-1"}
        keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
        for server in (cluster, plain):
            server.always("GET", "/system/services", document([{"name": "svc"}]))
            server.always("GET", "/system/services/svc", document({"name": "svc"}))
            server.always("GET", "/system/config", document({"minio_provider": {**minio, **keys}}))
        found = Far(authority, cluster, plain, provider, front.port, store_port)
        found.interceptor = Authority(folder, "Interceptor")
        found.proxies = _proxies(stack, folder, authority, found.interceptor)
        _make_bucket(store.settings)
        yield found


def _proxies(
    stack: ExitStack, folder: Path, authority: Authority, interceptor: Authority
) -> dict[str, RealProxy]:
    folders = {name: folder / name for name in ("http", "https", "reading", "socks")}
    for one in folders.values():
        one.mkdir()
    own = authority.signed("127.0.0.1")
    (folder / "certificates").mkdir()
    reading = (
        *("--ca-key-file", interceptor.key, "--ca-cert-file", interceptor.certificate),
        *("--ca-signing-key-file", interceptor.key, "--ca-cert-dir", folder / "certificates"),
        *("--ca-file", authority.certificate),
    )
    return {
        "http": stack.enter_context(http_proxy(folders["http"])),
        "https": stack.enter_context(
            http_proxy(folders["https"], "--cert-file", own, "--key-file", own, scheme="https")
        ),
        "reading": stack.enter_context(http_proxy(folders["reading"], *reading)),
        "socks": stack.enter_context(socks_proxy(folders["socks"])),
    }


def _make_bucket(settings: object) -> None:
    from oscarcli.storage.s3.boto import boto_client
    from oscarcli.storage.s3.settings import S3Settings

    assert isinstance(settings, S3Settings)
    client = boto_client(settings)
    client.create_bucket(Bucket="data")
    client.close()


# The proxy, the form of its URL, and the variable that names it.
WAYS = {
    "http": ("http", "http", "HTTPS_PROXY"),
    "https": ("https", "https", "https_proxy"),
    "reading along": ("reading", "http", "ALL_PROXY"),
    "socks5": ("socks", "socks5", "ALL_PROXY"),
    "socks5h": ("socks", "socks5h", "all_proxy"),
}


@pytest.mark.parametrize("way", daily(WAYS, "http", "socks5h"))
def test_requests_logins_and_files_go_through_the_proxy(run: Runner, far: Far, way: str) -> None:
    name, scheme, variable = WAYS[way]
    assert far.interceptor is not None
    vouching = far.interceptor if name == "reading" else far.authority
    far.know(run, vouching.certificate)
    env = {variable: far.proxies[name].url(scheme)}
    before = len(far.provider.forms())
    listed = run("service", "list", env=env)
    assert (listed.code, "svc" in listed.out) == (0, True), listed.err
    assert len(far.provider.forms()) == before + 1, "the login went another way"
    (run.home / "in.bin").write_bytes(CONTENT)
    key = f"data/{way.replace(' ', '-')}.bin"
    sent = run("service", "put-file", "svc", "minio.default", "in.bin", key, env=env)
    assert sent.code == 0, sent.err
    got = run("service", "get-file", "svc", "minio.default", key, "out.bin", env=env)
    assert got.code == 0, got.err
    assert (run.home / "out.bin").read_bytes() == CONTENT
    health = run("doctor", "--debug", env=env)
    signer = "Interceptor" if name == "reading" else "Authority of this test"
    assert f"signed by {signer}" in health.out
    for outcome in (listed, sent, got, health):
        _keeps_quiet(outcome)


@pytest.mark.parametrize("way", ["http", "socks5h"])
def test_requests_without_tls_go_through_it_too(call: Caller, far: Far, way: str) -> None:
    name, scheme, _ = WAYS[way]
    call.know(f"http://oscar.test:{far.plain.port}")
    result = call("service", "list", env={"HTTP_PROXY": far.proxies[name].url(scheme)})
    assert (result.code, "svc" in result.out) == (0, True), result.err


def test_who_reads_along_is_refused_unless_his_certificate_is_trusted(call: Caller, far: Far) -> None:
    call.know(f"https://oscar.test:{far.cluster.port}")
    env = {"HTTPS_PROXY": far.proxies["reading"].url()}
    before = len(far.cluster.requests)
    result = call("service", "list", env=env)
    assert (result.code, result.out) == (6, "")
    assert "signed by Interceptor" in result.err
    assert "--ca-file PATH" in result.err
    assert len(far.cluster.requests) == before
    far.know(call, far.authority.certificate)
    assert call("service", "list", env=env).code == 6, "the cluster's own authority vouches for somebody else"


def test_files_are_not_shown_to_who_reads_along_either(call: Caller, far: Far) -> None:
    assert far.interceptor is not None
    _give_store(far, "own")
    call.know(far.plain.url)
    result = call(
        *("service", "list-files", "own", "minio.mine", "data"),
        env={"HTTPS_PROXY": far.proxies["reading"].url()},
    )
    assert (result.code, result.out) == (6, "")
    assert "signed by Interceptor" in result.err
    trusting = {"AWS_CA_BUNDLE": str(far.interceptor.certificate)}
    env = {"HTTPS_PROXY": far.proxies["reading"].url(), **trusting}
    assert call("service", "list-files", "own", "minio.mine", "data", env=env).code == 0


# The proxy, whether the store speaks TLS, and whether one thread can look after the connections.
SMALL_FILE_WAYS = {
    "http": ("http", True, True),
    "http without TLS": ("http", False, True),
    "reading along": ("reading", True, True),
    "https": ("https", True, False),
    "https without TLS": ("https", False, True),
}


@pytest.mark.parametrize("way", daily(SMALL_FILE_WAYS, "http", "http without TLS", "https"))
def test_many_small_files_go_through_it_too(
    call: Caller, far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """By one thread, but for TLS within TLS: the proxy opens a way, or is asked for whole URLs."""
    from oscarcli.storage import transfer, workers

    usual: list[str] = []
    run_parallel = workers.run_parallel

    def noted(*words: Any, **more: Any) -> Any:
        usual.append(way)
        return run_parallel(*words, **more)

    monkeypatch.setattr(transfer, "run_parallel", noted)
    name, is_tls, is_by_one_thread = SMALL_FILE_WAYS[way]
    assert far.interceptor is not None
    _give_store(far, f"small-{is_tls}", is_tls=is_tls)
    call.know(far.plain.url)
    vouching = far.interceptor if name == "reading" else far.authority
    env = {"ALL_PROXY": far.proxies[name].url(), "SSL_CERT_FILE": str(far.authority.certificate)}
    env["AWS_CA_BUNDLE"] = str(vouching.certificate)
    contents = {f"{number}.bin": bytes([number]) * 1000 for number in range(40)}
    (tmp_path / "from").mkdir()
    for file, content in contents.items():
        (tmp_path / "from" / file).write_bytes(content)
    words = (f"small-{is_tls}", "minio.mine")
    folder = f"data/small-{way.replace(' ', '-')}/"
    sent = call("service", "put-file", *words, f"{tmp_path}/from/", folder, env=env)
    assert sent.code == 0, sent.err
    got = call("service", "get-file", *words, folder, f"{tmp_path}/back", env=env)
    assert got.code == 0, got.err
    assert {path.name: path.read_bytes() for path in (tmp_path / "back").rglob("*.bin")} == contents
    assert usual == ([] if is_by_one_thread else [way, way])
    for outcome in (sent, got):
        _keeps_quiet(outcome)


def _give_store(far: Far, service: str, *, is_tls: bool = True) -> None:
    """Let a service of the cluster without TLS have a store of its own."""
    endpoint = (
        f"https://store.test:{far.store_port}" if is_tls else f"http://store.test:{far.plain_store_port}"
    )
    keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": "us-east-1"}
    mine = {"endpoint": endpoint, "verify": True, **keys}
    found = {"name": service, "storage_providers": {"minio": {"mine": mine}}}
    far.plain.always("GET", f"/system/services/{service}", document(found))


# -- what goes wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", daily(["http", "https", "socks5h"], "http"))
@pytest.mark.parametrize("password", ["wrong-p@ss", None])
def test_a_wrong_login_at_the_proxy_is_told(call: Caller, far: Far, way: str, password: str | None) -> None:
    name, scheme, variable = WAYS[way]
    proxy = far.proxies[name]
    far.know(call, far.authority.certificate)
    env = {variable: proxy.url(scheme, password)}
    problem = "wants a login" if password is None else "refuses the login"
    for words in (("service", "list"), ("doctor",)):
        result = call(*words, "--debug", env=env)
        told = result.err + result.out
        assert result.code == 6, told
        assert problem in told
        assert f"127.0.0.1:{proxy.port}" in told
        assert f"{variable.upper()}={scheme}://USER:PASSWORD@127.0.0.1:{proxy.port}" in told
        _keeps_quiet(result)


@pytest.mark.parametrize("way", ["http", "socks5h"])
@pytest.mark.parametrize("password", ["wrong-p@ss", None])
def test_the_same_for_files(call: Caller, far: Far, way: str, password: str | None) -> None:
    name, scheme, variable = WAYS[way]
    _give_store(far, "own2")
    call.know(far.plain.url)
    env = {variable: far.proxies[name].url(scheme, password)}
    result = call("service", "list-files", "own2", "minio.mine", "data", "--debug", env=env)
    assert result.code == 6
    assert ("wants a login" if password is None else "refuses the login") in result.err
    _keeps_quiet(result)


@pytest.mark.parametrize("password", ["wrong-p@ss", None])
def test_a_proxy_that_carries_no_plain_request_without_a_login_is_not_taken_for_the_server(
    call: Caller, far: Far, password: str | None
) -> None:
    call.know(f"http://oscar.test:{far.plain.port}")
    result = call("service", "list", env={"HTTP_PROXY": far.proxies["http"].url(password=password)})
    assert result.code == 6
    assert ("wants a login" if password is None else "refuses the login") in result.err


def test_a_proxys_own_certificate_is_told_from_the_servers(call: Caller, far: Far) -> None:
    call.know(f"https://oscar.test:{far.cluster.port}")
    proxy = far.proxies["https"]
    result = call("service", "list", env={"HTTPS_PROXY": proxy.url()})
    assert (result.code, result.out) == (6, "")
    assert f"the TLS certificate of 127.0.0.1:{proxy.port} is not trusted" in result.err
    assert "(for 127.0.0.1, signed by Authority of this test" in result.err


@pytest.mark.parametrize("way", ["http", "socks5h"])
@pytest.mark.parametrize(
    "exception",
    daily(["oscar.test", "test", ".test", "other, OSCAR.TEST:{port}", "*"], "test", "*"),
)
def test_exceptions_are_asked_for_directly(call: Caller, far: Far, way: str, exception: str) -> None:
    name, scheme, _ = WAYS[way]
    call.know(f"http://oscar.test:{far.plain.port}")
    env = {
        "ALL_PROXY": far.proxies[name].url(scheme),
        "NO_PROXY": exception.format(port=far.plain.port),
    }
    result = call("service", "list", env=env)
    assert result.code == 6
    assert 'the host name "oscar.test" is not known' in result.err


def test_files_keep_to_exceptions_too(call: Caller, far: Far) -> None:
    _give_store(far, "own3")
    call.know(far.plain.url)
    words = ("service", "list-files", "own3", "minio.mine", "data")
    env = {"ALL_PROXY": far.proxies["http"].url(), "SSL_CERT_FILE": str(far.authority.certificate)}
    assert call(*words, env=env).code == 0
    directly = call(*words, env={**env, "NO_PROXY": "store.test"})
    assert (directly.code, directly.out) == (6, "")


def _keeps_quiet(outcome: Outcome) -> None:
    for piece in (*PIECES_OF_SECRETS, f"{USER}:"):
        assert piece not in outcome.err + outcome.out
