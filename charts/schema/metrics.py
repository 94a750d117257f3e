"""Pieces of PromQL that dashboard and alerts share."""

from __future__ import annotations

from typing import Final

# What a person is told of as an error: HTTP 5xx and the gRPC codes that speak of the server.
BAD_CODES: Final = "5..|UNKNOWN|INTERNAL|UNAVAILABLE|DEADLINE_EXCEEDED|DATA_LOSS|RESOURCE_EXHAUSTED"
MODEL: Final = "namespace, modeldeployment"
VERSION: Final = f"{MODEL}, version"


def rate(metric: str, selector: str = "", by: str = VERSION, window: str = "5m") -> str:
    """Growth per second of a counter, summed over gateway pods."""
    chosen = f"{{{selector}}}" if selector else ""
    return f"sum by ({by}) (rate({metric}{chosen}[{window}]))"
