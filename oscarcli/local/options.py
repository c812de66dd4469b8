"""What a local cluster is told at its start, and where it answers then."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_API_PORT = 8080
DEFAULT_S3_PORT = 9000
# Of the cluster's own OpenID issuer, below the REST API's endpoint.
ISSUER_PATH = "/oidc"
LOOPBACK = "127.0.0.1"
# A synchronous call is cut off here: the manager, the watchdog and the platform below agree on it.
SYNC_LIMIT_SECONDS = 300.0


# When a service's image is pulled: before each job, when it is not on this machine, never.
PULL_ALWAYS, PULL_MISSING, PULL_NEVER = "always", "missing", "never"


@dataclass(frozen=True)
class Binding:
    """Where a server listens. A port of `None` means the one used last or the default, 0 any free one.

    `allow_hosts` are names under which it may be asked, besides `host` and those of loopback.
    """

    host: str = LOOPBACK
    port: int | None = None
    s3_port: int | None = None
    allow_hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Endpoints:
    """Where a server answers: URLs of the REST API and of the object store."""

    api: str
    s3: str


@dataclass(frozen=True)
class Options:
    """How a cluster behaves.

    Args:
        engine: the name of one (see `engine.selection`), or `auto` for the first that works.
        pull: when images are pulled: `always`, `missing` or `never`.
        parallel: most jobs at a time, 0 for as many as there are cores, four at most.
        strict: behave like a real cluster also where that is in the way: no shared buckets, failing jobs
            for folder markers, buckets that outlive a service without an owner.
        strict_exit: a script's exit code decides whether its job succeeded.
        sync_store: synchronous runs store their results too.
        users: people log in at an OpenID issuer of the cluster's own, beside the cluster's account.
        sync_limit: seconds after which a synchronous run is cut off.
    """

    engine: str = "host"
    pull: str = PULL_MISSING
    parallel: int = 0
    strict: bool = False
    strict_exit: bool = False
    sync_store: bool = False
    users: bool = False
    sync_limit: float = SYNC_LIMIT_SECONDS


def endpoint(host: str, port: int) -> str:
    """Return the URL at which a program on this machine reaches a listener."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 -- compared, not bound
        host = LOOPBACK
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
