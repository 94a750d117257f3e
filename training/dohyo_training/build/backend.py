"""Where the fits of a search run: on the cores here, or on a cluster of Dask or Ray."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Final

import joblib
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dohyo_training.config.building import Search


_KNOCK_SECONDS: Final = 10.0
# Each worker imports for four seconds of processor time before its first fit, and plans are
# generous: two workers are not quicker than this process alone with half of what is planned.
_LEAST_CPU_SECONDS: Final = 30.0


@contextmanager
def workers(search: Search, planned_cpu_seconds: float = inf) -> Iterator[joblib.Parallel]:
    """A pool for the tasks of a search; each task has one thread, so that its time is its own.

    Little work is done in this process, unless `search.jobs` says how many do it.

    Raises:
        Complaint: the library is not installed, or no cluster answers.
    """
    if search.backend == "dask":
        with _dask(search.address), joblib.parallel_config("dask"):
            yield joblib.Parallel(return_as="generator")
    elif search.backend == "ray":
        # One pool for all folds: each worker of Ray imports everything anew.
        with (
            _ray(search.address),
            joblib.parallel_config("ray"),
            joblib.Parallel(n_jobs=search.jobs) as pool,
        ):
            yield pool
    elif (jobs := _jobs(search, planned_cpu_seconds)) == 1:
        with threadpool_limits(1):
            yield joblib.Parallel(n_jobs=1, return_as="generator")
    else:
        settings = joblib.parallel_config("loky", inner_max_num_threads=1)
        with settings, joblib.Parallel(n_jobs=jobs, return_as="generator") as pool:
            yield pool


def release() -> None:
    """Ends the idle workers of the cores here, and with them the memory that they hold."""
    from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415

    get_reusable_executor().shutdown(wait=True)


def _jobs(search: Search, planned_cpu_seconds: float) -> int:
    if search.jobs > 0:
        return search.jobs
    if planned_cpu_seconds < _LEAST_CPU_SECONDS:
        return 1
    # Counts the limit of a container as well, which the machine's own count does not know.
    return int(joblib.cpu_count())


@contextmanager
def _dask(address: str) -> Iterator[None]:
    try:
        from distributed import Client  # noqa: PLC0415 - only where it is asked for
    except ImportError as error:
        raise Complaint(
            "search.backend: dask is not installed; `pip install distributed`, or use local"
        ) from error
    try:
        client = Client(address or os.environ.get("DASK_SCHEDULER_ADDRESS"), timeout="10s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise Complaint(
            f"search.address: no scheduler of Dask answers at {address!r} ({error}); "
            "start one with `dask scheduler`, or use search.backend: local"
        ) from error
    with client:
        yield


@contextmanager
def _ray(address: str) -> Iterator[None]:
    try:
        import ray  # noqa: PLC0415
        from ray.util.joblib import (  # noqa: PLC0415
            register_ray,
        )
    except ImportError as error:
        raise Complaint(
            "search.backend: ray is not installed; `pip install ray`, or use local"
        ) from error
    wanted = address or os.environ.get("RAY_ADDRESS", "auto")
    try:
        _knock(wanted)
        ray.init(address=wanted, log_to_driver=False)
    except (OSError, ValueError) as error:
        raise Complaint(
            f"search.address: no cluster of Ray answers at {wanted!r} ({error}); "
            "start one with `ray start --head`, or use search.backend: local"
        ) from error
    register_ray()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Ray itself asks for minutes where nobody listens, and then ends the process."""
    if address in ("auto", "local"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=_KNOCK_SECONDS):
        pass
