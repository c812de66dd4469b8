"""`health`: whether a cluster is well."""

from __future__ import annotations

import typer

from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import UnreachableError
from oscarcli.output.render import Column, Result

app = noun("Ask a cluster whether it is well.")

COLUMNS = (Column("CLUSTER", "cluster"), Column("STATUS", "status"), Column("RESPONSE", "raw_body"))


@app.command("health", formats=("text", "json", "yaml", "table"), columns=COLUMNS, watch="whole")
def health(ctx: typer.Context) -> None:
    """Ask a cluster whether it is well.

    The exit code tells it, too: 6 when it is not, or when nothing answers.
    """
    from oscarcli.api.system import get_health

    session: Session = ctx.obj
    found = get_health(session.api)
    document = {"status": "ok" if found.is_well else "unhealthy", "raw_body": found.body}
    if session.output == "text":
        session.line(f"Health: {document['status']}")
        if found.body:
            session.line(f"Response: {found.body}")
    else:
        row = {"cluster": session.cluster_id, **document}
        session.show(Result(document, COLUMNS, rows=[row], is_record=True))
    if not found.is_well:
        raise UnreachableError(
            f'the cluster "{session.cluster_id}" is not well: it answered HTTP {found.status}',
            hint="'oscar-cli cluster info' tells whether its other routes answer",
        )
