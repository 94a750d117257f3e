"""The same search on a real cluster of Dask finds the same."""

from __future__ import annotations

import os

import numpy as np
import pytest
from distributed import Client, LocalCluster, get_task_stream

from dohyo_training.build.search import search
from dohyo_training.complaint import Complaint
from tests.unit.training.searching import Notes, config, material, told

MODELS = [
    {"name": "linear", "grid": {"C": [1.0, 0.1]}},
    {"name": "tree", "grid": {"max_depth": [2, 4]}},
]


def test_workers_of_a_cluster_find_what_the_cores_here_find() -> None:
    here = config(models=MODELS, folds={"k": 2})
    alone = search(here, material(here), progress=told, memory=Notes())
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        there = config(
            models=MODELS,
            folds={"k": 2},
            search={"backend": "dask", "address": cluster.scheduler_address},
        )
        with Client(cluster) as watching, get_task_stream(watching) as done:  # type: ignore[no-untyped-call]
            together = search(there, material(there), progress=told, memory=Notes())
            processes = watching.run(os.getpid)
    # The fits were tasks of both workers, which are other processes than this one.
    assert len(set(processes.values()) - {os.getpid()}) == 2
    assert {task["worker"] for task in done.data} == set(processes)
    assert len(done.data) >= len(together.trials) / 2
    assert [t.candidate for t in together.trials] == [t.candidate for t in alone.trials]
    assert all(
        np.array_equal(a.output, b.output)
        for a, b in zip(alone.trials, together.trials, strict=True)
    )


def test_a_scheduler_that_is_not_there_is_said() -> None:
    there = config(models=MODELS, search={"backend": "dask", "address": "tcp://127.0.0.1:1"})
    with pytest.raises(Complaint, match=r"no scheduler of Dask answers at 'tcp://127\.0\.0\.1:1'"):
        search(there, material(there), progress=told, memory=Notes())
