"""Services that want a GPU, on machines that have none or half of one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oscarcli.local.jobs.engine import container
from tests.local.engines.conftest import Create
from tests.local.harness import LocalCluster

# What the programs say where there is a device and no driver for containers; some take what there is.
SAID = {
    "podman": "nvidia.com/gpu=all",
    "charliecloud": "ch-fromhost cannot hand the GPU to the image: ",
    "udocker": "begun",
    "apptainer": "begun",
    "singularity": "begun",
    "docker": "could not select device driver",
}


def test_a_job_without_a_gpu_says_so(
    contained: LocalCluster, create: Create, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if container.NVIDIA_DEVICE.exists():
        pytest.skip("there is a GPU here")
    with monkeypatch.context() as patch:
        patch.setattr(container, "NVIDIA_DEVICE", Path(os.devnull))
        service = create("echo begun\n", enable_gpu=True, name="gpuless")
        contained.submit(service, job="driverless")
        state = contained.ended(service)["driverless"]["status"]
    assert state == ("Succeeded" if SAID[engine] == "begun" else "Failed")
    log = contained.log(service, "driverless")
    assert SAID[engine] in log, log
    assert ("begun" in log) == (SAID[engine] == "begun")
    contained.submit(service, job="deviceless")
    assert contained.ended(service, 2)["deviceless"]["status"] == "Failed"
    said = f"enable_gpu: the engine {engine} has no GPUs to hand out here"
    assert said in contained.log(service, "deviceless")
