"""`quota`: how much of a cluster a user may take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import typer

from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.session import Session
from oscarcli.coercion import as_mapping
from oscarcli.errors import UsageError
from oscarcli.output.render import Column, Result

app = noun("How much of a cluster a user may take.")

FORMATS = ("yaml", "json", "table")
UNLIMITED = "no limit"


class Row(NamedTuple):
    """A line of the table."""

    resource: str
    most: Any
    used: Any


COLUMNS = (
    Column("RESOURCE", lambda row: row.resource),
    Column("MAX", lambda row: row.most),
    Column("USED", lambda row: row.used),
)


@app.command("get, g", formats=FORMATS, columns=COLUMNS, watch="whole")
def get(
    ctx: typer.Context,
    user: Annotated[
        str | None, typer.Argument(metavar="[USER_ID]", help="The user's id; your own quota without it.")
    ] = None,
) -> None:
    """Show a user's quota and how much of it is used."""
    from oscarcli.api.quotas import get_quota

    session: Session = ctx.obj
    _show(session, get_quota(session.api, user))


def _show(session: Session, document: dict[str, Any]) -> None:
    session.show(Result(document, COLUMNS, rows=list(rows(document))))


def rows(quota: dict[str, Any]) -> Iterator[Row]:
    """Yield the lines of a quota: what there is of it differs with the server's version and set-up."""
    for name, one in as_mapping(quota.get("resources")).items():
        yield Row(name, *(_amount(name, as_mapping(one).get(key)) for key in ("max", "used")))
    volumes = as_mapping(quota.get("volumes"))
    for key, name in (("disk", "volume disk"), ("volumes", "volume count")):
        if key in volumes:
            yield Row(name, as_mapping(volumes[key]).get("max"), as_mapping(volumes[key]).get("used"))
    for key, name in (("max_disk_per_volume", "largest volume"), ("min_disk_per_volume", "smallest volume")):
        if key in volumes:
            yield Row(name, volumes[key], None)
    yield from _minio_rows(as_mapping(quota.get("minio")))


def _minio_rows(minio: Mapping[str, Any]) -> Iterator[Row]:
    if "buckets" in minio:
        buckets = as_mapping(minio["buckets"])
        yield Row("buckets", buckets.get("max") or UNLIMITED, buckets.get("used"))
    if "storage_per_bucket" in minio:
        yield Row("storage per bucket", as_mapping(minio["storage_per_bucket"]).get("max"), None)
    if "storage_total" in minio:
        yield Row("storage", None, as_mapping(minio["storage_total"]).get("used"))


def _amount(name: str, value: Any) -> Any:
    """Return cores for the server's thousandths and a readable size for bytes; other values as they are."""
    from oscarcli.output.amounts import cores, size

    if not isinstance(value, int):
        # Servers before 4.0 send quantities, which can be read as they are.
        return value
    if name == "cpu":
        return cores(value)
    return size(value) if name in ("memory", "ephemeral-storage") else value


def _option(flag: str, text: str) -> Any:
    return typer.Option(flag, metavar="QUANTITY", help=text)


def _count(flag: str, text: str) -> Any:
    return typer.Option(flag, metavar="N", min=0, help=text)


@app.command("update, u", formats=FORMATS, columns=COLUMNS)
def update(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER_ID", help="The user's id.")],
    cpu: Annotated[str | None, _option("--cpu", "Cores, such as 8 or 500m.")] = None,
    memory: Annotated[str | None, _option("--memory", "Memory, such as 16Gi.")] = None,
    ephemeral_storage: Annotated[
        str | None, _option("--ephemeral-storage", "Disk of running containers, such as 20Gi.")
    ] = None,
    gpu: Annotated[
        int | None, _count("--gpu", "GPUs; together with --cpu, --memory or --ephemeral-storage.")
    ] = None,
    volume_disk: Annotated[str | None, _option("--volume-disk", "Disk of all volumes.")] = None,
    volume_count: Annotated[int | None, _count("--volume-count", "How many volumes.")] = None,
    volume_max_disk: Annotated[str | None, _option("--volume-max-disk", "Largest volume.")] = None,
    volume_min_disk: Annotated[str | None, _option("--volume-min-disk", "Smallest volume.")] = None,
    minio_buckets: Annotated[int | None, _count("--minio-buckets", "How many buckets.")] = None,
    minio_storage: Annotated[
        str | None, _option("--minio-storage", "Storage of each bucket, such as 10Gi.")
    ] = None,
) -> None:
    """Change a user's quota, only in what is given, and show it."""
    from oscarcli.api.quotas import update_quota

    session: Session = ctx.obj
    _check_quantities(
        {
            "--cpu": cpu,
            "--memory": memory,
            "--ephemeral-storage": ephemeral_storage,
            "--volume-disk": volume_disk,
            "--volume-max-disk": volume_max_disk,
            "--volume-min-disk": volume_min_disk,
            "--minio-storage": minio_storage,
        }
    )
    resources = {"cpu": cpu, "memory": memory, "ephemeral_storage": ephemeral_storage}
    volumes = {
        "disk": volume_disk,
        "volumes": volume_count,
        "max_disk_per_volume": volume_max_disk,
        "min_disk_per_volume": volume_min_disk,
    }
    minio = {"buckets": minio_buckets, "storage_per_bucket": minio_storage}
    if gpu is not None and not _given(resources):
        raise UsageError(
            "--gpu alone is ignored by servers", hint="repeat --cpu, --memory or --ephemeral-storage with it"
        )
    changes: dict[str, Any] = _given({**resources, "gpu": gpu})
    changes |= {key: part for key, part in (("volumes", _given(volumes)), ("minio", _given(minio))) if part}
    if not changes:
        raise UsageError("say what to change, such as --cpu 8 or --memory 16Gi")
    document = update_quota(session.api, user, changes)
    _show(session, document)
    _warn_of_ignored(session, changes, document)


def _given(values: dict[str, Any]) -> dict[str, str]:
    """Return what was given, as text: the server takes numbers as text only."""
    return {key: str(value) for key, value in values.items() if value is not None}


def _check_quantities(given: dict[str, str | None]) -> None:
    from oscarcli.fdl.quantities import quantity_error

    for flag, text in given.items():
        # The server finds a bad quantity late, and calls it a failure of its own.
        wrong = None if text is None else quantity_error(text, "cpu" if flag == "--cpu" else "storage")
        if wrong:
            raise UsageError(f"{flag}: {wrong}")


def _warn_of_ignored(session: Session, changes: dict[str, Any], quota: dict[str, Any]) -> None:
    """Say what the answer has nothing of: older servers ignore keys that they do not know."""
    resources = as_mapping(quota.get("resources"))
    names = {"ephemeral_storage": "ephemeral-storage"}
    for key in changes:
        place = quota if key in ("volumes", "minio") else resources
        if names.get(key, key) not in place:
            session.warn(f"the server shows no quota of {key}: it may not know of it")
