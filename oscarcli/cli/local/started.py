"""What is said of a local cluster that has been started: where it is, and what to do next."""

from __future__ import annotations

from oscarcli.cli.kit.session import Session
from oscarcli.local.folder import DataFolder
from oscarcli.local.options import Endpoints
from oscarcli.output.render import Result


def show_started(session: Session, name: str, folder: DataFolder, endpoints: Endpoints) -> None:
    """Say where it is."""
    if not session.wants_table:
        document = {
            "name": name,
            "endpoint": endpoints.api,
            "s3_endpoint": endpoints.s3,
            "engine": folder.read_engine(),
            "data_dir": str(folder.path),
        }
        session.show(Result(document))
        return
    session.line(f'Local cluster "{name}" is running')
    session.line(f"Endpoint:        {endpoints.api}")
    session.line(f"S3 endpoint:     {endpoints.s3}")
    engine = folder.read_engine()
    if engine is not None:
        session.line(f"Engine:          {engine['name']} {engine['version']}".rstrip())
    session.line(f"Data directory:  {folder.path}")


def tell_next_step(session: Session, name: str) -> None:
    """Say how a first service is made."""
    # Anew: it has been added just now.
    where = "" if session.config_file.read().default == name else f" -c {name}"
    session.note(
        f"next: 'oscar-cli init hello' writes a service, 'oscar-cli apply{where} hello/fdl.yaml' creates it"
    )
