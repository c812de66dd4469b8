"""The text of an FDL that a person edits: the script as a block of lines, whatever is in it."""

from __future__ import annotations

from typing import Any

from oscarcli.fdl.export import Export
from oscarcli.output.render import to_yaml

# Stands for the script while the rest is laid out.
PLACE = "the-script-goes-here"


def editable_text(export: Export, cluster_id: str) -> str:
    """Return the FDL with the script in it.

    The layout is tried on the reader: what a block cannot hold is written as a quoted string instead.

    Args:
        export: a service.
        cluster_id: the cluster it stands under.
    """
    from oscarcli.fdl.findings import FdlError
    from oscarcli.fdl.read import read_bytes

    # In one line it would be read as the name of a file.
    script = export.script if export.script.endswith("\n") else export.script + "\n"
    quoted = to_yaml(_with_script(export.document, cluster_id, script))
    block = _with_block(to_yaml(_with_script(export.document, cluster_id, PLACE)), script)
    try:
        read = read_bytes(block.encode("utf-8", "surrogatepass"), "block", _no_script).services
    except FdlError:
        return quoted
    return block if [one.definition.get("script") for one in read] == [script] else quoted


def _with_script(document: dict[str, Any], cluster_id: str, script: str) -> dict[str, Any]:
    service = {**document["functions"]["oscar"][0][cluster_id], "script": script}
    return {**document, "functions": {"oscar": [{cluster_id: service}]}}


def _with_block(text: str, script: str) -> str:
    lines = text.splitlines(keepends=True)
    index = next(index for index, line in enumerate(lines) if line.strip() == f"script: {PLACE}")
    margin = " " * (len(lines[index]) - len(lines[index].lstrip(" ")) + 2)
    # A first line that begins with a blank would be taken for the measure of the others.
    measure = "2" if script.startswith((" ", "\n")) else ""
    chomping = "+" if script.endswith("\n\n") or script == "\n" else ""
    body = "".join(margin + line if line.strip("\n") else line for line in script.splitlines(keepends=True))
    lines[index] = lines[index].replace(PLACE, f"|{measure}{chomping}") + body
    return "".join(lines)


def _no_script(_name: str) -> bytes:
    return b"another\n"
