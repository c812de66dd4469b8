"""`quota`: how much of a cluster a user may take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import typer

from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.quantities import number_of, shown_size
from oscarcli.cli.kit.session import Session
from oscarcli.coercion import as_mapping
from oscarcli.errors import UsageError
from oscarcli.output.render import Column, Result

app = noun("How much of a cluster a user may take.")

FORMATS = ("yaml", "json", "table")
UNLIMITED = "no limit"


class Row(NamedTuple):
    """A line of the table; `share` is how much of the most is used, from 0 to 1, where both are known."""

    resource: str
    most: Any
    used: Any
    share: float | None = None


COLUMNS = (
    Column("RESOURCE", lambda row: row.resource),
    Column("MAX", lambda row: row.most),
    Column("USED", lambda row: row.used),
)


@app.command("get, g", formats=FORMATS, columns=COLUMNS, watch="whole", on_terminal="table")
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
    found = list(rows(document))
    if session.wants_usual_table and session.out.is_terminal and found:
        from oscarcli.output.bars import to_chart

        session.answer(to_chart(COLUMNS, found, lambda row: row.share, session.out, whole=1.0))
    else:
        session.show(Result(document, COLUMNS, rows=found, empty="The server tells of no quota"))


def rows(quota: dict[str, Any]) -> Iterator[Row]:
    """Yield the lines of a quota: what there is of it differs with the server's version and set-up."""
    for name, one in as_mapping(quota.get("resources")).items():
        yield _row(name, as_mapping(one), _form_of(name))
    volumes = as_mapping(quota.get("volumes"))
    if "disk" in volumes:
        yield _row("volume disk", as_mapping(volumes["disk"]), shown_size)
    if "volumes" in volumes:
        yield _row("volume count", as_mapping(volumes["volumes"]), _as_it_is)
    for key, name in (("max_disk_per_volume", "largest volume"), ("min_disk_per_volume", "smallest volume")):
        if key in volumes:
            yield Row(name, shown_size(volumes[key]), None)
    yield from _minio_rows(as_mapping(quota.get("minio")))


def _minio_rows(minio: Mapping[str, Any]) -> Iterator[Row]:
    if "buckets" in minio:
        row = _row("buckets", as_mapping(minio["buckets"]), _as_it_is)
        yield row._replace(most=row.most or UNLIMITED)
    if "storage_per_bucket" in minio:
        yield Row("storage per bucket", shown_size(as_mapping(minio["storage_per_bucket"]).get("max")), None)
    if "storage_total" in minio:
        yield Row("storage", None, shown_size(as_mapping(minio["storage_total"]).get("used")))


def _row(name: str, one: Mapping[str, Any], form: Callable[[Any], Any]) -> Row:
    most, used = number_of(one.get("max")), number_of(one.get("used"))
    share = used / most if most and used is not None else None
    return Row(name, form(one.get("max")), form(one.get("used")), share)


def _form_of(name: str) -> Callable[[Any], Any]:
    """Return how amounts of a resource are shown."""
    if name == "cpu":
        return _cores
    return shown_size if name in ("memory", "ephemeral-storage") else _as_it_is


def _cores(value: Any) -> Any:
    """Return cores for the server's thousandths; servers before 4.0 send quantities, which are cores."""
    from oscarcli.output.amounts import cores

    if isinstance(value, int):
        return cores(value)
    number = number_of(value)
    return value if number is None else cores(1000 * number)


def _as_it_is(value: Any) -> Any:
    return value


def _option(flag: str, text: str) -> Any:
    return typer.Option(flag, metavar="QUANTITY", help=text)


def _count(flag: str, text: str) -> Any:
    return typer.Option(flag, metavar="N", min=0, help=text)


@app.command("update, u", formats=FORMATS, columns=COLUMNS, on_terminal="table")
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
