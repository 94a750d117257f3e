"""Memory that nobody holds any more goes back to the machine, and not to the next stage's peak."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back() -> None:
    """Returns free pages of the C library's heap and of Arrow's, where there are such."""
    gc.collect()
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()
    # Only glibc has it; other libraries return pages by themselves, or never.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
