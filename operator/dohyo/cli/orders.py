"""`dohyo promote`, `abort`, `pause`, `resume`, `undo`, `retry`: asks the operator for an action."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from dohyo.cli.access import cluster
from dohyo.cli.complaint import Complaint
from dohyo.contract import KIND
from dohyo.verdict.orders import annotation

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

_LOOK_SECONDS = 0.2


def run(arguments: Namespace) -> int:
    """Sets the annotation, and tells what the operator made of it; 1 when it refused."""
    found = cluster(arguments)
    namespace = arguments.namespace or found.namespace
    value = arguments.challenger or "true"
    before = found.one(namespace, arguments.name)
    known = _answer(before, arguments.action)
    found.annotate(namespace, arguments.name, {annotation(arguments.action): value})
    until = time.monotonic() + arguments.timeout
    while time.monotonic() < until:
        order = _answer(found.one(namespace, arguments.name), arguments.action)
        if order is not None and (known is None or order["number"] != known["number"]):
            return _told(arguments, order)
        time.sleep(_LOOK_SECONDS)
    raise Complaint(
        f"the operator has not answered within {arguments.timeout:g} s; the annotation "
        f"{annotation(arguments.action)} is set on {KIND} {arguments.name} and will be followed "
        "when it runs"
    )


def _answer(raw: Mapping[str, Any], action: str) -> dict[str, Any] | None:
    """What became of the last order of that kind."""
    orders: list[dict[str, Any]] = (raw.get("status") or {}).get("orders", [])
    return next((o for o in orders if o["action"] == action), None)


def _told(arguments: Namespace, order: Mapping[str, Any]) -> int:
    refused = bool(order.get("refused"))
    if arguments.output == "json":
        print(json.dumps(order, indent=2))
    elif refused:
        raise Complaint(str(order["message"]))
    else:
        print(order["message"])
    return 1 if refused else 0
