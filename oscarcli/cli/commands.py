"""The root's table of contents: every command's names, home and one-line help, and nothing imported.

Typer alone costs five times a bare interpreter's start, so the root help is written from this table
without it, and a command's module is imported only when the command is typed. A test holds the table
against the real commands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import wrap

PROGRAM = "oscar-cli"
TAGLINE = "Drive OSCAR clusters, and a local one on this machine, from the terminal."


@dataclass(frozen=True)
class Entry:
    """One word after `oscar-cli`: `names` has the word and its aliases, `module` is below `oscarcli.cli`.

    One that is hidden is not in the list of the root help, which says by itself that there is one.
    """

    names: str
    module: str
    help: str
    is_noun: bool = False
    is_hidden: bool = False

    @property
    def name(self) -> str:
        """The main name."""
        return self.all_names[0]

    @property
    def all_names(self) -> list[str]:
        """The main name and its aliases."""
        return self.names.split(", ")


COMMANDS = (
    Entry("apply, a", "fdl.apply", "Create or update the services of an FDL file."),
    Entry(
        "delete, d, del, remove, rm",
        "fdl.apply",
        "Delete the services of an FDL file, with their jobs and buckets.",
    ),
    Entry("diff", "fdl.diff", "Show what apply would change, field by field, and change nothing."),
    Entry(
        "validate",
        "fdl.validate",
        "Check FDL files without a cluster, and tell every mistake with its line.",
    ),
    Entry("init", "fdl.init", "Write a commented FDL file and a script, which can be applied as they are."),
    Entry("dev", "fdl.dev", "Run a service again at each save of its FDL, its script or an input."),
    Entry("graph", "fdl.graph", "Show which service feeds which: one writes where another one reads."),
    Entry("cluster, c", "cluster.app", "Add, choose and inspect clusters.", is_noun=True),
    Entry("auth", "auth.app", "Log in to clusters, and see who is logged in.", is_noun=True),
    Entry("service, services, svc, s", "service.app", "Services, their jobs, logs and files.", is_noun=True),
    Entry("bucket, buckets, b", "bucket.app", "Buckets and what is in them.", is_noun=True),
    Entry("hub, h", "hub.app", "Curated services that can be deployed by their names.", is_noun=True),
    Entry("volume", "volume", "Volumes that services mount.", is_noun=True),
    Entry("metrics", "metrics", "What services consumed, and who called them.", is_noun=True),
    Entry("quota", "quota", "How much of a cluster a user may take.", is_noun=True),
    Entry(
        "federation",
        "federation.app",
        "Services of other clusters that take jobs of a service.",
        is_noun=True,
    ),
    Entry("health", "health", "Ask a cluster whether it is well."),
    Entry("doctor", "doctor.app", "Find out what keeps a cluster from being used from here."),
    Entry("local", "local.app", "Run an OSCAR cluster on this machine.", is_noun=True),
    Entry(
        "completion",
        "completion.app",
        "Scripts that complete words at Tab, for four shells; and manual pages.",
        is_noun=True,
    ),
    Entry(
        "interactive, ui",
        "interactive",
        "Show clusters on a full screen; every command runs from there, too.",
    ),
    Entry("version, v", "version", "Show the version of this program."),
    Entry("help", "help", "Show a page of the manual; without a topic, what there is.", is_hidden=True),
)

# All commands, by what a person wants to do.
TASKS = (
    ("Have a cluster", ("local", "cluster", "auth", "doctor")),
    ("Describe services", ("init", "validate", "graph", "diff", "apply", "dev", "delete", "hub")),
    ("Use them", ("service", "bucket", "volume", "federation")),
    ("See how it goes", ("interactive", "health", "metrics", "quota")),
    ("Know this program", ("completion", "help", "version")),
)
EXAMPLES = (
    f"{PROGRAM} local start",
    f"{PROGRAM} init hello && {PROGRAM} apply hello/fdl.yaml",
    f'{PROGRAM} service job hello -i "some text" --wait',
)

# Words of other tools, and verbs without their noun: what they are here. Nothing that destroys is among them.
ELSEWHERE: dict[str, tuple[str, ...]] = {
    "log": ("service logs",),
    "logs": ("service logs",),
    "job": ("service job", "service logs list"),
    "jobs": ("service logs list",),
    "ps": ("service list", "service logs list"),
    "ls": ("service list", "bucket list"),
    "list": ("service list", "bucket list"),
    "run": ("service run",),
    "invoke": ("service run",),
    "exec": ("service run",),
    "get": ("service get", "service get-file"),
    "get-file": ("service get-file",),
    "download": ("service get-file",),
    "put": ("service put-file",),
    "put-file": ("service put-file",),
    "upload": ("service put-file",),
    "cp": ("service put-file", "service get-file"),
    "copy": ("service put-file", "service get-file"),
    "sync": ("service sync",),
    "list-files": ("service list-files",),
    "show": ("service get",),
    "describe": ("service get",),
    "inspect": ("service get",),
    "create": ("apply", "init"),
    "update": ("apply",),
    "deploy": ("apply", "hub deploy"),
    "edit": ("service edit",),
    "wait": ("service put-file --wait",),
    "watch": ("service logs list --watch",),
    "export": ("service export",),
    "map": ("service map",),
    "url": ("service url",),
    "restart": ("service restart",),
    "start": ("local start", "service start"),
    "stop": ("local stop", "service stop"),
    "down": ("local stop",),
    "up": ("local start",),
    "status": ("cluster status", "service deployment status"),
    "info": ("cluster info",),
    "nodes": ("cluster status",),
    "top": ("cluster status", "metrics summary"),
    "config": ("cluster list", "cluster config"),
    "use": ("cluster default --set",),
    "login": ("auth login",),
    "whoami": ("auth status",),
    "token": ("auth token",),
    "search": ("hub search",),
    "share": ("bucket update",),
    "presign": ("bucket presign",),
    "ping": ("health",),
    "man": ("help", "completion man"),
}

COMMON_OPTIONS = (
    ("--config PATH", "Configuration file. [env: OSCAR_CLI_CONFIG; default: ~/.oscar-cli/config.yaml]"),
    ("-c, --cluster ID", "Cluster to use instead of the default one."),
    ("--timeout SECONDS", "Longest wait for an answer, instead of each operation's own limit."),
    ("-v, --verbose", "Say on stderr what is being done."),
    ("--debug", "Show requests, and a traceback when something fails."),
    ("-h, --help", "Show help and exit."),
)
VERSION_OPTION = ("--version", "Show the version and exit.")


def find(word: str) -> Entry | None:
    """Return the entry that `word` names or is an alias of."""
    return next((entry for entry in COMMANDS if word in entry.all_names), None)


def root_help() -> str:
    """Return the text of `oscar-cli --help`: one screen of 80 columns and 24 lines."""
    flags = [*(names for names, _ in COMMON_OPTIONS), VERSION_OPTION[0]]
    return "\n".join(
        [
            f"Usage: {PROGRAM} [OPTIONS] COMMAND [ARGS]...",
            "",
            f"  {TAGLINE}",
            "",
            "Commands, by what you want to do:",
            *_aligned((task, ", ".join(names)) for task, names in TASKS),
            "",
            "Examples:",
            *(f"  {example}" for example in EXAMPLES),
            "",
            "Options (before or after any command):",
            *wrap(", ".join(flags), 80, initial_indent="  ", subsequent_indent="  "),
            "",
            f"'{PROGRAM} help' tells what each does, '{PROGRAM} COMMAND --help' explains one.",
            "",
        ]
    )


def all_commands() -> str:
    """Return each command with its aliases and what it does, and what the options of all commands mean."""
    rows = ((entry.names, entry.help) for entry in COMMANDS if not entry.is_hidden)
    options = (*COMMON_OPTIONS, VERSION_OPTION)
    return "\n".join(["", "All commands:", *_aligned(rows), "", "Their options:", *_aligned(options), ""])


def _aligned(rows: Iterable[tuple[str, str]]) -> list[str]:
    pairs = list(rows)
    width = max(len(left) for left, _ in pairs)
    return [f"  {left:<{width}}  {right}" for left, right in pairs]
