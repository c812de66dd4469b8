from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import pytest

from oscarcli.errors import AuthError, OscarError, UsageError
from oscarcli.storage import provider
from oscarcli.storage.s3.storage import S3Storage

CLUSTER = {
    "endpoint": "http://127.0.0.1:9000",
    "verify": False,
    "access_key": "root",
    "secret_key": "rootsecret",
    "region": "us-east-1",
}
MASKED = {**CLUSTER, "access_key": "hidden", "secret_key": "hidden"}
OTHER = {**CLUSTER, "access_key": "other", "secret_key": "othersecret", "endpoint": "https://other.example"}
AMAZON = {"access_key": "AK", "secret_key": "SK", "region": "eu-west-1"}
SERVICE = {
    "name": "svc",
    "storage_providers": {"minio": {"default": MASKED, "mine": OTHER, "masked": MASKED}, "s3": {"a": AMAZON}},
}


def never() -> NoReturn:
    raise AssertionError("the cluster's configuration is not needed")


def settings_of(storage: object) -> Any:
    assert isinstance(storage, S3Storage)
    return storage._settings


@pytest.mark.parametrize("name", ["minio", "minio.default", " minio "])
def test_the_clusters_minio_takes_its_keys_from_the_configuration(name: str) -> None:
    settings = settings_of(provider.open_storage(name, SERVICE, lambda: CLUSTER))
    assert (settings.provider, settings.access_key) == ("minio.default", "root")
    assert (settings.endpoint, settings.tls.verify) == ("http://127.0.0.1:9000", False)


def test_another_minio_is_the_services_own() -> None:
    settings = settings_of(provider.open_storage("minio.mine", SERVICE, never))
    assert (settings.provider, settings.access_key) == ("minio.mine", "other")


def test_amazon_has_no_endpoint() -> None:
    settings = settings_of(provider.open_storage("s3.a", SERVICE, never))
    assert (settings.endpoint, settings.region, settings.tls.verify) == (None, "eu-west-1", True)


def test_certificates_are_verified_unless_the_definition_says_no() -> None:
    without = {key: value for key, value in OTHER.items() if key != "verify"}
    service = {"name": "svc", "storage_providers": {"minio": {"x": without}}}
    assert settings_of(provider.open_storage("minio.x", service, never)).tls.verify is True


def test_a_time_limit_is_handed_on() -> None:
    assert settings_of(provider.open_storage("s3.a", SERVICE, never, read_timeout=1.5)).read_timeout == 1.5


@pytest.mark.parametrize("name", ["ftp.x", "nonsense", ""])
def test_unknown_kinds_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="invalid storage provider"):
        provider.open_storage(name, SERVICE, never)


@pytest.mark.parametrize("service", [{"name": "svc"}, {"name": "svc", "storage_providers": None}, SERVICE])
def test_a_provider_the_service_does_not_define_is_named(service: Mapping[str, Any]) -> None:
    with pytest.raises(UsageError, match=r'"s3\.nowhere" is not defined in the service "svc"') as caught:
        provider.open_storage("s3.nowhere", service, never)
    assert "minio.default" in str(caught.value.hint)


@pytest.mark.parametrize("mask", ["hidden", "***"])
def test_masked_keys_are_noticed(mask: str) -> None:
    service = {"name": "svc", "storage_providers": {"s3": {"a": {**AMAZON, "secret_key": mask}}}}
    with pytest.raises(AuthError, match="instead of the secret_key") as caught:
        provider.open_storage("s3.a", service, never)
    assert caught.value.hint


def test_missing_keys_are_noticed() -> None:
    service = {"name": "svc", "storage_providers": {"s3": {"a": {"region": "eu-west-1"}}}}
    with pytest.raises(AuthError, match="access_key is missing"):
        provider.open_storage("s3.a", service, never)


@pytest.mark.parametrize("answer", [None, {}, {"endpoint": None}])
def test_a_configuration_without_minio_is_an_error_not_a_crash(answer: Any) -> None:
    with pytest.raises(OscarError, match="minio"):
        provider.open_storage("minio.default", SERVICE, lambda: answer)


def test_secrets_are_in_no_representation() -> None:
    settings = settings_of(provider.open_storage("minio.default", SERVICE, lambda: CLUSTER))
    assert "rootsecret" not in repr(settings)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("minio", True),
        ("minio.default", True),
        ("minio.x", True),
        ("s3.x", True),
        ("onedata.x", True),
        ("webdav.x", True),
        ("rucio.x", True),
        (" minio.default ", True),
        ("s3.txt", True),
        ("s3", False),
        ("Minio.x", False),
        ("minio.bucket/in", False),
        ("bucket/key", False),
        ("photo.jpg", False),
    ],
)
def test_what_looks_like_a_provider(word: str, expected: bool) -> None:
    assert provider.looks_like_provider(word) is expected


# -- default places --------------------------------------------------------------------------------

PLACES = {
    "name": "svc",
    "input": [
        {"storage_provider": "s3.a", "path": "amazon/in"},
        {"storage_provider": "minio", "path": " /here/in/ "},
        {"storage_provider": "minio.default", "path": "later/in"},
    ],
    "output": [
        {"storage_provider": "", "path": "nowhere"},
        {"storage_provider": "minio", "path": "here/out"},
        {"storage_provider": "s3.a", "path": ""},
        {"storage_provider": "s3.a", "path": "amazon/out"},
    ],
}


@pytest.mark.parametrize("name", ["minio", "minio.default"])
def test_both_names_of_the_clusters_minio_are_the_same_place(name: str) -> None:
    assert provider.default_input_path(PLACES, name) == "here/in"
    assert provider.default_output_path(PLACES, name) == "here/out"


def test_the_input_is_that_of_the_provider_asked_for() -> None:
    assert provider.default_input_path(PLACES, "s3.a") == "amazon/in"


def test_an_output_without_a_path_is_passed_over() -> None:
    assert provider.default_output_path(PLACES, "s3.a") == "amazon/out"


def test_the_first_output_with_a_provider_counts() -> None:
    assert provider.default_output_provider(PLACES) == "minio.default"


@pytest.mark.parametrize("service", [{}, {"input": None, "output": None}, {"input": [None, 3], "output": {}}])
def test_a_service_without_places_is_an_error_not_a_crash(service: Mapping[str, Any]) -> None:
    with pytest.raises(UsageError, match="does not define an input path"):
        provider.default_input_path(service, "minio")
    with pytest.raises(UsageError, match="does not define an output path"):
        provider.default_output_path(service, "minio")
    with pytest.raises(UsageError, match="does not define any output"):
        provider.default_output_provider(service)
