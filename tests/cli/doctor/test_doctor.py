"""`doctor` on set-ups that are broken in one place each: it has to name the place, the cause and a way on."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from oscarcli.cli.doctor.checks import STEPS
from tests.conftest import Caller, Runner
from tests.support.certificate import Authority, certified
from tests.support.ports import free_port
from tests.support.server import Answer, ScriptedServer, document, page, text

BUCKETS = (
    b'<?xml version="1.0"?><ListAllMyBucketsResult><Buckets><Bucket><Name>photos</Name></Bucket></Buckets>'
    b"</ListAllMyBucketsResult>"
)
KEYS = {"access_key": "AKIA", "secret_key": "s3cr3t-key", "region": "us-east-1", "verify": True}
INFO = {"version": "v4.1.0", "kubernetes_version": "v1.30", "serverless_backend": {"name": "Knative"}}


def s3_error(code: str, status: int = 403) -> Answer:
    return Answer(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())


@dataclass
class Setup:
    """A set-up in the making: what there is, and what `doctor` is told.

    Attributes:
        timeout: seconds that `doctor` waits; few where nobody answers.
    """

    call: Caller
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    stack: ExitStack
    words: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    timeout: str = "20"

    def server(self, **options: Any) -> ScriptedServer:
        return self.stack.enter_context(ScriptedServer(**options))

    def cluster(
        self,
        *,
        health: Answer | None = None,
        info: Answer | None = None,
        config: Any = None,
        store: str | None = None,
        **options: Any,
    ) -> ScriptedServer:
        """Set up a cluster that is well but for what is given, and let it be the default."""
        server = self.server(**options)
        server.always("GET", "/health", health or text("Ok"))
        server.always("GET", "/system/info", info or document(INFO))
        provider = {"minio_provider": {**KEYS, "endpoint": store or self.store()}}
        server.always("GET", "/system/config", document(provider if config is None else config))
        self.call.know(server.url)
        return server

    def store(self, reply: Answer | None = None) -> str:
        """Set up an object store and return its endpoint."""
        server = self.server()
        server.always("GET", "/", reply or Answer(200, BUCKETS, {"Content-Type": "application/xml"}))
        return server.url

    def edit(self, old: str, new: str) -> None:
        """Change the configuration."""
        self.call.write_config(self.call.config.read_text().replace(old, new))


@pytest.fixture
def setup(call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setup]:
    with ExitStack() as stack:
        yield Setup(call, tmp_path, monkeypatch, stack)


def examined(setup: Setup) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the checks by their names."""
    result = setup.call("doctor", *setup.words, "--timeout", setup.timeout, "-o", "json", env=setup.env)
    assert result.err == "", result.err
    found = json.loads(result.out)
    checks = {check["name"]: check for check in found["checks"]}
    assert list(checks) == [step.name for step in STEPS]
    assert found["ok"] == (result.code == 0)
    for secret in ("s3cr3t-pass", "s3cr3t-key"):
        assert secret not in result.out
    return result.code, checks


# -- what is well --------------------------------------------------------------------------------------


def test_a_cluster_that_is_well(setup: Setup) -> None:
    server = setup.cluster()
    # With the engines of this machine, whatever they are.
    setup.env["PATH"] = os.environ["PATH"]
    code, checks = examined(setup)
    assert code == 0
    assert {check["outcome"] for check in checks.values()} <= {"ok", "note"}
    assert checks["version"]["finding"] == "OSCAR v4.1.0, Kubernetes v1.30, backend Knative"
    assert checks["object store"]["finding"].endswith("lets the server's keys in, 1 bucket")
    assert all("authorization" not in one.headers for one in server.requests if one.path == "/health")


def test_tls_that_is_trusted_and_who_signed_it(setup: Setup) -> None:
    context, authority = certified(setup.folder, by_authority=True)
    setup.cluster(tls=context)
    setup.env["SSL_CERT_FILE"] = str(authority)
    code, checks = examined(setup)
    until = (datetime.now(timezone.utc) + timedelta(days=90)).strftime("%Y-%m-%d")
    assert code == 0
    assert checks["certificate"]["finding"] == f"signed by Authority of this test, until {until}"


