"""The same search on a real cluster of Ray finds the same."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from dohyo_training.build.search import search
from dohyo_training.complaint import Complaint
from tests.unit.training.searching import Notes, config, material, told

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = [
    {"name": "linear", "grid": {"C": [1.0, 0.1]}},
    {"name": "tree", "grid": {"max_depth": [2, 4]}},
]
WORKER = "ray::PoolActor"


@pytest.fixture
def address() -> Iterator[str]:
    """A head with two cores, started as anybody would start it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The path of a socket has little room, and the folder of a test takes most of it.
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    ray = Path(sys.executable).with_name("ray")
    start = [str(ray), "start", "--head", "--block", "--node-ip-address=127.0.0.1"]
    start += [f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
    start += [f"--temp-dir={folder}", "--disable-usage-stats", "--object-store-memory=100000000"]
    # A token that this user once made for another cluster of Ray would be asked for here.
    open_to_all = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    with subprocess.Popen(start, env=open_to_all, stdout=subprocess.PIPE, text=True) as head:
        assert head.stdout is not None
        said = []
        for line in head.stdout:
            said.append(line)
            if "--block" in line:
                break
        else:
            pytest.fail("the head of Ray did not start:\n" + "".join(said))
        yield f"127.0.0.1:{port}"
        head.terminate()
    shutil.rmtree(folder, ignore_errors=True)


def test_workers_of_a_cluster_find_what_the_cores_here_find(address: str) -> None:
    here = config(models=MODELS, folds={"k": 2})
    alone = search(here, material(here), progress=told, memory=Notes())
    there = config(
        models=MODELS,
        folds={"k": 2},
        search={"backend": "ray", "address": address, "jobs": 2},
    )
    workers: dict[int, float] = {}

    def watch(done: int, planned: int) -> None:
        told(done, planned)
        for process in psutil.process_iter(["cmdline", "cpu_times"]):
            if (process.info["cmdline"] or [""])[0].startswith(WORKER):
                workers[process.pid] = process.info["cpu_times"].user

    together = search(there, material(there), progress=watch, memory=Notes())
    # The fits ran in both workers of the cluster, which are other processes than this one.
    assert len(set(workers) - {os.getpid()}) == 2
    assert [t.candidate for t in together.trials] == [t.candidate for t in alone.trials]
    assert all(
        np.array_equal(a.output, b.output)
        for a, b in zip(alone.trials, together.trials, strict=True)
    )


@pytest.mark.parametrize("absent", ["127.0.0.1:1", "ray://127.0.0.1:1", "somewhere"])
def test_a_cluster_that_is_not_there_is_said(absent: str) -> None:
    there = config(models=MODELS, search={"backend": "ray", "address": absent})
    with pytest.raises(Complaint, match=f"no cluster of Ray answers at '{absent}'"):
        search(there, material(there), progress=told, memory=Notes())


def test_without_an_address_a_cluster_of_this_machine_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    there = config(models=MODELS, search={"backend": "ray"})
    with pytest.raises(Complaint, match="no cluster of Ray answers"):
        search(there, material(there), progress=told, memory=Notes())


def test_ray_is_asked_for_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    there = config(models=MODELS, search={"backend": "ray"})
    with pytest.raises(Complaint, match="ray is not installed"):
        search(there, material(there), progress=told, memory=Notes())
