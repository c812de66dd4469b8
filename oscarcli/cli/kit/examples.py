"""Examples in the help of commands.

They stand in an order in which all of them run, one after another: a test takes them out of the help texts
and does that.
"""

from __future__ import annotations

# By the path of a command, of main names, what is typed behind the program's name.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "version": ("version -o json",),
    "help": ("help", "help fdl"),
    "completion bash": ("completion bash",),
    "completion zsh": ("completion zsh",),
    "completion fish": ("completion fish",),
    "completion powershell": ("completion powershell",),
    "completion man": ("completion man",),
    # -- a cluster ---------------------------------------------------------------------------------
    "local start": ("local start", "local start --engine auto --parallel 4"),
    "local status": ("local status", "local status -o json"),
    "local logs": ("local logs",),
    "local images list": ("local images list",),
    "local images prune": ("local images prune",),
    "cluster add": ("cluster add far https://oscar.example.org --oidc-account-name egi",),
    "cluster list": ("cluster list", "cluster list -o name"),
    "cluster default": ("cluster default", "cluster default --set local"),
    "cluster info": ("cluster info", "cluster info -o json"),
    "cluster status": ("cluster status", "cluster status --columns node,memory-used"),
    "cluster config": ("cluster config", "cluster config -o json"),
    "cluster open": ("cluster open",),
    "cluster secrets move": ("cluster secrets move --to file -c local",),
    "health": ("health", "health -c local -o json"),
    "doctor": ("doctor -c local",),
    "auth status": ("auth status", "auth status -c local"),
    # -- a service ---------------------------------------------------------------------------------
    "init": ("init hello", "init analyse --template python"),
    "validate": ("validate hello/fdl.yaml", "validate --schema"),
    "graph": ("graph hello/fdl.yaml", "graph hello/fdl.yaml -o mermaid"),
    "apply": ("apply hello/fdl.yaml --dry-run", "apply hello/fdl.yaml"),
    "diff": ("diff hello/fdl.yaml",),
    "dev": ("dev hello/fdl.yaml notes.txt --once",),
    "service list": ("service list", "service list --query '[].{name: name, image: image}'"),
    "service get": ("service get hello", "service get hello --query memory"),
    "service run": ("service run hello -i 'some text'", "service run hello -f notes.txt -o answer.txt"),
    "service job": ("service job hello -i 'some text'", "service job hello -f notes.txt --wait"),
    "service put-file": (
        "service put-file hello notes.txt",
        "service put-file hello texts/ --wait -o out",
    ),
    "service list-files": ("service list-files hello", "service list-files hello hello/input -o csv"),
    "service get-file": ("service get-file hello --download-latest-into=results",),
    "service map": ("service map hello texts answers",),
    "service sync": ("service sync texts hello:hello/kept --dry-run", "service sync texts hello:hello/kept"),
    "service delete-file": ("service delete-file hello minio.default 'hello/kept/*' --yes",),
    "service logs list": ("service logs list hello", "service logs list hello --status failed --limit 5"),
    "service logs get": ("service logs get hello --latest", "service logs get hello --latest --tail 20"),
    "service logs delete": ("service logs delete hello --succeeded",),
    "service system-logs": ("service system-logs", "service system-logs -o csv"),
    "service deployment status": ("service deployment status hello",),
    "service deployment logs": ("service deployment logs hello --tail 50",),
    "service edit": ("service edit hello",),
    "service export": ("service export hello --dir exported",),
    # -- files -------------------------------------------------------------------------------------
    "bucket create": ("bucket create shop", "bucket create wall --visibility public"),
    "bucket list": ("bucket list", "bucket list --columns name,visibility"),
    "bucket update": ("bucket update wall --visibility private",),
    "bucket put-file": ("bucket put-file shop notes.txt in/", "bucket put-file shop texts/ texts/"),
    "bucket get": ("bucket get shop", "bucket get shop --prefix texts/ --folders"),
    "bucket get-file": ("bucket get-file shop in/notes.txt copy.txt",),
    "bucket presign": ("bucket presign shop in/notes.txt",),
    "bucket sync": ("bucket sync texts shop:mirror --dry-run", "bucket sync texts shop:mirror"),
    "bucket uploads": ("bucket uploads", "bucket uploads shop"),
    "bucket delete-file": ("bucket delete-file shop in/notes.txt",),
    "bucket delete": ("bucket delete shop --yes",),
    "volume create": ("volume create disk --size 1Gi",),
    "volume list": ("volume list", "volume list -o csv"),
    "volume get": ("volume get disk",),
    "volume delete": ("volume delete disk --yes",),
    # -- what was used -----------------------------------------------------------------------------
    "metrics summary": ("metrics summary", "metrics summary --start 7d -o table"),
    "metrics breakdown": ("metrics breakdown --group-by user", "metrics breakdown -o csv"),
    "metrics service": ("metrics service hello", "metrics service hello --metric cpu-hours"),
    "quota update": ("quota update ada --cpu 2 --memory 4Gi",),
    "quota get": ("quota get ada", "quota get ada -o table"),
    "federation add-member": ("federation add-member hello --cluster-id far --service-name hello",),
    "federation get": ("federation get hello",),
    "federation update": ("federation update hello --cluster-id far --priority 5",),
    "federation delete": ("federation delete hello --cluster-id far",),
    "interactive": ("interactive",),
    # -- with more than a fresh cluster --------------------------------------------------------------
    "hub list": ("hub list",),
    "hub search": ("hub search count words",),
    "hub show": ("hub show word-count",),
    "hub deploy": ("hub deploy word-count",),
    "hub validate": ("hub validate word-count",),
    "service url": ("service url web",),
    "service stop": ("service stop web",),
    "service start": ("service start web",),
    "service restart": ("service restart web",),
    "auth token": ("auth token",),
    "auth login": ("auth login --device",),
    "auth logout": ("auth logout",),
    # -- the end -----------------------------------------------------------------------------------
    "service delete": ("service delete word-count --yes",),
    "delete": ("delete hello/fdl.yaml --yes",),
    "local user add": ("local user add ann",),
    "local user list": ("local user list",),
    "local user token": ("local user token ann --store-as ann",),
    "local user remove": ("local user remove ann",),
    "cluster delete": ("cluster delete far",),
    "local stop": ("local stop",),
    "local reset": ("local reset --yes",),
}

# The verbs whose first examples stand in the help of a noun.
VERBS_OF_NOUNS: dict[str, tuple[str, ...]] = {
    "cluster": ("add", "list", "status"),
    "cluster secrets": ("move",),
    "auth": ("status", "login"),
    "service": ("list", "put-file", "logs get"),
    "service logs": ("list", "get"),
    "service deployment": ("status", "logs"),
    "bucket": ("list", "put-file", "get"),
    "hub": ("list", "show", "deploy"),
    "volume": ("create", "list"),
    "metrics": ("summary", "breakdown"),
    "quota": ("get", "update"),
    "federation": ("add-member", "get"),
    "local": ("start", "status"),
    "local images": ("list",),
    "local user": ("add", "list"),
    "completion": ("bash", "man"),
}


def examples_of(path: str) -> tuple[str, ...]:
    """Return the examples of a verb or a noun; `path` is of main names: `service logs list`."""
    verbs = VERBS_OF_NOUNS.get(path, ())
    return EXAMPLES.get(path) or tuple(EXAMPLES[f"{path} {verb}"][0] for verb in verbs)
