"""`graph`: which service of FDL files feeds which."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import ConfigError
from oscarcli.output.render import Column, Result

if TYPE_CHECKING:
    from oscarcli.fdl.graph import GraphNode, Workflow
    from oscarcli.fdl.service import ServiceDefinition

app = noun("Show how the services of FDL files follow each other.")

COLUMNS = (
    Column("FROM", "from"),
    Column("TO", "to", is_name=True),
    Column("PATH", "path"),
    Column("PARTLY", "partly"),
)


@app.command("graph", formats=("tree", "table", "json", "yaml", "mermaid", "dot"), columns=COLUMNS)
def graph(
    ctx: typer.Context,
    fdl_files: Annotated[
        list[str], typer.Argument(metavar="FDL_FILE...", help="Files, YAML or JSON; - for standard input.")
    ],
) -> None:
    """Show which service feeds which: one writes where another one reads.

    Services of several files belong together when they are for the same cluster; --cluster takes all of
    them as for that one.
    """
    from oscarcli.cli.fdl import graph_forms as forms
    from oscarcli.fdl.graph import workflow

    session: Session = ctx.obj
    found = workflow(_services(session, fdl_files))
    cycles = found.cycles()
    if session.output in (None, "tree"):
        session.answer(forms.tree(found, session.out))
    elif session.output == "mermaid":
        session.answer(forms.mermaid(found))
    elif session.output == "dot":
        session.answer(forms.dot(found))
    else:
        document = _document(found, cycles)
        # The names are those of the services; a line of the table is about two of them.
        rows = document["services" if session.layout.names_only else "edges"]
        empty = "no service feeds another one"
        session.show(Result(document, COLUMNS, rows, empty, name=Column("SERVICE", "id")))
    for cycle in cycles:
        names = [node.name for node in cycle]
        session.warn(
            f"a circle, in which jobs start each other without end: {' -> '.join([*names, names[0]])}"
        )


def _services(session: Session, paths: Sequence[str]) -> list[ServiceDefinition]:
    """Read the services of all files, each under the cluster it would go to, as far as that is known."""
    from dataclasses import replace

    from oscarcli.fdl.plan import DEFAULT_KEY
    from oscarcli.fdl.read import read

    default = _default_cluster(session)
    services: list[ServiceDefinition] = []
    for path in dict.fromkeys(paths):
        found = read(path, standard_input=getattr(sys.stdin, "buffer", None), scripts=False)
        for service in found.services:
            key = default if service.cluster_key == DEFAULT_KEY and default else service.cluster_key
            services.append(replace(service, cluster_key=session.cluster_option or key))
    seen: set[tuple[str, str]] = set()
    for service in services:
        if (service.cluster_key, service.name) in seen:
            session.warn(
                f'service "{service.name}" for cluster "{service.cluster_key}" is there more than once; '
                "the last one counts"
            )
        seen.add((service.cluster_key, service.name))
    return services


def _default_cluster(session: Session) -> str | None:
    """Return the default cluster's id; files are drawn without a configuration, too."""
    try:
        return session.config.default
    except ConfigError:
        return None


def _document(found: Workflow, cycles: Sequence[Sequence[GraphNode]]) -> dict[str, Any]:
    names = _names(found)
    return {
        "services": [
            {
                "id": name,
                "service": node.name,
                "cluster": node.cluster,
                "input": [path for _, _, path in node.inputs],
                "output": [path for _, _, path in node.outputs],
            }
            for name, node in zip(names, found.nodes, strict=True)
        ],
        "edges": [
            {"from": names[edge.source], "to": names[edge.target], "path": edge.path, "partly": edge.partly}
            for edge in found.edges
        ],
        "cycles": [[names[found.nodes.index(node)] for node in cycle] for cycle in cycles],
    }


def _names(found: Workflow) -> list[str]:
    from oscarcli.cli.fdl.graph_forms import labels

    return labels(found)
