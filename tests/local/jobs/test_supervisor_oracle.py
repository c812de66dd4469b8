"""The local cluster's runs beside the real faas-supervisor's: the same log, files, variables and end."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
import yaml

from tests.local.harness import LocalCluster, open_cluster
from tests.support import faas_supervisor
from tests.support.certificate import certified
from tests.support.daily import daily
from tests.support.onedata_servers import EXPIRED, SPACE, TOKEN, OneproviderServer, oneprovider
from tests.support.supervised import Case, Comparison, Run
from tests.support.webdav_servers import LOGIN, PASSWORD, DavServer, wsgidav_server

pytestmark = pytest.mark.skipif(
    not faas_supervisor.ENVIRONMENT.is_installed, reason=faas_supervisor.ENVIRONMENT.reason
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    running = open_cluster(tmp_path_factory.mktemp("oracle") / "data", parallel=4)
    running.s3.create_bucket(Bucket="stored")
    running.s3.put_object(Bucket="stored", Key="given/a b.txt", Body=b"one\ntwo\n")
    yield running
    running.close()


@pytest.fixture(scope="module")
def supervisor() -> Iterator[faas_supervisor.Supervisor]:
    running = faas_supervisor.Supervisor()
    yield running
    running.close()


@pytest.fixture
def comparison(cluster: LocalCluster, supervisor: faas_supervisor.Supervisor, tmp_path: Path) -> Comparison:
    return Comparison(cluster, supervisor, tmp_path)


def event(bucket: str, key: str, source: str = "minio:s3", **members: Any) -> dict[str, Any]:
    """Return an event with what the supervisor reads of it."""
    record = {
        "eventSource": source,
        "eventTime": "2026-03-04T05:06:07.089Z",
        "s3": {"bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}, "object": {"key": key}},
    }
    return {"Key": f"{bucket}/{key}", "Records": [{**record, **members}]}


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def output(name: str, folder: str, **filters: list[str]) -> dict[str, Any]:
    return {"storage_provider": "minio.default", "path": f"{name}-bucket/{folder}", **filters}


WRITE = 'cd "$TMP_OUTPUT_DIR"\necho said\n'
EXAMPLES = Path(__file__).parents[3] / "examples"
STORED = encoded(event("stored", "given%2Fa+b.txt"))

OBJECTS = [
    Case("plain", WRITE + "echo x > x.txt\n"),
    Case(
        "short",
        WRITE + "echo x > x\n",
        members={"output": [{"storage_provider": "minio", "path": "short-bucket/o"}]},
    ),
    Case(
        "upper",
        WRITE + "echo x > x\n",
        members={"output": [{"storage_provider": "MinIO.default", "path": "upper-bucket/o"}]},
    ),
    Case("nothing", "echo said\n"),
    Case("mute", "", members={"output": []}),
    Case("fails", WRITE + "echo x > x\nexit 7\n"),
    Case("broken", "if\n"),
    Case(
        "names",
        WRITE + 'mkdir -p "n 1/ü"; echo 1 > "n 1/ü/ä b.txt"; echo 2 > " sp "; echo 3 > .dot; mkdir empty\n'
        'echo 4 > "a+b%20.txt"; ln -s .dot link; ln -s "n 1" folder\n',
        key='given/ü ö/ä+b%20 ".txt',
    ),
    Case(
        "filters",
        WRITE + "mkdir sub; touch a.txt b.png sub/c.jpg sub/a.txt\n",
        members={
            "output": [
                output("filters", "text", suffix=["txt"]),
                output("filters", "a", prefix=["a"]),
                output("filters", "pictures", suffix=[".png", ".jpg"]),
                output("filters", "sub", prefix=["sub/c"], suffix=["jpg"]),
                output("filters", "none", prefix=["c"]),
            ]
        },
    ),
    Case(
        "inputs",
        WRITE + "echo x > x\n",
        members={"input": [output("inputs", "one"), output("inputs", "two")]},
    ),
    Case(
        "deep", WRITE + "echo x > x\n", members={"output": [output("deep", "a//b"), output("deep", "a/b/c/")]}
    ),
    Case(
        "secrets",
        "",
        secrets={"S": "hidden", "BOTH": "secret"},
        variables={"BOTH": "plain", "ODD": "ü '$x\n"},
    ),
    Case(
        "own",
        "",
        variables={
            "OSCAR_SERVICE_NAME": "mine",
            "TMP_INPUT_DIR": "/x",
            "INPUT_FILE_PATH": "/x",
            "EVENT": "x",
        },
    ),
    Case("unstaged", 'echo "${INPUT_FILE_PATH-unset}"\n', members={"file_stage_in": True}),
    Case(
        "given-script",
        "echo never\n",
        variables={"SCRIPT": base64.b64encode(b'env -0 > "$SEEN.env"; echo given\n').decode()},
    ),
    Case("empty-script", "echo never\n", variables={"SCRIPT": ""}),
    Case("bad-script", "echo never\n", variables={"SCRIPT": "abcde"}),
    Case("odd-output", r"printf 'a\377b\n  c \r\nd\re\n'; echo err >&2; printf 'ü\n\n'; printf 'no end'"),
    Case(
        "level-debug", r"printf '  a  \n\nb\r\nc'; echo x > $TMP_OUTPUT_DIR/x", members={"log_level": "DEBUG"}
    ),
    Case("level-warning", WRITE, members={"log_level": "warning"}),
    Case("level-error", WRITE, members={"log_level": "ERROR"}),
    Case("level-critical", WRITE + "echo x > x\n", members={"log_level": "CRITICAL"}),
    Case("level-notset", WRITE, members={"log_level": "NOTSET"}),
    Case("level-variable", WRITE, variables={"LOG_LEVEL": "ERROR"}),
    Case("level-warn", WRITE, variables={"LOG_LEVEL": "WARN"}),
    Case("level-fatal", WRITE, variables={"LOG_LEVEL": "FATAL"}),
    Case("level-empty", WRITE, variables={"LOG_LEVEL": ""}),
    Case("level-lower", WRITE, variables={"LOG_LEVEL": "debug"}),
    Case("level-unknown", WRITE, variables={"LOG_LEVEL": "7"}),
    Case("missing", WRITE, content=None),
    Case("missing-mute", WRITE, content=None, members={"log_level": "CRITICAL"}),
    Case("marker", WRITE, key="given/folder/", content=b""),
    Case("broken-link", 'ln -s nowhere "$TMP_OUTPUT_DIR/link"\n'),
    Case("no-utf8", "touch \"$TMP_OUTPUT_DIR/$(printf 'x\\377')\"\n"),
    Case(
        "many",
        WRITE + "echo 1 > a.bin; echo 2 > b.html; echo 3 > c.json; head -c 9000000 /dev/zero > d.tar\n",
    ),
    Case(
        "half-provider",
        WRITE,
        members={"storage_providers": {"minio": {"other": {"endpoint": "http://x", "access_key": "a"}}}},
    ),
    Case("half-webdav", WRITE, members={"storage_providers": {"webdav": {"dcache": {"hostname": "x"}}}}),
]

# One for each thing that jobs differ in, and one for each form of a payload.
DAILY_OBJECTS = ("plain", "fails", "names", "filters", "secrets", "odd-output", "missing")
DAILY_PAYLOADS = ("text", "document", "gateway", "delegated-stored", "onedata", "no-time")

RAW = {
    "text": base64.b64encode("größe\n".encode()),
    "lines": b"b25l dHdv",
    "empty": b"",
    "padding": b"abc",
    "length": b"abcde",
    "umlaut": "größe".encode(),
    "document": b'{"a":1,"b":"\xc3\xbc"}',
    "string": b'"dGV4dA=="',
    "json-string": encoded('{"a":1}'),
    "word-string": encoded("an event"),
    "records-string": encoded("Records"),
    "method-string": encoded("httpMethod"),
    "list": b"[1,2]",
    "word-list": b'["event"]',
    "both-list": b'["event","subscription"]',
    "number": b"1234",
    "true": b"true",
    "null": b"null",
    "no-records": encoded({"Records": []}),
    "other-records": encoded({"Records": [{"eventSource": "else", "x": "it's"}]}),
    "odd-records": encoded({"Records": {"a": 1}}),
    "text-records": encoded({"Records": ["eventSource"]}),
    "number-records": encoded({"Records": [1]}),
    "gateway": encoded(
        {"httpMethod": "POST", "body": "dGV4dA==", "queryStringParameters": {"a": "1", "b": ""}}
    ),
    "gateway-document": encoded({"httpMethod": "POST", "body": {"a": 1}}),
    "gateway-json": encoded({"httpMethod": "POST", "body": '{"a":1}'}),
    "gateway-empty": encoded({"httpMethod": "GET", "queryStringParameters": None}),
    "gateway-number": encoded({"httpMethod": "GET", "queryStringParameters": {"a": 1}}),
    "gateway-body": encoded({"httpMethod": "GET", "body": 5}),
    "gateway-stored": encoded(
        {"httpMethod": "GET", "body": json.loads(STORED), "queryStringParameters": {"a": "1"}}
    ),
    "dcache": encoded({"event": {"name": "x.jpg", "mask": ["IN_CREATE"]}, "subscription": "s"}),
    "dcache-nameless": encoded({"event": {"x": 1}, "subscription": 1}),
    "dcache-text": encoded({"event": "x", "subscription": 1}),
    "rucio": encoded({"event_type": "x", "payload": {"scope": "s", "name": "n"}}),
    "rucio-bare": encoded({"event_type": "x"}),
    "delegated": encoded({"event": "dGV4dA=="}),
    "delegated-document": encoded({"event": {"a": 1}, "storage_provider": "minio.other"}),
    "delegated-number": encoded({"event": 3}),
    "delegated-stored": encoded({"event": json.loads(STORED)}),
    "delegated-text": encoded({"event": STORED.decode()}),
    "delegated-default": encoded({"event": json.loads(STORED), "storage_provider": "default"}),
    "delegated-other": encoded({"event": json.loads(STORED), "storage_provider": "minio.default"}),
    "delegated-list": encoded({"event": json.loads(STORED), "storage_provider": ["minio"]}),
    "aws": encoded(event("b", "k", "aws:s3")),
    "aws-other": encoded({"event": event("b", "k", "aws:s3"), "storage_provider": "other"}),
    "onedata": encoded(
        {"Key": "/s/k", "Records": [{"eventSource": "OneTrigger", "objectKey": "k", "eventTime": "t"}]}
    ),
    "onedata-short": encoded({"Key": "/s/k", "Records": [{"eventSource": "OneTrigger"}]}),
    "no-arn": encoded({"Records": [{"eventSource": "minio:s3", "s3": {"bucket": {"name": "b"}}}]}),
    "no-time": encoded({"Records": [{**event("b", "k")["Records"][0], "eventTime": None}]}),
    "number-time": encoded({"Records": [{**event("b", "k")["Records"][0], "eventTime": 5}]}),
    "number-key": encoded(event("b", "k", s3={"bucket": {"name": "b", "arn": ""}, "object": {"key": 5}})),
    "no-bucket": encoded(event("no-such-bucket", "k")),
}


def assert_same(real: Run, local: Run) -> None:
    """Compare two runs, one thing at a time: what differs is easier to see so."""
    assert "\n".join(local.log) == "\n".join(real.log)
    for name in ("environment", "tree", "input", "objects", "code"):
        assert getattr(local, name) == getattr(real, name), name


@pytest.mark.parametrize("case", daily(OBJECTS, *DAILY_OBJECTS), ids=lambda case: case.name)
def test_a_job_of_an_object(comparison: Comparison, case: Case) -> None:
    comparison.create(case)
    payload = encoded(event(f"{case.name}-bucket", quote_plus(case.key)))
    local, job = comparison.local(case, payload)
    assert_same(comparison.real(case, payload, job), local)


def example(path: str, given: str, content: bytes | None = None) -> Case:
    """Return an example as a case: its service is PATH's last word."""
    folder, _, name = path.rpartition("/")
    home = EXAMPLES / (folder or name)
    entries = yaml.safe_load((home / "fdl.yaml").read_text())["functions"]["oscar"]
    (definition,) = [found for entry in entries for found in entry.values() if found["name"] == name]
    script = (home / definition["script"]).read_text()
    bucket, _, prefix = definition["input"][0]["path"].partition("/")
    given_content = (EXAMPLES / given).read_bytes() if content is None else content
    members = {key: value for key, value in definition.items() if key not in ("name", "script")}
    key = f"{prefix}/{Path(given).name}"
    return Case(name, script, key=key, content=given_content, members=members, bucket=bucket)


