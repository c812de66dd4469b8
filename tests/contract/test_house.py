"""The house: what `CONTRIBUTING.md` promises about names, held over every file of the package."""

import re
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "oscarcli"
# A file that is longer has two subjects.
MAX_LINES = 300
# A class statement wherever it stands, inside functions and classes, too.
CLASS = re.compile(r"^[ \t]*class (\w+)[(:]", re.MULTILINE)


def _classes(root: Path) -> dict[str, list[str]]:
    """Return the files in which each class is defined, by its name."""
    found = defaultdict(list)
    for file in sorted(root.rglob("*.py")):
        for name in CLASS.findall(file.read_text(encoding="utf-8")):
            found[name].append(str(file.relative_to(root)))
    return found


def _twins(root: Path) -> dict[str, list[str]]:
    return {name: files for name, files in _classes(root).items() if len(files) > 1}


def test_no_two_classes_have_one_name() -> None:
    assert len(_classes(PACKAGE)) > 300
    assert _twins(PACKAGE) == {}


def test_a_second_class_of_a_name_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("class One:\n    class Inner: ...\n")
    (tmp_path / "b.py").write_text("class Two(One): ...\ndef f():\n    class Inner: ...\n")
    assert _twins(tmp_path) == {"Inner": ["a.py", "b.py"]}


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    lengths = {
        str(file.relative_to(PACKAGE)): len(file.read_text(encoding="utf-8").splitlines())
        for file in PACKAGE.rglob("*.py")
    }
    assert len(lengths) > 300
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}
