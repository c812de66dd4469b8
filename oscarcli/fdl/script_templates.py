"""The scripts that `init` writes: for the shell, for Python, for an own image, around another script."""

from __future__ import annotations

from dataclasses import dataclass, field

from oscarcli.fdl.interpreter import PYTHON, SHELL, Interpreter

SCRIPT_NAME = "script.sh"
CONTAINERFILE_NAME = "Containerfile"
PROGRAM_NAME = "process.py"
END = "END_OF_SCRIPT"

HEAD = """\
#!/bin/sh
# Runs once for each file that is uploaded to the input of {name}. It is run by /bin/sh, whatever the first
# line says, and its exit code does not count: a job fails only when files cannot be fetched or stored.
#   INPUT_FILE_PATH     the file
#   TMP_OUTPUT_DIR      what is left in this folder is stored
#   STORAGE_OBJECT_KEY  the file's key in its bucket
"""

SHELL_BODY = """
name=$(basename "$INPUT_FILE_PATH")
echo "Reading $name"
wc < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$name.count.txt"
echo "Wrote $name.count.txt"
"""

# A cluster stores one file for a service, so the other script travels inside the shell script.
WRAPPER_BODY = """
folder=$(mktemp -d)
cat > "$folder/{file}" <<'{end}'
{text}{end}
{command} "$folder/{file}" "$INPUT_FILE_PATH"
code=$?
rm -rf "$folder"
exit $code
"""

CONTAINER_BODY = """
exec python3 /opt/{name}/{file} "$INPUT_FILE_PATH"
"""

PROGRAM = """\
import os
import sys

source = sys.argv[1]
name = os.path.basename(source)
print(f"Reading {name}")
with open(source, "rb") as file:
    lines = sum(1 for _ in file)
target = os.path.join(os.environ["TMP_OUTPUT_DIR"], f"{name}.count.txt")
with open(target, "w") as file:
    print(lines, file=file)
print(f"Wrote {name}.count.txt")
"""

CONTAINERFILE = """\
# podman build -t {image} . && podman push {image}
# A cluster pulls the image from a registry: put the registry's name before it, here and in {fdl}.
FROM python:3-slim
COPY {file} /opt/{name}/{file}
"""


@dataclass(frozen=True)
class ScriptTemplate:
    """What stands beside an FDL.

    Args:
        image: the container image in which the script runs.
        script: the text of `script.sh`.
        others: further files, by their names.
    """

    image: str
    script: str
    others: dict[str, str] = field(default_factory=dict)


def shell_template(name: str) -> ScriptTemplate:
    """Return a shell script that counts what is in its input.

    Args:
        name: the service's name.
    """
    return ScriptTemplate(SHELL.image, HEAD.format(name=name) + SHELL_BODY)


def python_template(name: str) -> ScriptTemplate:
    """Return a shell script that holds a Python program.

    Args:
        name: the service's name.
    """
    return wrapper_template(name, PROGRAM_NAME, PROGRAM, PYTHON)


def container_template(name: str, image: str | None = None) -> ScriptTemplate:
    """Return a program, the description of an image that has it, and a script that calls it there.

    Args:
        name: the service's name.
        image: the name that the image gets.
    """
    image = image or f"{name}:1"
    script = HEAD.format(name=name) + CONTAINER_BODY.format(name=name, file=PROGRAM_NAME)
    containerfile = CONTAINERFILE.format(image=image, name=name, file=PROGRAM_NAME, fdl="fdl.yaml")
    return ScriptTemplate(image, script, {PROGRAM_NAME: PROGRAM, CONTAINERFILE_NAME: containerfile})


def wrapper_template(name: str, file: str, text: str, interpreter: Interpreter) -> ScriptTemplate:
    """Return a shell script that holds another script and calls its interpreter.

    Args:
        name: the service's name.
        file: the other script's file name.
        text: the other script.
        interpreter: what runs it.
    """
    end = END
    while end in text.split("\n"):
        end += "_"
    text = text if text.endswith("\n") else f"{text}\n"
    body = WRAPPER_BODY.format(file=_shell_safe(file), text=text, end=end, command=interpreter.command)
    return ScriptTemplate(interpreter.image or SHELL.image, HEAD.format(name=name) + body)


def _shell_safe(file: str) -> str:
    """Return a file's name of letters that mean nothing within quotation marks of a shell."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in file).lstrip("-") or "script"
