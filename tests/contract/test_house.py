"""The house: what `CONTRIBUTING.md` promises about names, held over every file of the package."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "oscarcli"


def _classes(root: Path) -> dict[str, list[str]]:
    """Return where classes are defined, those inside functions and classes included, by name."""
    found = defaultdict(list)
    for file in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(f"{file.relative_to(root)}:{node.lineno}")
    return found


def _twins(root: Path) -> dict[str, list[str]]:
    return {name: places for name, places in _classes(root).items() if len(places) > 1}


def test_no_two_classes_have_one_name() -> None:
    assert len(_classes(PACKAGE)) > 300
    assert _twins(PACKAGE) == {}


def test_a_second_class_of_a_name_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("class One:\n    class Inner: ...\n")
    (tmp_path / "b.py").write_text("class Two: ...\ndef f():\n    class Inner: ...\n")
    assert _twins(tmp_path) == {"Inner": ["a.py:2", "b.py:3"]}
