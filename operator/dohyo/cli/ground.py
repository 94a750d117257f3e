"""This machine as the ground that a file's resources are to run on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dohyo.local.admission import admitted
from dohyo.local.bentos import store_of

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from dohyo.api.violations import Violation

    Present = Callable[[str, str], Mapping[str, Any] | None]


class Ground:
    """Finds the bentos of versions, and knows what runs under a name now.

    Args:
        namespace: of resources that name none.
        present: the ModelDeployment of a namespace and a name, if there is one.
    """

    def __init__(self, namespace: str, present: Present = lambda _namespace, _name: None) -> None:
        self._namespace = namespace
        self._present = present
        self._store = store_of(os.environ)

    def admit(
        self, value: Mapping[str, Any], beside: Path
    ) -> tuple[dict[str, Any], list[Violation]]:
        """The resource as it runs here, and what is wrong with its bentos.

        Args:
            value: of a document.
            beside: the folder of its file.
        """
        local, found = admitted(value, self._store, beside)
        metadata = local.get("metadata")
        if isinstance(metadata, dict):
            local["metadata"] = {**metadata}
            local["metadata"]["namespace"] = metadata.get("namespace") or self._namespace
        return local, found

    def present(self, value: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What runs under the resource's name."""
        metadata = value.get("metadata")
        if not isinstance(metadata, dict):
            return None
        return self._present(str(metadata.get("namespace")), str(metadata.get("name")))


def ground_of(arguments: Namespace) -> Ground | None:
    """The ground that --local asks for; None is a cluster."""
    if not arguments.local:
        return None
    return Ground(getattr(arguments, "namespace", None) or "default")
