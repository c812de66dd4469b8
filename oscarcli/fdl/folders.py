"""Where a service's files come from and go to: its inputs, outputs and mount."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def folders(definition: Mapping[str, Any], *keys: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the folders of a definition with their key paths, such as `input[0]` and `mount`.

    Args:
        definition: a service.
        keys: which of `input`, `output` and `mount`, in the order wanted.
    """
    for key in keys:
        found = definition.get(key)
        if isinstance(found, dict):
            yield key, found
        elif isinstance(found, list):
            for index, folder in enumerate(found):
                yield f"{key}[{index}]", folder
