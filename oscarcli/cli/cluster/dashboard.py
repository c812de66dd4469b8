"""`cluster open`: the cluster's own pages in a browser."""

from __future__ import annotations

import typer

from oscarcli.cli.kit.browser import open_page
from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import NotFoundError

app = noun("The cluster's own pages.")


@app.command("open, ui", formats=TABLE_FORMATS)
def open_dashboard(ctx: typer.Context) -> None:
    """Open a cluster's dashboard in a browser, and say its address."""
    from oscarcli.api.system import has_dashboard
    from oscarcli.http.address import base_url

    session: Session = ctx.obj
    address = f"{base_url(session.cluster.endpoint)}/ui/"
    if not has_dashboard(session.api):
        raise NotFoundError(
            f'the cluster "{session.cluster_id}" has no dashboard',
            hint="'oscar-cli interactive' shows a cluster on a full screen; with --web, in a browser",
        )
    session.done(address, {"cluster": session.cluster_id, "url": address})
    open_page(address)
