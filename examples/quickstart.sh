#!/bin/sh
# Shows the whole story on this machine: installs oscar-cli into the clone, starts a local cluster, runs the
# text-stats example on it and stops the cluster. Needs python3 (3.10 or later, with venv) and, the first time,
# a network. Everything it makes lies in .venv and .quickstart inside the clone; your own configuration is
# neither read nor written.
set -eu

cd "$(dirname "$0")/.."
here=$PWD
work=$here/.quickstart

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "Error: python3 is $("$python" --version 2>&1); oscar-cli needs Python 3.10 or later" >&2
    echo "hint: name another one with PYTHON=/path/to/python3 sh examples/quickstart.sh" >&2
    exit 1
fi
if [ ! -x .venv/bin/python ] && ! "$python" -m venv .venv; then
    echo "hint: on Debian and Ubuntu, 'apt install python3-venv' adds what is missing" >&2
    exit 1
fi
if [ ! -x .venv/bin/oscar-cli ]; then
    echo "Installing oscar-cli into .venv ..."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable .
fi

PATH=$here/.venv/bin:$PATH
OSCAR_CLI_CONFIG=$work/config.yaml
export PATH OSCAR_CLI_CONFIG
unset OSCAR_CLI_CLUSTER || true

# Prints a command and runs it.
show() {
    printf '\n$ %s\n' "$*"
    "$@"
}

stop() {
    oscar-cli local reset --name quickstart --data-dir "$work/data" --yes > /dev/null 2>&1 || true
}
stop
rm -rf "$work"
mkdir -p "$work"
trap 'stop' EXIT
trap 'exit 130' INT TERM

show oscar-cli local start --name quickstart --port 0 --s3-port 0 --data-dir "$work/data"
show oscar-cli cluster list
show oscar-cli cluster info
show cat examples/text-stats/fdl.yaml
show oscar-cli apply examples/text-stats/fdl.yaml
show oscar-cli service list
show oscar-cli service put-file text-stats minio.default examples/text-stats/gettysburg.txt \
    text-stats/input/gettysburg.txt
show oscar-cli service logs get text-stats --latest --follow
show oscar-cli service logs list text-stats
show oscar-cli service list-files text-stats minio.default text-stats/output
show oscar-cli service get-file text-stats minio.default text-stats/output/gettysburg.stats.txt \
    "$work/gettysburg.stats.txt"
show cat "$work/gettysburg.stats.txt"
show oscar-cli local stop --name quickstart --data-dir "$work/data"

printf '\nThat is all. The result is in %s\n' "$work/gettysburg.stats.txt"
