#!/bin/sh
# Runs every check and every test. Needs python3 (3.10 or later, with venv) and, the first time, a network.
# Installs into .venv inside the clone. Words on the command line go to pytest: sh tests/run.sh -k follow
# Without --all as the first of them, tests marked `thorough` are left out: .github/CONTRIBUTING.md says which.
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
# Tens of thousands of small files: in memory where it has room for them and programs may be run from there.
place=${TMPDIR:-/tmp}
room=$(df -Pk /dev/shm 2> /dev/null | awk 'NR == 2 { print $4 }')
if [ -z "${TMPDIR:-}" ] && [ "${room:-0}" -gt 4000000 ] && ! mount | grep -q ' /dev/shm .*noexec'; then
    place=/dev/shm
fi
# Its name is short: paths of sockets have a limit.
TMPDIR=$(mktemp -d "$place/oscarXXXXXX")
# Others may pass through it to what is theirs: Apache runs as a user of its own.
chmod go+x "$TMPDIR"
export TMPDIR
trap 'rm -rf "$TMPDIR" 2> /dev/null || { chmod -R u+rwx "$TMPDIR" && rm -rf "$TMPDIR"; }' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

processors=$(getconf _NPROCESSORS_ONLN)
chosen="not thorough"
# Five for two processors: tests wait for processes, servers and clocks.
workers=$(((processors * 5 + 1) / 2))
if [ "${1:-}" = --all ]; then
    chosen=""
    # The thorough ones wait less.
    workers=$((processors * 2))
    shift
else
    # A fifth of the odd inputs.
    TEST_EXAMPLES=${TEST_EXAMPLES:-0.2}
    export TEST_EXAMPLES
fi
workers=${TEST_WORKERS:-$workers}

# Beside the tests; what they say comes at the end.
said=$TMPDIR/said
{ mypy && lint-imports; } > "$said" 2>&1 &
# Each worker would compile all tests: where none are compiled, one process does.
[ -d tests/__pycache__ ] || python -m pytest --collect-only -qq > /dev/null || true
status=0
python -m pytest -n "$workers" --dist worksteal -m "$chosen" "$@" || status=$?
if wait $!; then
    checks=0
else
    checks=1
fi
cat "$said"
[ "$status" != 0 ] || status=$checks
exit "$status"
