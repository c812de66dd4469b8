"""What in a definition works here and surprises elsewhere, or the other way round."""

from __future__ import annotations

import re
from collections.abc import Iterator

from oscarcli.local.services.definition import (
    Definition,
    buckets_of,
    inputs_of,
    outputs_of,
    stores_elsewhere,
)
from oscarcli.local.services.federation import is_delegating
from oscarcli.local.services.mounts import mount_of

# What bash has and dash, the /bin/sh of Debian's images, has not.
BASH_ONLY = (
    (re.compile(r"\[\["), "[[ ]]"),
    (re.compile(r"^\s*set\s+(-\w*o\w*\s+)pipefail", re.M), "set -o pipefail"),
    (re.compile(r"^\s*(declare\s+-\w+\s+)?\w+\+?=\(", re.M), "arrays"),
    (re.compile(r"<<<"), "<<<"),
    (re.compile(r"[<>]\("), "process substitution"),
    (re.compile(r"^\s*function\s+\w+", re.M), "function NAME"),
    (re.compile(r"&>"), "&>"),
    (re.compile(r"\$\{\w+(//|\^|,|:\d)"), "${VAR//...}"),
    (re.compile(r"^\s*source\s", re.M), "source"),
)
_HELPER = re.compile(r"(?:^|[;&|]|\bexec\s)\s*(?:python[\d.]*|sh|bash)\s+(\w[\w./-]*\.(?:py|sh))\b", re.M)
_COMMENT = re.compile(r"^\s*#.*$", re.M)


def warnings(definition: Definition, *, in_image: bool = False) -> Iterator[str]:
    """Yield sentences about a service that runs but may not do what its author thinks.

    Args:
        definition: the service.
        in_image: whether its script runs in its image, which has a working directory of its own.
    """
    script = definition["script"]
    code = _COMMENT.sub("", script)
    first_line = script.partition("\n")[0]
    if first_line.startswith("#!") and "bash" in first_line:
        found = [name for pattern, name in BASH_ONLY if pattern.search(code)]
        if found:
            yield (
                f"the script is run by /bin/sh although its first line names bash; {', '.join(found)} may "
                "not work in every image"
            )
    helpers = sorted(set(_HELPER.findall(code)))
    if helpers and not in_image:
        yield (
            f"the script names {', '.join(helpers)} relative to the image's working directory; here it "
            "starts in an empty folder"
        )
    yield from _mount_warnings(definition)
    if (definition.get("federation") or {}).get("members") and not is_delegating(definition):
        yield "the service has federation members, but no topology: they get no jobs"
    if is_delegating(definition) and not definition["federation"].get("delegation"):
        yield 'federation.delegation is not set: a real cluster hands no jobs on then; write "static"'
    yield from _elsewhere_warnings(definition)
    for output in outputs_of(definition):
        for source in inputs_of(definition):
            if output.bucket == source.bucket and source.prefix.startswith(output.prefix):
                yield (
                    f"a result stored below {source.bucket}/{source.folder} starts the service again: the "
                    "output is above the input"
                )


def _elsewhere_warnings(definition: Definition) -> Iterator[str]:
    own = buckets_of(definition)
    for place in stores_elsewhere(definition):
        if place.bucket not in own:
            yield (
                f'a real cluster makes the bucket "{place.bucket}" at {".".join(place.provider)} and the '
                "service, and then answers 400 (Error tagging bucket), as it looks for the bucket in its own "
                "store; when the service is deleted, one of that name there goes with it"
            )


def _mount_warnings(definition: Definition) -> Iterator[str]:
    mount = mount_of(definition)
    if mount is None:
        return
    yield (
        f"what the script writes to {mount.path} is stored when it ends; a real cluster stores each file "
        "when it is closed, and lets every job with a mount fail at its very end"
    )
    if mount.ignored:
        yield f"the mount's options {' '.join(mount.ignored)} mean nothing here"
    for source in inputs_of(definition) if mount.is_own else ():
        below = mount.place.bucket == source.bucket and (
            source.prefix.startswith(mount.place.prefix) or mount.place.prefix.startswith(source.prefix)
        )
        if below and not mount.read_only:
            yield (
                f"what the script writes to {mount.path} below {source.bucket}/{source.folder} starts the "
                "service again"
            )
