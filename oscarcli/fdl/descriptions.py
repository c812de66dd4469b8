"""What each key of an FDL means, in a sentence: for editors, which show it beside the key.

Keys are paths in a service; `input`, `output` and `mount` share what they have in common.
"""

from __future__ import annotations

FOLDER = {
    "storage_provider": "Type and id of the storage: minio.default is the cluster's own.",
    "path": "Bucket and folder in it; without a slash, a folder of the bucket named like the service.",
}
FILTERS = {
    "suffix": "Only files whose path ends in one of these are stored.",
    "prefix": "Only files whose path begins with one of these are stored.",
}
MEMBER = {
    "type": "oscar for a service of a cluster, endpoint for any URL.",
    "cluster_id": "The cluster, a key of the clusters section or of the configuration.",
    "service_name": "The service there.",
    "url": "Where jobs are sent, for type endpoint.",
    "ssl_verify": "Whether certificates are checked.",
    "priority": "0 is tried first.",
    "headers": "HTTP headers to send with a job.",
}
SERVICE = {
    "name": "Name of the service, up to 39 lower-case letters, digits and '-'.",
    "cluster_id": "Set to the cluster that the service is sent to.",
    "memory": "Memory of each container, a Kubernetes quantity such as 256Mi or 2Gi.",
    "cpu": "Processor of each container in cores, such as 0.5 or 500m.",
    "total_memory": "Memory of all jobs of the service together.",
    "total_cpu": "Processor of all jobs of the service together.",
    "ephemeral_storage_request": "Disk space of each container, such as 1Gi.",
    "enable_gpu": "Give each container a GPU.",
    "enable_sgx": "Give each container access to SGX.",
    "image_prefetch": "Load the image onto all nodes when the service is created.",
    "synchronous": "How many containers wait for synchronous calls.",
    "synchronous.min_scale": "At least so many.",
    "synchronous.max_scale": "At most so many; 0 is without limit.",
    "federation": "Other clusters and services that take jobs of this one.",
    "federation.group_id": "Name of the group; that of the service when it is left out.",
    "federation.topology": "Who delegates to whom: nobody, this service to its members, or all to all.",
    "federation.delegation": "How a member is chosen.",
    "federation.rescheduler_threshold": "From when on a waiting job is sent elsewhere.",
    "federation.members": "The services that take jobs.",
    "replicas": "The services that take jobs, for OSCAR up to 4.0.",
    "delegation": "How a replica is chosen, for OSCAR up to 4.0.",
    "rescheduler_threshold": "From when on a waiting job is sent elsewhere, for OSCAR up to 4.0.",
    "log_level": "How much the supervisor writes; CRITICAL leaves the script's own words alone.",
    "image": "Container image.",
    "alpine": "Whether the image is based on Alpine Linux.",
    "token": "Token of the service; the server makes it.",
    "file_stage_in": "true to NOT download the input file; the script finds its key in STORAGE_OBJECT_KEY.",
    "input": "Folders whose new files start a job each.",
    "output": "Folders that take the files which the script leaves in TMP_OUTPUT_DIR.",
    "script": "The script to run: a path relative to this file, an absolute path, or the text itself.",
    "image_pull_secrets": "Names of Kubernetes secrets for private images.",
    "expose": "Keep the container running and publish its port.",
    "expose.min_scale": "At least so many containers.",
    "expose.max_scale": "At most so many containers.",
    "expose.cpu_threshold": "Average processor use, in percent, above which containers are added.",
    "expose.api_port": "Port or ports the container listens on.",
    "expose.nodePort": "Fixed ports of the cluster's nodes, one for each api_port; 0 for any.",
    "expose.rewrite_target": "Whether the container sees paths without the service's prefix.",
    "expose.default_command": "Run the image's own command instead of the script.",
    "expose.set_auth": "Ask for a login: the service's name and its token.",
    "expose.auth_type": "How the login is asked for.",
    "expose.health_path": "Path that answers when the container is well.",
    "expose.probe_mode": "How the container's health is asked for.",
    "environment": "Variables that the script finds in its environment.",
    "environment.variables": "Variables that everybody may read who may read the service.",
    "environment.secrets": "Variables whose values the server never shows.",
    "annotations": "Annotations of the Kubernetes objects.",
    "vo": "Virtual organisation of the service.",
    "labels": "Labels of the Kubernetes objects.",
    "storage_providers": "Storages besides the cluster's own; read at the top level of the file.",
    "clusters": "Logins of clusters that jobs are sent to; read at the top level of the file.",
    "owner": "Owner of the service; the server sets it.",
    "namespace": "Kubernetes namespace; the server sets it.",
    "interlink_node_name": "interLink node that runs the jobs.",
    "visibility": "Who may see and call the service: its owner, the allowed users too, or everybody.",
    "allowed_users": "Ids of users who may use a restricted service.",
    "isolation_level": "USER gives each allowed user buckets of their own.",
    "bucket_list": "Buckets of isolated users; the server makes them.",
    "mount": "Storage that the containers find as a folder below /mnt.",
    "mount.options": "More options for rclone, which mounts it.",
    "volume": "Disk space that all containers of the service share.",
    "volume.name": "Name of the volume; needed to attach one that is there.",
    "volume.size": "Size of a new volume, such as 1Gi; left out to attach one that is there.",
    "volume.mount_path": "Absolute path in the container.",
    "volume.lifecycle_policy": "What becomes of a new volume when the service is deleted.",
    "volume_status": "State of the volume; the server shows it.",
    "deployment": "State of the deployment; the server shows it.",
    "kserve": "Serve a model with KServe.",
    "kserve.type": "inference, or llm_inference for a large language model.",
    "kserve.storage_uri": "Where the model is, such as hf://organisation/model.",
    "kserve.inference": "What type inference needs.",
    "kserve.inference.model_format": "Format of the model, such as sklearn or huggingface.",
    "kserve.inference.runtime": "Serving runtime; chosen by the format when it is left out.",
    "kserve.llm_inference": "What type llm_inference may have.",
    "kserve.llm_inference.runtime_image": "Image that serves the model.",
    "kserve.api_version": "Version of the inference protocol.",
    "kserve.min_scale": "At least so many containers; 0 stops the last one when nobody calls.",
    "kserve.max_scale": "At most so many containers.",
    "kserve.cpu": "Processor of each container.",
    "kserve.memory": "Memory of each container.",
    "kserve.args": "Arguments of the serving runtime.",
    "kserve.env": "Environment of the serving runtime.",
    "kserve.enable_gpu": "Give each container a GPU.",
    "kserve.set_auth": "Ask for a login: the service's name and its token.",
}
FILE = {
    "functions": "The services.",
    "functions.oscar": "List of services, each under the id of the cluster it goes to, or default-cluster.",
    "storage_providers": "Storages besides the cluster's own: for each type, ids and their settings.",
    "clusters": "Logins of clusters that services send jobs to.",
}


def description(path: str) -> str:
    """Return what a key means, empty for one that explains itself.

    Args:
        path: the key path in a service, without numbers, such as `input.path`.
    """
    first, _, rest = path.rpartition(".")
    shared = {
        "input": FOLDER,
        "output": {**FOLDER, **FILTERS},
        "mount": FOLDER,
        "federation.members": MEMBER,
        "replicas": MEMBER,
    }
    return SERVICE.get(path) or shared.get(first, {}).get(rest, "")
