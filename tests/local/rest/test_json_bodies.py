"""JSON that Python reads otherwise than the manager's decoder, on every route that takes any.

The expected values are what Go's encoding/json makes of the same bytes.
"""

from __future__ import annotations

import json

import pytest

from tests.local.harness import LocalCluster

BIG = "1" * 5000


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (r"a\ud800b", "a\ufffdb"),
        (r"\udc00\ud800", "\ufffd\ufffd"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\\ud800", "\\ud800"),
        ("\u00e9", "\u00e9"),
    ],
)
def test_half_a_surrogate_pair_becomes_the_replacement_character(
    cluster: LocalCluster, text: str, stored: str
) -> None:
    variables = f'"environment": {{"variables": {{"A": "{text}"}}}}'
    body = f'{{"name": "halves", "image": "none", "script": "true", {variables}}}'.encode()
    try:
        answer = cluster.api.post("/system/services", content=body)
        assert (answer.status_code, answer.text) == (201, "")
        (listed,) = [item for item in cluster.api.get("/system/services").json() if item["name"] == "halves"]
        assert listed["environment"]["variables"] == {"A": stored}
    finally:
        cluster.api.delete("/system/services/halves")


@pytest.mark.parametrize("number", [BIG, f"-{BIG}", "1e400", f"{BIG}.5"])
@pytest.mark.parametrize(
    ("method", "path", "member"),
    [
        ("POST", "/system/services", '"total_memory": "1Gi", "log_level": %s'),
        ("POST", "/system/services", '"synchronous": {"max_scale": %s}'),
        ("PUT", "/system/services", '"annotations": {"a": %s}'),
        ("POST", "/system/buckets", '"bucket_name": %s'),
        ("PUT", "/system/buckets", '"allowed_users": [%s]'),
        ("POST", "/system/buckets/data/presign", '"expires_in": %s'),
        ("POST", "/system/volumes", '"size": %s'),
        ("PUT", "/system/quotas/user/oscar", '"cpu": %s'),
    ],
)
def test_a_number_beyond_all_bounds_is_refused(
    cluster: LocalCluster, method: str, path: str, member: str, number: str
) -> None:
    body = "{" + member.replace("%s", number) + "}"
    answer = cluster.api.request(method, path, content=body.encode())
    assert answer.status_code == 400
    assert "cannot unmarshal number" in answer.text
    assert len(answer.text) < 200


def test_an_integer_has_64_bits(cluster: LocalCluster) -> None:
    def answer(number: int) -> tuple[int, str]:
        body = {"name": "bits", "image": "none", "script": "true", "expose": {"min_scale": number}}
        response = cluster.api.post("/system/services", content=json.dumps(body).encode())
        return response.status_code, response.text

    status, text = answer(1 << 63)
    assert status == 400
    assert f"cannot unmarshal number {1 << 63} into Go struct field" in text
    assert text.rstrip().endswith("of type int")
