"""What is on this machine: the configuration, and programs that some things need."""

from __future__ import annotations

import shutil
import stat
from importlib.util import find_spec
from pathlib import Path

from oscarcli.cli.doctor.model import CheckError, CheckOutcome, Context, StepResult
from oscarcli.errors import ConfigError, ExitCode

OTHERS_READ = 0o077
OTHERS_WRITE = 0o022
NEW_CLUSTER = "oscar-cli local start for one on this machine, or oscar-cli cluster add ID ENDPOINT USERNAME"


def configuration(context: Context) -> StepResult:
    """Read the configuration file."""
    path = context.session.config_path
    if not path.exists() and context.session.environ.get("OSCAR_CLI_ENDPOINT"):
        return StepResult(f"there is no file {path}; the environment gives a cluster", CheckOutcome.NOTE)
    if not path.exists():
        raise CheckError(
            f"there is no file {path}",
            cause="it is a link that leads nowhere"
            if path.is_symlink()
            else "no cluster was added yet, or --config or OSCAR_CLI_CONFIG should name another file",
            next=NEW_CLUSTER,
            code=ExitCode.CONFIG,
        )
    try:
        clusters = context.session.config.clusters
    except ConfigError as error:
        raise CheckError(
            error.message,
            cause=_cause(context),
            next=f"mend {path}, or name another file with --config PATH",
            code=ExitCode.CONFIG,
        ) from error
    return StepResult(f"{path}, {len(clusters)} cluster{'s' if len(clusters) != 1 else ''}")


def _cause(context: Context) -> str:
    path = context.session.config_path
    if path.is_dir():
        return "it is a folder"
    try:
        path.read_bytes()
    except OSError:
        return "this user may not read the file or a folder above it"
    return "the file was edited by hand, or only half of it was written"


def privacy(context: Context) -> StepResult:
    """Look whether other users can read the file, or put another one in its place."""
    path = context.session.config_path
    try:
        mode, folder = path.stat().st_mode, path.parent.stat().st_mode
    except OSError:
        return StepResult("there is no file to keep private", CheckOutcome.SKIPPED)
    if stat.S_ISREG(mode) and mode & OTHERS_READ:
        raise CheckError(
            f"other users can read or change {path}: its mode is {mode & 0o777:04o}",
            cause="the file was copied or made by something else than this program; it holds passwords",
            next=f"chmod 600 {path}",
            code=ExitCode.CONFIG,
        )
    if folder & OTHERS_WRITE and not folder & stat.S_ISVTX:
        raise CheckError(
            f"other users can replace {path}: the mode of its folder is {folder & 0o777:04o}",
            cause="the folder was made by something else than this program, or with an open umask",
            next=f"chmod 700 {path.parent}",
            code=ExitCode.CONFIG,
        )
    return StepResult("nobody else can read the configuration")


def cluster(context: Context) -> StepResult:
    """Look which cluster is chosen, and whether its endpoint can be one."""
    from urllib.parse import urlsplit

    from oscarcli.network.proxies import is_this_machine

    session = context.session
    try:
        chosen = context.cluster
    except ConfigError as error:
        is_named = bool(session.cluster_option or session.environ.get("OSCAR_CLI_CLUSTER"))
        raise CheckError(
            error.message,
            cause="the id is mistyped, or the cluster is in another configuration"
            if is_named or session.config.default
            else "the configuration has no default cluster",
            next=_way_to_a_cluster(context),
            code=ExitCode.CONFIG,
        ) from error
    try:
        url = context.url
    except ConfigError as error:
        raise CheckError(
            error.message,
            cause="the endpoint in the configuration is mistyped",
            next=context.store_again("https://HOST"),
            code=ExitCode.CONFIG,
        ) from error
    text = f'"{chosen.identifier}" at {url}, {_chosen_by(context)}'
    if url.startswith("http:") and not is_this_machine(urlsplit(url).hostname or ""):
        return StepResult(
            f"{text}, without TLS",
            CheckOutcome.WARNING,
            "the endpoint begins with http://: everybody on the way can read the password",
            context.store_again(url.replace("http:", "https:", 1)),
        )
    return StepResult(text)


def _chosen_by(context: Context) -> str:
    if context.session.cluster_option:
        return "named with --cluster"
    named = [
        name for name in ("OSCAR_CLI_ENDPOINT", "OSCAR_CLI_CLUSTER") if context.session.environ.get(name)
    ]
    return f"named in {named[0]}" if named else "the default"


def _way_to_a_cluster(context: Context) -> str:
    known = list(context.session.config.clusters)
    if not known:
        return NEW_CLUSTER
    return f"oscar-cli cluster default --set {known[0]} (there is {', '.join(known)})"


def oidc_tools(context: Context) -> StepResult:
    """Look for oidc-agent and a way to speak to it; without a cluster that needs it it is only a note."""
    environ = context.session.environ
    way = shutil.which("oidc-token", path=environ.get("PATH")) or ("PyNaCl" if find_spec("nacl") else None)
    runs = bool(environ.get("OIDC_SOCK") or environ.get("OIDC_REMOTE_SOCK"))
    needed = _login_of(context) == "oidc-agent"
    if way and (runs or not needed):
        return StepResult(f"{way}, {'the agent runs' if runs else 'no agent runs in this session'}")
    if not needed:
        return StepResult("oidc-token is not there; only logins by oidc-agent need it", CheckOutcome.NOTE)
    raise CheckError(
        "no agent runs in this session" if way else "neither oidc-token nor PyNaCl is there",
        cause="the cluster logs in by oidc-agent, "
        + ("and OIDC_SOCK is not set" if way else "and nothing here can speak to it"),
        next="eval $(oidc-agent)" if way else "apt install oidc-agent-cli, or pip install pynacl",
        code=ExitCode.AUTH,
    )


def _login_of(context: Context) -> str | None:
    try:
        return context.cluster.login
    except ConfigError:
        return None


def containers(context: Context) -> StepResult:
    """Look for what can run a service's image on this machine, by starting each once."""
    from tempfile import TemporaryDirectory

    from oscarcli.local.jobs.engine.selection import KINDS, EngineError, EngineMissingError, probe

    path = context.session.environ.get("PATH")
    found, broken = [], []
    with TemporaryDirectory(prefix="oscar-cli-") as folder:
        for name in KINDS:
            try:
                engine = probe(name, Path(folder), path)
                found.append(f"{name} {engine.version}".rstrip())
            except EngineMissingError:
                continue
            except EngineError as error:
                broken.append(error)
    finding = "; ".join(
        [*([f"{', '.join(found)} can run images"] if found else []), *(str(error) for error in broken)]
    )
    if finding:
        return StepResult(finding, CheckOutcome.OK if found else CheckOutcome.NOTE)
    return StepResult(
        f"none of {', '.join(KINDS)} is there; only running images on this machine needs one",
        CheckOutcome.NOTE,
    )
