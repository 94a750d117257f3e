"""`dohyo crd`: the definitions, for those who install without Helm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dohyo.api.crd import crd_yaml
from dohyo.api.definition import DEFINITIONS

if TYPE_CHECKING:
    from argparse import Namespace


def run(_: Namespace) -> int:
    """Prints the definitions."""
    print("---\n".join(crd_yaml(definition) for definition in DEFINITIONS), end="")
    return 0
