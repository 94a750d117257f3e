"""A ModelDeployment's status → the routing table in it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from dohyo.contract import routing_from_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.contract import RoutingTable

_LOG: Final = logging.getLogger(__name__)


def read_table(manifest: Mapping[str, Any]) -> RoutingTable | None:
    """The routing table of a ModelDeployment; None while it has none that can be read."""
    status = (manifest.get("status") or {}).get("routing")
    if not status:
        return None
    try:
        return routing_from_status(status)
    except (KeyError, TypeError, ValueError) as error:
        metadata = manifest["metadata"]
        _LOG.warning(
            "%s/%s: status.routing cannot be read: %s %s",
            metadata["namespace"],
            metadata["name"],
            type(error).__name__,
            error,
        )
        return None