# A consumer comes before its producer, whose results would start jobs of its own.
EXAMPLE_CASES = [
    example("text-stats", "text-stats/gettysburg.txt"),
    example("workflow/word-count", "x y.words", b"b\na\nb\n"),
    example("workflow/words", "text-stats/gettysburg.txt"),
    example("grayify", "grayify/sunrise.png"),
    example("posenet", "image.jpg", b"\xff\xd8\xff\xd9"),
]


def test_every_example_is_among_the_cases() -> None:
    scripts = sorted(path.read_text() for path in EXAMPLES.glob("*/*.sh"))
    assert sorted(case.script for case in EXAMPLE_CASES) == scripts


@pytest.mark.parametrize("case", daily(EXAMPLE_CASES, "text-stats"), ids=lambda case: case.name)
def test_an_example_from_its_upload(comparison: Comparison, case: Case) -> None:
    comparison.create(case)
    local, job = comparison.local(case, None)
    assert_same(comparison.real(case, local.environment["EVENT"].encode(), job), local)
    assert local.code == 0
    comparison.remove(case)


@pytest.mark.parametrize("name", daily(RAW, *DAILY_PAYLOADS))
def test_a_job_of_a_payload(comparison: Comparison, name: str) -> None:
    case = Case(f"raw-{name}", WRITE, content=None)
    comparison.create(case)
    local, job = comparison.local(case, RAW[name])
    assert_same(comparison.real(case, RAW[name], job), local)


