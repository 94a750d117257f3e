"""Arrow as a shard uses it: by one core, giving memory back, and without pandas."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def little_memory() -> None:
    """Chooses the pool that keeps least of what is no longer used; before Arrow is imported."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")


def one_core() -> None:
    """A shard is one core's work; parallel ones are other shards."""
    import pyarrow as pa  # noqa: PLC0415 - it must not come before its pool is chosen

    pa.set_cpu_count(1)
    pa.set_io_thread_count(2)


def without_pandas() -> None:
    """Lets Arrow believe that pandas is not there, unless it is loaded already.

    Arrow looks for it once, at its first array, which costs 50 MB and half a second; whoever
    imports it later for itself gets it all the same.
    """
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        import pyarrow as pa  # noqa: PLC0415

        pa.scalar(0)
    finally:
        sys.meta_path.remove(_NoPandas)


class _NoPandas:
    @staticmethod
    def find_spec(name: str, _path: Sequence[str] | None = None, _target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)
