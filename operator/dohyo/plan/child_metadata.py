"""The metadata that every child carries: whose it is, and by which labels it is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo.contract import API_VERSION, KIND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.api.resource import Metadata


def child_metadata(
    owner: Metadata, name: str, labels: Mapping[str, str], kind: str = KIND
) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": owner.namespace,
        "labels": dict(labels),
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": kind,
                "name": owner.name,
                "uid": owner.uid,
                "controller": True,
            }
        ],
    }