# -- storage that is reached by TLS ---------------------------------------------------------------------


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Return a function that makes both supervisors trust whom a certificate vouches for."""

    def trusting(voucher: Path) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(voucher))
        monkeypatch.setitem(faas_supervisor.EXTRA, "REQUESTS_CA_BUNDLE", str(voucher).encode())

    return trusting


def compare_results(
    comparison: Comparison,
    case: Case,
    files: Path,
    prepare: Callable[[], None],
    *,
    works: bool,
    providers: dict[str, Any] | None = None,
) -> dict[str, bytes | None]:
    """Run a case both ways, and compare what each stored in a server's folder; return that.

    Args:
        comparison: runs it.
        case: the service.
        files: the folder, which is emptied after each run.
        prepare: called before each.
        works: whether the results are stored.
        providers: take the place of the case's, as a service with these could not be created.
    """
    comparison.create(case)
    if providers is not None:
        comparison.change_providers(case, providers)
    payload = encoded(event(f"{case.name}-bucket", quote_plus(case.key)))
    prepare()
    local, job = comparison.local(case, payload)
    stored = taken_files(files)
    prepare()
    real = comparison.real(case, payload, job)
    if not works and "said" in local.log:
        # What the script printed is kept here, with a note that it is lost there.
        local.log.remove("said")
    assert_same(real, local)
    assert stored == taken_files(files)
    assert (local.code == 0) is works
    return stored


# -- results behind WebDAV -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DavServer, Path]]:
    folder = tmp_path_factory.mktemp("wsgidav")
    _, voucher = certified(folder)
    with wsgidav_server(folder, folder / "server.pem") as server:
        yield server, voucher


def taken_files(folder: Path) -> dict[str, bytes | None]:
    """Return the content of each file, `None` for a folder, and remove them."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return found


