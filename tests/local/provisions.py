"""What the local tests need of this machine, fetched by `python -m tests.local.provisions`.

Tests that run side by side would else install it side by side, and apt lets one in at a time.
"""

from __future__ import annotations

from tests.harness import prometheus, storage_programs
from tests.local.evidence import postgres


def main() -> None:
    """Brings about what is missing; at once where nothing is."""
    postgres.ensure()
    prometheus.program()
    storage_programs.docker_registry()
    storage_programs.versitygw()


if __name__ == "__main__":
    main()
