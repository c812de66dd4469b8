"""botocore's tables, read once by each process of the tests.

A client costs three times as much as most calls made with it, nearly all of it for reading the same two
megabytes of JSON: every session of botocore keeps what it has read for itself.
"""

from __future__ import annotations

from typing import Any

from botocore import regions
from botocore.endpoint_provider import EndpointProvider
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session

_read = JSONFileLoader.load_file
_list = Loader.list_available_services
_kept: dict[str, Any] = {}
_services: dict[tuple[str, ...], list[str]] = {}
_providers: dict[tuple[int, int], tuple[EndpointProvider, Any, Any]] = {}


def _load_file(loader: JSONFileLoader, path: str) -> Any:
    if path not in _kept:
        found = _read(loader, path)
        if found is None:
            return None
        _kept[path] = found
    return _kept[path]


def _list_available_services(loader: Loader, type_name: str) -> list[str]:
    key = (type_name, *loader.search_paths)
    if key not in _services:
        _services[key] = _list(loader, type_name)
    return _services[key]


def _endpoint_provider(ruleset_data: Any, partition_data: Any, **options: Any) -> EndpointProvider:
    """Return what knows the addresses of a service: to make it is a third of what a client costs."""
    # Both are kept, so that no others get their numbers; the first tells the service, and so the options.
    key = (id(ruleset_data), id(partition_data))
    if key not in _providers:
        made = EndpointProvider(ruleset_data, partition_data, **options)
        _providers[key] = (made, ruleset_data, partition_data)
    return _providers[key][0]


def read_once() -> None:
    """Let all sessions of this process share what is read, and the rules made of it."""
    regions.EndpointProvider = _endpoint_provider
    JSONFileLoader.load_file = _load_file
    Loader.list_available_services = _list_available_services


def read_those_of_s3() -> None:
    """Read now what a client of S3 wants."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "s"}
    Session().create_client("s3", region_name="us-east-1", endpoint_url="http://127.0.0.1:9", **keys).close()