DAV_CASES = [
    # The folder that is made is said to be, below the log of the supervisor.
    ("dav-made", "results", WRITE + "echo x > 'x ü.txt'; echo y > y.png\n", {}, True),
    ("dav-deep", "a/b", WRITE + "echo x > x.txt\n", {}, False),
    ("dav-below", "results", WRITE + "mkdir sub; echo x > sub/x.txt\n", {}, False),
    ("dav-nothing", "results", "echo said\n", {}, True),
    ("dav-password", "results", WRITE + "echo x > x.txt\n", {"password": "wrong"}, False),
    ("dav-away", "results", WRITE + "echo x > x.txt\n", {"hostname": "127.0.0.1:1"}, False),
]


@pytest.mark.parametrize(("name", "path", "script", "change", "works"), daily(DAV_CASES, "dav-made"))
def test_results_behind_webdav(
    comparison: Comparison,
    dav: tuple[DavServer, Path],
    trust: Callable[[Path], None],
    name: str,
    path: str,
    script: str,
    change: dict[str, str],
    works: bool,
) -> None:
    server, voucher = dav
    trust(voucher)
    provider = {"hostname": server.endpoint.removeprefix("https://"), "login": LOGIN, "password": PASSWORD}
    members = {
        "output": [
            output(name, "own"),
            {"storage_provider": "webdav.files", "path": path, "suffix": ["txt"]},
        ],
        "storage_providers": {"webdav": {"files": {**provider, **change}}},
    }
    case = Case(name, script, members=members)
    files = compare_results(comparison, case, server.files, lambda: None, works=works)
    if name == "dav-made":
        assert files == {"results": None, "results/x ü.txt": b"x\n"}


