"""A ModelDeployment as a former ring has left it → as the next one takes it up.

What was decided stays: who serves, which trial goes on, what is over. What was seen is gone with
the processes that it was seen of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def recalled(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The resource without what its former status says of processes."""
    status = raw.get("status")
    if not status:
        return dict(raw)
    versions = [{**version, "readyReplicas": 0} for version in status.get("versions", ())]
    return {**raw, "status": {**status, "versions": versions, "conditions": []}}
