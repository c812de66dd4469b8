"""Members of a federation as the command line names them: read from options, compared, described."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from oscarcli.coercion import GO_TRUTH
from oscarcli.errors import NotFoundError, UsageError

Member = dict[str, Any]

# What a member is made of besides `type`, `cluster_id` and `service_name`, which tell members apart.
DETAILS = ("url", "ssl_verify", "priority", "headers")
# What `--ssl-verify` also takes behind a blank.
SSL_VERIFY_WORDS = {"--ssl-verify": GO_TRUTH.all}

TypeOption = Annotated[
    str | None,
    typer.Option("--type", metavar="[oscar|endpoint]", help="A service of a cluster, or an endpoint."),
]
ClusterIdOption = Annotated[
    str | None, typer.Option("--cluster-id", metavar="ID", help="The member's cluster, a key of `clusters`.")
]
ServiceNameOption = Annotated[
    str | None, typer.Option("--service-name", metavar="NAME", help="The member's service there.")
]
UrlOption = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Where an endpoint takes events.")
]
PriorityOption = Annotated[
    int | None, typer.Option("--priority", metavar="N", min=0, help="Order of use; 0 is first.")
]
InsecureOption = Annotated[
    bool, typer.Option("--insecure", help="The member's TLS certificate is not verified.")
]
SslVerifyOption = Annotated[
    str | None,
    typer.Option(
        "--ssl-verify", metavar="[true|false]", help="Whether its TLS certificate is verified; it is."
    ),
]
HeaderOption = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="K=V", help="Header to send to an endpoint; may be repeated."),
]


def member_type(word: str | None) -> str | None:
    """Return a type that a word of the command line names. Raises UsageError."""
    from oscarcli.api.federation import TYPES

    if word is None or word.strip().lower() in TYPES:
        return word.strip().lower() if word else None
    raise UsageError(f'--type takes {" or ".join(TYPES)}, not "{word}"')


def verification(insecure: bool, ssl_verify: str | None) -> bool | None:
    """Return whether certificates are verified, `None` when nothing is said of it. Raises UsageError."""
    if ssl_verify is None:
        return False if insecure else None
    word = ssl_verify.strip()
    wanted = GO_TRUTH.read(word) if word else True
    if wanted is None:
        raise UsageError(f'--ssl-verify takes true or false, not "{ssl_verify}"')
    if insecure and wanted:
        raise UsageError("only one of --insecure and --ssl-verify can be set")
    return wanted


def headers_of(words: list[str] | None) -> dict[str, str] | None:
    """Return headers from words of the form NAME=VALUE; `None` for no words. Raises UsageError."""
    if words is None:
        return None
    found: dict[str, str] = {}
    for word in words:
        # Each is a header of its own: a comma may belong to its value.
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise UsageError(f'--header: "{word}" has not the form NAME=VALUE')
        found[key.strip()] = value.strip()
    return found


def check_complete(member: Member) -> None:
    """Raise UsageError when a member lacks what it is found by: nothing else checks it."""
    # A stored member has what whoever added it has said.
    kind = member.get("type") or "oscar"
    if kind == "endpoint" and not member.get("url"):
        raise UsageError("a member of type endpoint needs --url URL")
    if kind == "oscar" and not (member.get("cluster_id") and member.get("service_name")):
        raise UsageError("a member of type oscar needs --cluster-id ID and --service-name NAME")


def is_same_place(one: Member, other: Member) -> bool:
    """Tell whether two members are one; endpoints may have nothing that differs but their URL."""
    from oscarcli.api.federation import identity

    same_url = (one.get("url") or "") == (other.get("url") or "")
    return identity(one) == identity(other) and (identity(one)[0] != "endpoint" or same_url)


def is_equal(one: Member, other: Member) -> bool:
    """Tell whether two members have all in common."""
    from oscarcli.api.federation import identity

    return identity(one) == identity(other) and all(
        (one.get(key) or None) == (other.get(key) or None) for key in DETAILS
    )


def described(member: Member) -> str:
    """Return what a member is, for messages."""
    kind = member.get("type") or "oscar"
    if kind == "endpoint":
        return f'endpoint "{member.get("url")}"'
    return f'service "{member.get("service_name")}" of cluster "{member.get("cluster_id")}"'


def selected(
    members: Sequence[Member],
    service: str,
    kind: str | None,
    cluster_id: str | None,
    service_name: str | None,
) -> list[Member]:
    """Return the members that selectors name.

    Raises:
        UsageError: there is no selector.
        NotFoundError: no member fits them.
    """
    given = {"type": kind, "cluster_id": cluster_id, "service_name": service_name}
    wanted = {key: value for key, value in given.items() if value is not None}
    if not wanted:
        raise UsageError("name the member with --cluster-id, --service-name or --type")
    found = [
        member
        for member in members
        if all(str(member.get(key) or "").lower() == value.lower() for key, value in wanted.items())
    ]
    if not found:
        named = ", ".join(f'{key} "{value}"' for key, value in wanted.items())
        raise NotFoundError(
            f'service "{service}" has no federation member with {named}',
            hint=f"'oscar-cli federation get {service}' shows its members",
        )
    return found


def one_of(members: Sequence[Member]) -> Member:
    """Return the only one. Raises UsageError, with what they are, when there are several."""
    if len(members) == 1:
        return members[0]
    listed = "; ".join(described(member) for member in members)
    raise UsageError(
        f"{len(members)} members fit: {listed}",
        hint="name one with --cluster-id and --service-name; members equal in both cannot be told apart",
    )