# -- input behind WebDAV -------------------------------------------------------------------------------

GIVEN = {"storage_provider": "webdav.dcache", "path": "/given/"}
INPUT_CASES: list[tuple[str, str, list[dict[str, Any]], dict[str, str], bool]] = [
    ("in-file", "x ü%20.txt", [GIVEN], {}, True),
    ("in-first", "x ü%20.txt", [{**GIVEN, "path": "given/deep"}, GIVEN], {}, False),
    ("in-folder", "deep", [GIVEN], {}, True),
    ("in-all", "", [GIVEN], {}, True),
    ("in-below", "deep/1.txt", [GIVEN], {}, False),
    ("in-root", "top.txt", [], {}, True),
    ("in-short", "top.txt", [{**GIVEN, "storage_provider": "webdav"}], {}, True),
    ("in-missing", "x.txt", [GIVEN], {}, False),
    ("in-refused", "x ü%20.txt", [GIVEN], {"password": "wrong"}, False),
    ("in-away", "x ü%20.txt", [GIVEN], {"hostname": "127.0.0.1:1"}, False),
]


@pytest.mark.parametrize(("name", "file", "inputs", "change", "works"), daily(INPUT_CASES, "in-file"))
def test_input_behind_webdav(
    comparison: Comparison,
    dav: tuple[DavServer, Path],
    trust: Callable[[Path], None],
    name: str,
    file: str,
    inputs: list[dict[str, Any]],
    change: dict[str, str],
    works: bool,
) -> None:
    server, voucher = dav
    trust(voucher)
    taken_files(server.files)
    # The client passes over what has the name of its folder.
    (server.files / "given" / "deep" / "sub" / "deep").mkdir(parents=True)
    (server.files / "given" / "deep" / "deep").mkdir()
    (server.files / "given" / "x ü%20.txt").write_text("content")
    (server.files / "given" / "deep" / "1.txt").write_text("1")
    (server.files / "given" / "deep" / "sub" / "ä b.txt").write_text("2")
    (server.files / "top.txt").write_text("top")
    host = server.endpoint.removeprefix("https://")
    provider = {"hostname": host, "login": LOGIN, "password": PASSWORD, **change}
    providers = {"webdav": {"dcache": provider, "default": provider}}
    members = {"input": inputs, "storage_providers": providers}
    case = Case(name, WRITE + "echo x > x\n", members=members, content=None)
    comparison.create(case)
    payload = encoded({"event": {"name": file, "mask": ["IN_CREATE"]}, "subscription": "s"})
    local, job = comparison.local(case, payload)
    real = comparison.real(case, payload, job)
    assert_same(real, local)
    assert (local.code == 0) is works
    if name == "in-file":
        assert local.input == b"content"
    if name == "in-folder":
        assert "./deep/sub/ä b.txt" in local.tree


