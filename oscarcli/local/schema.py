"""All tables of a cluster; each is described where it is used."""

from __future__ import annotations

from oscarcli.local.exposed import calls as exposed_calls_table
from oscarcli.local.exposed import table as deployments_table
from oscarcli.local.images import table as images_table
from oscarcli.local.jobs import calls as calls_table
from oscarcli.local.jobs import log_table
from oscarcli.local.jobs import table as jobs_table
from oscarcli.local.jobs.mounts import schema as mounts_schema
from oscarcli.local.objects import index
from oscarcli.local.services import host_links
from oscarcli.local.services import quotas as quotas_table
from oscarcli.local.services import table as services_table
from oscarcli.local.services import volumes as volumes_table
from oscarcli.local.users import access

# The record of calls and the logs follow the table of jobs, so they come after it.
SCHEMA = (
    services_table.SCHEMA,
    jobs_table.SCHEMA,
    log_table.SCHEMA,
    index.SCHEMA,
    calls_table.SCHEMA,
    volumes_table.SCHEMA,
    quotas_table.SCHEMA,
    images_table.SCHEMA,
    deployments_table.SCHEMA,
    exposed_calls_table.SCHEMA,
    access.SCHEMA,
    mounts_schema.SCHEMA,
    host_links.SCHEMA,
)
