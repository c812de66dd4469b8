"""What an upload by form is announced as: by MinIO to its webhook, and by the local cluster to a job."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.local.harness import LocalCluster, open_cluster
from tests.local.objects.harness import boto_client
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, minio_server

Event = dict[str, Any]


class _Webhook(ThreadingHTTPServer):
    """Keeps the events that it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.events: queue.Queue[Event] = queue.Queue()


class _Receiver(BaseHTTPRequestHandler):
    server: _Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body:
            self.server.events.put(json.loads(body))
        self._end()

    def do_HEAD(self) -> None:
        self._end()

    def _end(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def webhook() -> Iterator[_Webhook]:
    with _Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _post_forms(client: Any, bucket: str) -> None:
    """Upload by form, with a type and without."""
    import httpx

    for key, fields in (("in/a b.txt", {"Content-Type": "text/x", "x-amz-meta-m": "1"}), ("in/c.txt", {})):
        conditions = [{name: value} for name, value in fields.items()]
        form = client.generate_presigned_post(bucket, key, Fields=dict(fields), Conditions=conditions)
        files = {"file": ("name", b"hello")}
        answer = httpx.post(form["url"], data=form["fields"], files=files, trust_env=False, verify=False)
        assert answer.status_code == 204


def _told(event: Event) -> tuple[str, str, Event]:
    """Return what does not depend on the moment."""
    stored = event["Records"][0]["s3"]["object"]
    return event["EventName"], event["Key"], {name: stored[name] for name in stored if name != "sequencer"}


def _of_minio(webhook: _Webhook, folder: Path) -> list[tuple[str, str, Event]]:
    target = {
        "MINIO_NOTIFY_WEBHOOK_ENABLE_test": "on",
        "MINIO_NOTIFY_WEBHOOK_ENDPOINT_test": f"http://127.0.0.1:{webhook.server_port}/",
    }
    with minio_server(folder, target) as server:
        client = boto_client(server.endpoint, key=ACCESS_KEY, secret=SECRET_KEY)
        client.create_bucket(Bucket="forms-bucket")
        queues = [{"QueueArn": "arn:minio:sqs::test:webhook", "Events": ["s3:ObjectCreated:*"]}]
        client.put_bucket_notification_configuration(
            Bucket="forms-bucket", NotificationConfiguration={"QueueConfigurations": queues}
        )
        _post_forms(client, "forms-bucket")
        client.close()
        return [_told(webhook.events.get(timeout=30)) for _ in range(2)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    running = open_cluster(tmp_path / "cluster")
    yield running
    running.close()


@pytest.mark.thorough
def test_forms_are_announced_as_by_minio(cluster: LocalCluster, webhook: _Webhook, tmp_path: Path) -> None:
    expected = _of_minio(webhook, tmp_path / "minio")
    cluster.create("forms", 'printf %s "$EVENT" > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"\n')
    _post_forms(cluster.s3, "forms-bucket")
    cluster.ended("forms", 2)
    ours = [
        _told(json.loads(cluster.content("forms-bucket", f"out/{name}"))) for name in ("a b.txt", "c.txt")
    ]
    assert sorted(ours, key=str) == sorted(expected, key=str)