class _Door(BaseHTTPRequestHandler):
    """A door with one file, whose content is elsewhere or breaks off."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(200, b"")

    def do_PROPFIND(self) -> None:
        kind = "<D:prop><D:resourcetype/></D:prop>"
        told = f"<D:response><D:href>{self.path}</D:href><D:propstat>{kind}</D:propstat></D:response>"
        self._answer(207, f'<D:multistatus xmlns:D="DAV:">{told}</D:multistatus>'.encode())

    def do_GET(self) -> None:
        if self.path.endswith("/moved"):
            self._answer(302, b"", Location="/pool")
        elif self.path.endswith("/locked"):
            self._answer(423, b"locked")
        else:
            self._answer(200, b"content", length=7 if self.path == "/pool" else 20)

    def _answer(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length or len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.parametrize(
    ("file", "works"), daily([("moved", True), ("short", False), ("locked", False)], "short")
)
def test_input_from_a_door(
    comparison: Comparison,
    dav: tuple[DavServer, Path],
    trust: Callable[[Path], None],
    file: str,
    works: bool,
) -> None:
    voucher = dav[1]
    trust(voucher)
    door = ThreadingHTTPServer(("127.0.0.1", 0), _Door)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(voucher.with_name("server.pem"))
    door.socket = context.wrap_socket(door.socket, server_side=True)
    thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    provider = {"hostname": f"127.0.0.1:{door.server_port}", "login": LOGIN, "password": PASSWORD}
    members = {"input": [GIVEN], "storage_providers": {"webdav": {"dcache": provider}}}
    case = Case(f"door-{file}", WRITE, members=members, content=None)
    comparison.create(case)
    payload = encoded({"event": {"name": file}, "subscription": "s"})
    local, job = comparison.local(case, payload)
    assert_same(comparison.real(case, payload, job), local)
    assert (local.code == 0) is works
    assert local.input == (b"content" if works else None)
    door.shutdown()
    thread.join(10)
    door.server_close()


# -- results in Onedata --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def onedata(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OneproviderServer, Path]]:
    folder = tmp_path_factory.mktemp("onedata")
    _, voucher = certified(folder)
    with oneprovider(folder, folder / "server.pem") as server:
        yield server, voucher


ODD = "touch 'a%20b.txt' '50%.txt' 'x?y.txt' 'x#y.txt' \" sp .txt\"\n"
ONEDATA_CASES: list[tuple[str, str, str, dict[str, str], bool]] = [
    ("od-made", "results", WRITE + "echo x > 'x ü.txt'; echo y > y.png\n", {}, True),
    ("od-deep", "a ü/b", WRITE + "mkdir -p n/m; echo x > n/m/x.txt; : > e.txt\n", {}, True),
    ("od-names", "results", WRITE + ODD, {}, True),
    ("od-nothing", "results", "echo said\n", {}, True),
    ("od-expired", "results", WRITE + "echo x > x.txt\n", {"token": EXPIRED}, False),
    ("od-space", "results", WRITE + "echo x > x.txt\n", {"space": "Other"}, False),
    # There is a file in the place of the output's folder, and a folder in that of a result.
    ("od-file", "file.txt", WRITE + "echo x > x.txt\n", {}, False),
    ("od-folder", "there", WRITE + "echo x > folder.txt\n", {}, False),
    ("od-full", "results", WRITE + "head -c 3000 /dev/zero > x.txt\n", {}, False),
    ("od-link", "results", 'ln -s nowhere "$TMP_OUTPUT_DIR/link.txt"\n', {}, False),
]


@pytest.mark.parametrize(("name", "path", "script", "change", "works"), daily(ONEDATA_CASES, "od-made"))
def test_results_in_onedata(
    comparison: Comparison,
    onedata: tuple[OneproviderServer, Path],
    trust: Callable[[Path], None],
    name: str,
    path: str,
    script: str,
    change: dict[str, str],
    works: bool,
) -> None:
    server, voucher = onedata
    trust(voucher)
    server.room = 2000
    host = server.endpoint.removeprefix("https://")
    provider = {"oneprovider_host": host, "token": TOKEN, "space": SPACE}
    members = {
        "output": [{"storage_provider": "onedata.plg", "path": path, "suffix": ["txt"]}],
        "storage_providers": {"onedata": {"plg": provider}},
    }

    def prepare() -> None:
        taken_files(server.space)
        (server.space / "file.txt").write_text("kept")
        (server.space / "there" / "folder.txt").mkdir(parents=True)

    case = Case(name, script, members=members)
    changed = {"onedata": {"plg": {**provider, **change}}}
    files = compare_results(comparison, case, server.space, prepare, works=works, providers=changed)
    if name == "od-made":
        assert files["results/x ü.txt"] == b"x\n"
        assert "results/y.png" not in files
