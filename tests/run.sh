#!/bin/sh
# Runs every check and every test. Needs python3 (3.10 or later, with venv) and, the first time, a network.
# Installs into .venv inside the clone. Words on the command line go to pytest: sh tests/run.sh -k follow
set -eu

cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
if [ ! -x .venv/bin/python ] && ! "$python" -m venv .venv; then
    echo "hint: on Debian and Ubuntu, 'apt install python3-venv' adds what is missing" >&2
    exit 1
fi
# The stamp tells whether what is installed is what pyproject.toml asks for.
if ! cmp -s pyproject.toml .venv/installed-dev; then
    echo "Installing oscar-cli and what its tests need into .venv ..."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
    cp pyproject.toml .venv/installed-dev
fi
PATH=$PWD/.venv/bin:$PATH
export PATH
# The next run finds the compiled tests; to compile them takes each worker a quarter of a minute.
unset PYTHONDONTWRITEBYTECODE

ruff check .
ruff format --check .
# Beside the tests, which often wait; what they say comes at the end.
said=$(mktemp)
trap 'rm -f "$said"' EXIT
{ mypy && lint-imports; } > "$said" 2>&1 &
status=0
python -m pytest -n "${TEST_WORKERS:-auto}" --dist worksteal "$@" || status=$?
if wait $!; then
    checks=0
else
    checks=1
fi
cat "$said"
[ "$status" != 0 ] || status=$checks
exit "$status"