def test_engines_that_are_not_here_and_one_that_is_broken(setup: Setup) -> None:
    setup.cluster()
    programs = setup.folder / "programs"
    programs.mkdir()
    setup.env["PATH"] = str(programs)
    check = examined(setup)[1]["containers"]
    assert (check["outcome"], check["finding"].partition(" ")[0]) == ("note", "none")
    podman = programs / "podman"
    podman.write_text("#!/bin/sh\necho 'Error: no subuid ranges found' >&2\nexit 125\n")
    podman.chmod(0o755)
    check = examined(setup)[1]["containers"]
    assert check["outcome"] == "note"
    assert check["finding"] == (
        "the engine podman cannot be used: it starts nothing: no subuid ranges found; "
        "let this user run containers with it (podman run hello-world)"
    )


def test_one_line_a_check_as_it_comes(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", "/health", text("no", 503))
    result = run("doctor")
    lines = result.out.splitlines()
    assert (result.code, result.err) == (6, "")
    assert lines[0] == f"✓ configuration  {run.config}, 1 cluster"
    place = lines.index("✗ health         the cluster is not well: HTTP 503: no")
    assert lines[place + 1].startswith("  cause:         OSCAR itself")
    assert lines[place + 2].startswith("  next:          ")
    assert "- object store   not tried after the failure of: health" in lines
    seen = run.terminal("doctor", "-c", "nowhere")
    assert "\x1b[31m✗\x1b[0m cluster" in seen.out


def test_long_findings_go_on_in_their_column_on_a_terminal(run: Runner) -> None:
    seen = run.terminal("doctor", columns=60, env={"NO_COLOR": "1"}).out.splitlines()
    # Paths of this machine are one word each, however long.
    assert max(len(line) for line in seen if "/" not in line) <= 60
    place = next(index for index, line in enumerate(seen) if line.startswith("  next:"))
    assert seen[place : place + 3] == [
        "  next:          oscar-cli local start for one on this",
        "                 machine, or oscar-cli cluster add ID",
        "                 ENDPOINT USERNAME",
    ]


def test_columns_of_it_as_a_table(call: Caller) -> None:
    result = call("doctor", "--columns", "check,outcome")
    assert result.out.splitlines()[:2] == ["CHECK          OUTCOME", "configuration  failed"]


def test_nothing_is_changed(setup: Setup) -> None:
    setup.cluster()
    setup.call.config.chmod(0o644)
    before = setup.call.config.read_bytes()
    examined(setup)
    assert setup.call.config.stat().st_mode & 0o777 == 0o644
    assert setup.call.config.read_bytes() == before


# -- what is broken ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """A set-up, the check that has to find it, words of what it says, and the exit code."""

    make: Callable[[Setup], None]
    check: str
    words: tuple[str, ...]
    code: int
    outcome: str = "failed"


def no_configuration(setup: Setup) -> None:
    """A machine on which nothing was done yet."""


def configuration_is_a_folder(setup: Setup) -> None:
    setup.call.config.mkdir(parents=True, mode=0o700)


def configuration_leads_nowhere(setup: Setup) -> None:
    setup.call.config.parent.mkdir(mode=0o700)
    setup.call.config.symlink_to(setup.folder / "gone")


def configuration_is_broken(setup: Setup) -> None:
    setup.call.write_config("oscar:\n  a: [\n")


def configuration_can_be_read(setup: Setup) -> None:
    setup.cluster()
    setup.call.config.chmod(0o644)


def configuration_can_be_replaced(setup: Setup) -> None:
    setup.cluster()
    setup.call.config.parent.chmod(0o777)


def no_cluster_is_chosen(setup: Setup) -> None:
    setup.call.write_config("oscar: {a: {endpoint: 'http://127.0.0.1'}}\n")


def no_cluster_at_all(setup: Setup) -> None:
    setup.call.write_config("oscar: {}\n")


def unknown_cluster(setup: Setup) -> None:
    setup.call.know("http://127.0.0.1")
    setup.env["OSCAR_CLI_CLUSTER"] = "other"


def endpoint_is_no_url(setup: Setup) -> None:
    setup.call.know("oscar.example.org")


def unknown_host(setup: Setup) -> None:
    setup.timeout = "1"
    setup.call.know("https://host.invalid")


def refused(setup: Setup) -> None:
    setup.call.know(f"http://127.0.0.1:{free_port()}")


def full_port(setup: Setup) -> None:
    """A port that answers no more connections: its queue is full."""
    setup.timeout = "1"
    listener = setup.stack.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    for _ in range(3):
        waiting = setup.stack.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(listener.getsockname())
    setup.call.know(f"http://127.0.0.1:{listener.getsockname()[1]}")


def silent_server(setup: Setup) -> None:
    setup.timeout = "1"
    listener = setup.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    setup.call.know(f"http://127.0.0.1:{listener.getsockname()[1]}")


def silent_tls(setup: Setup) -> None:
    setup.timeout = "1"
    listener = setup.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    setup.call.know(f"https://127.0.0.1:{listener.getsockname()[1]}")


def hangs_up_on_tls(setup: Setup) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    setup.stack.callback(thread.join)
    setup.stack.callback(listener.close)
    setup.stack.callback(lambda: listener.shutdown(socket.SHUT_RDWR))
    setup.call.know(f"https://127.0.0.1:{listener.getsockname()[1]}")


def tls(**how: Any) -> Callable[[Setup], None]:
    def make(setup: Setup) -> None:
        context, _ = certified(setup.folder, **how)
        setup.call.know(setup.server(tls=context).url)

    return make


def trusted_tls(**how: Any) -> Callable[[Setup], None]:
    def make(setup: Setup) -> None:
        context, voucher = certified(setup.folder, **how)
        setup.cluster(tls=context)
        setup.env["SSL_CERT_FILE"] = str(voucher)

    return make


def unverified_tls(setup: Setup) -> None:
    context, _ = certified(setup.folder)
    setup.cluster(tls=context)
    setup.edit("ssl_verify: true", "ssl_verify: false")


def http_behind_https(setup: Setup) -> None:
    server = setup.server()
    server.always("GET", "/health", text("Ok"))
    setup.call.know(server.url.replace("http:", "https:"))


def https_behind_http(setup: Setup) -> None:
    context, _ = certified(setup.folder)
    setup.call.know(setup.server(tls=context).url.replace("https:", "http:"))


def cluster(**parts: Any) -> Callable[[Setup], None]:
    def make(setup: Setup) -> None:
        setup.cluster(**parts)

    return make


def health(reply: Answer) -> Callable[[Setup], None]:
    def make(setup: Setup) -> None:
        server = setup.server()
        server.always("GET", "/health", reply)
        setup.call.know(server.url)

    return make


def login(reply: Answer) -> Callable[[Setup], None]:
    def make(setup: Setup) -> None:
        server = setup.server()
        server.always("GET", "/health", text("Ok"))
        server.always("GET", "/system/info", reply)
        setup.call.know(server.url)

    return make


def no_login(setup: Setup) -> None:
    server = setup.server()
    server.always("GET", "/health", text("Ok"))
    setup.call.write_config(f"oscar: {{a: {{endpoint: '{server.url}'}}}}\ndefault: a\n")


def redirects(setup: Setup) -> None:
    other = setup.server()
    other.always("GET", "/health", text("Ok"))
    setup.cluster(health=Answer(301, headers={"Location": f"{other.url}/health"}))


def clock(off: timedelta) -> Callable[[Setup], None]:
    def make(setup: Setup) -> None:
        moment = format_datetime(datetime.now(timezone.utc) + off, usegmt=True)
        setup.monkeypatch.setattr(BaseHTTPRequestHandler, "date_time_string", lambda *_: moment)
        setup.cluster()

    return make


def store(reply: Answer) -> Callable[[Setup], None]:
    def make(setup: Setup) -> None:
        setup.cluster(store=setup.store(reply))

    return make


def secret_store(setup: Setup) -> None:
    server = setup.server()
    server.always("GET", "/health", text("Ok"))
    server.always("GET", "/system/info", document(INFO))
    server.always("GET", "/system/config", text("no", 403))
    setup.call.know(server.url)


def refused_store(setup: Setup) -> None:
    setup.cluster(store=f"http://127.0.0.1:{free_port()}")


def self_signed_store(setup: Setup) -> None:
    context, _ = certified(setup.folder)
    setup.cluster(store=setup.server(tls=context).url)


def masked_keys(setup: Setup) -> None:
    setup.cluster(config={"minio_provider": {**KEYS, "secret_key": "hidden", "endpoint": setup.server().url}})


def old_server(setup: Setup) -> None:
    setup.cluster(info=document({**INFO, "version": "3.5.2"}))


def no_agent(setup: Setup) -> None:
    server = setup.server()
    server.always("GET", "/health", text("Ok"))
    setup.call.write_config(
        f"oscar: {{a: {{endpoint: '{server.url}', oidc_account_name: egi}}}}\ndefault: a\n"
    )
    setup.env["PATH"] = str(setup.folder)


def authority_is_gone(setup: Setup) -> None:
    context, _ = certified(setup.folder)
    setup.call.know(setup.server(tls=context).url)
    setup.edit("ssl_verify: true", "ssl_verify: true\n    ca_file: /nonexistent/authority.pem")


def wants_a_client_certificate(setup: Setup) -> None:
    authority = Authority(setup.folder)
    setup.call.know(setup.server(tls=authority.server("127.0.0.1", clients=authority.certificate)).url)
    setup.edit("ssl_verify: true", f"ssl_verify: true\n    ca_file: {authority.certificate}")


def proxy_is_none(setup: Setup) -> None:
    setup.call.know("https://oscar.example.org")
    setup.env["HTTPS_PROXY"] = "ftp://me:s3cr3t-pass@proxy.example.org"


def dead_proxy(setup: Setup) -> None:
    setup.call.know("https://oscar.example.org")
    setup.env["HTTPS_PROXY"] = f"http://127.0.0.1:{free_port()}"


def stubborn_proxy(setup: Setup) -> None:
    proxy = setup.server()
    proxy.always("CONNECT", "oscar.example.org:443", text("no", 403))
    setup.call.know("https://oscar.example.org")
    setup.env["HTTPS_PROXY"] = proxy.url.replace("://", "://ada:s3cr3t-pass@")


BROKEN = {
    "no configuration": Broken(no_configuration, "configuration", ("there is no file", "local start"), 3),
    "configuration is a folder": Broken(
        configuration_is_a_folder, "configuration", ("cannot read", "it is a folder", "--config PATH"), 3
    ),
    "configuration leads nowhere": Broken(
        configuration_leads_nowhere, "configuration", ("there is no file", "a link that leads nowhere"), 3
    ),
    "bad YAML": Broken(
        configuration_is_broken, "configuration", ("config.yaml:", "edited by hand", "mend"), 3
    ),
    "configuration can be read": Broken(
        configuration_can_be_read, "privacy", ("mode is 0644", "holds passwords", "chmod 600"), 3
    ),
    "configuration can be replaced": Broken(
        configuration_can_be_replaced, "privacy", ("other users can replace", "chmod 700"), 3
    ),
    "no default": Broken(no_cluster_is_chosen, "cluster", ("no default cluster", "default --set a"), 3),
    "no cluster": Broken(no_cluster_at_all, "cluster", ("no default cluster", "cluster add"), 3),
    "unknown cluster": Broken(unknown_cluster, "cluster", ('"other"', "mistyped", "there is test"), 3),
    "no URL": Broken(
        endpoint_is_no_url,
        "cluster",
        ("oscar.example.org", "mistyped", "cluster add test https://HOST ada"),
        3,
    ),
    "unknown host": Broken(unknown_host, "host name", ('"host.invalid" is not known', "mistyped"), 6),
    "refused": Broken(refused, "connection", ("refuses connections", "nothing listens", "local start"), 6),
    "full port": Broken(full_port, "connection", ("does not answer within 1 s", "firewall", "--timeout"), 6),
    "silent server": Broken(silent_server, "health", ("no answer", "the server hangs", "--timeout"), 6),
    "silent TLS": Broken(silent_tls, "certificate", ("begins no TLS within 1 s", "overloaded"), 6),
    "no TLS": Broken(hangs_up_on_tls, "certificate", ("TLS", "something else than a web server"), 6),
    "self-signed": Broken(
        tls(),
        "certificate",
        ("it is self-signed", "signed by 127.0.0.1, until", "--disable-ssl", "ada --ca-file PATH --force"),
        6,
    ),
    "expired": Broken(
        trusted_tls(days=(-30, -2)),
        "certificate",
        ("expired", "until 2", "not renewed in time", "runs the server"),
        6,
    ),
    "not yet": Broken(trusted_tls(days=(2, 30)), "certificate", ("not yet valid", "clock is behind"), 6),
    "unknown authority": Broken(
        tls(by_authority=True),
        "certificate",
        ("trusts signed it", "signed by Authority", "does not know who signed", "--ca-file PATH"),
        6,
    ),
    "other host": Broken(
        trusted_tls(host="oscar.example.org"),
        "certificate",
        ("for another name (for oscar.example.org", "for another host", "with an endpoint that"),
        6,
    ),
    "ends soon": Broken(trusted_tls(days=(-80, 3)), "certificate", ("ends soon",), 0, "warning"),
    "not verified": Broken(
        unverified_tls, "certificate", ("not verified", "ssl_verify: false"), 0, "warning"
    ),
    "HTTP behind https": Broken(
        http_behind_https, "certificate", ("HTTP without TLS", "begins with https://", "endpoint http://"), 6
    ),
    "HTTPS behind http": Broken(
        https_behind_http, "health", ("wants TLS", "begins with http://", "cluster add test https://127"), 6
    ),
    "web page": Broken(health(page()), "health", ("a web page answers", "a login portal"), 6),
    "not well": Broken(
        health(text("db is down", 500)), "health", ("HTTP 500: db is down", "OSCAR itself"), 6
    ),
    "wrong path": Broken(health(text("404", 404)), "health", ("there is no /health", "its path is wrong"), 6),
    "redirect": Broken(
        redirects,
        "health",
        ("comes from http://127.0.0.1", "redirects", "cluster add test http"),
        0,
        "warning",
    ),
    "refused login": Broken(login(Answer(401)), "credentials", ("not accepted", "password is wrong"), 4),
    "forbidden login": Broken(login(text("no", 403)), "credentials", ("not allowed", "its group"), 4),
    "no login": Broken(no_login, "credentials", ("no user and no password", "USERNAME --force"), 4),
    "no OSCAR": Broken(login(text("404 page not found", 404)), "credentials", ("another server than",), 6),
    "wrong server": Broken(login(document({"app": "x"})), "credentials", ("no version", "another server"), 6),
    "clock": Broken(
        clock(timedelta(hours=3, minutes=30)), "clock", ("3 h behind the server", "timedatectl"), 1
    ),
    "clock a bit off": Broken(
        clock(timedelta(minutes=-5)), "clock", ("ahead of the server", "not kept"), 0, "warning"
    ),
    "old server": Broken(
        old_server, "version", ("OSCAR 3.5.2", "lacks", "volumes", "bucket commands"), 0, "warning"
    ),
    "no store": Broken(
        cluster(config={"config": {}}), "object store", ("no object store", "cluster config"), 1
    ),
    "secret store": Broken(secret_store, "object store", ("not allowed", "does not tell this login"), 4),
    "store refused": Broken(
        refused_store, "object store", ("refuses connections", "only good inside the cluster", "MinIO"), 6
    ),
    "unknown store": Broken(
        cluster(store="http://minio.minio.invalid:9000"),
        "object store",
        ('"minio.minio.invalid" is not known', "only good inside the cluster"),
        6,
    ),
    "store is no URL": Broken(
        cluster(store="minio:9000"), "object store", ("is no URL", "MINIO_ENDPOINT"), 6
    ),
    "wrong access key": Broken(
        store(s3_error("InvalidAccessKeyId")), "object store", ("unknown there", "keys were changed"), 4
    ),
    "wrong secret key": Broken(
        store(s3_error("SignatureDoesNotMatch")), "object store", ("secret key is wrong", "keys that the"), 4
    ),
    "masked keys": Broken(masked_keys, "object store", ('"hidden"', "keys that the server hands out"), 4),
    "store is none": Broken(store(page()), "object store", ("something else than an object store",), 1),
    "store of one's own": Broken(
        store(s3_error("AccessDenied")), "object store", ("cannot be listed", "may not"), 0, "warning"
    ),
    "store with a strange certificate": Broken(
        self_signed_store, "object store", ("is not trusted: it is self-signed", "--ca-file PATH"), 6
    ),
    "no agent": Broken(no_agent, "oidc tools", ("no agent runs in this session", "eval $(oidc-agent)"), 4),
    "authority is gone": Broken(
        authority_is_gone,
        "certificate",
        ("/nonexistent/authority.pem cannot be read", "was moved", "--ca-file PATH"),
        3,
    ),
    "client certificate": Broken(
        wants_a_client_certificate, "health", ("wants a client certificate", "--client-cert PATH"), 6
    ),
    "proxy is none": Broken(
        proxy_is_none, "host name", ("the proxy in HTTPS_PROXY cannot be used", "a proxy that is none"), 3
    ),
    "dead proxy": Broken(dead_proxy, "connection", ("the proxy 127.0.0.1:", "refuses", "NO_PROXY"), 6),
    "stubborn proxy": Broken(
        stubborn_proxy,
        "certificate",
        ("opens no way to oscar.example.org:443", "proxy refuses", "NO_PROXY"),
        6,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_planted_fault_is_named(setup: Setup, name: str) -> None:
    broken = BROKEN[name]
    broken.make(setup)
    code, checks = examined(setup)
    check = checks[broken.check]
    told = f"{check['finding']} / {check['cause']} / {check['next']}"
    assert (check["outcome"], code) == (broken.outcome, broken.code), checks
    assert all(words in told for words in broken.words), told
    assert check["cause"], "no cause is named"
    assert check["next"], "no way on is named"
    failed = [one["name"] for one in checks.values() if one["outcome"] == "failed"]
    assert failed[:1] == ([broken.check] if broken.outcome == "failed" else []), checks
