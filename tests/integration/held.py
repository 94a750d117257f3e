"""A ModelDeployment that any operator leaves alone: on its way out, held by a finalizer of ours.

So a test may write the status that it wants to see, wherever an operator runs.
"""

from __future__ import annotations

import copy
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.harness.commands import apply, kubectl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FINALIZER = "tests.dohyo.dev/held"


@contextmanager
def held(
    resource: Mapping[str, Any], status: Mapping[str, Any], namespace: str
) -> Iterator[dict[str, Any]]:
    """The resource as it is stored with that status, until the end of the block."""
    body = copy.deepcopy(dict(resource))
    body["metadata"]["finalizers"] = [FINALIZER]
    where = ("md", body["metadata"]["name"], "--namespace", namespace)
    apply(body, namespace=namespace)
    kubectl("delete", *where, "--wait=false")
    try:
        patch = json.dumps([{"op": "add", "path": "/status", "value": status}])
        kubectl("patch", *where, "--subresource=status", "--type=json", "--patch", patch)
        yield json.loads(kubectl("get", *where, "-o", "json"))
    finally:
        free = json.dumps({"metadata": {"finalizers": None}})
        kubectl("patch", *where, "--type=merge", "--patch", free)
