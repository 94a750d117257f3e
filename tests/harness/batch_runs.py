"""BatchPredictions of one namespace of the cluster, small enough that many run at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.harness import model, warehouse
from tests.harness.live import Name
from tests.harness.manifests import RESOURCES, model_deployment
from tests.harness.until import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.live import Object
    from tests.harness.ring import Ring
    from tests.harness.warehouse import Warehouse

MODEL = "bout"


def a_fetched_champion(ring: Ring, folder: Path) -> Warehouse:
    """A ModelDeployment whose champion v1 is fetched, as data sets want it; not settled yet."""
    store = warehouse.open_warehouse(ring.live, ring.namespace, model.LOGISTIC, folder)
    credentials = {"secretRef": {"name": warehouse.CREDENTIALS}}
    place = {"uri": store.web, "digest": store.digest, "credentials": credentials}
    champion = {"name": "v1", "bento": model.LOGISTIC, "resources": RESOURCES, **place}
    one = {"minReplicas": 1, "maxReplicas": 1}
    ring.apply(model_deployment(MODEL, champion, scaling=one))
    return store


def batch(name: str, folder: str, **spec: Any) -> Object:
    """Rows in CSV of the claim `data`, scored into a folder of their own beside them."""
    return {
        "apiVersion": "dohyo.dev/v1alpha1",
        "kind": "BatchPrediction",
        "metadata": {"name": name},
        "spec": {
            "modelDeployment": MODEL,
            "input": {"uri": f"pvc://data/{folder}/", "format": "csv"},
            "output": {"uri": f"pvc://data/scores-{name}/"},
            "parallelism": 2,
            "resources": {
                "requests": {"cpu": "50m", "memory": "256Mi"},
                "limits": {"memory": "1Gi"},
            },
            **spec,
        },
    }


def standing(ring: Ring, name: str) -> Object:
    """The status; empty while there is none."""
    found = ring.live.get(Name("BatchPrediction", name, ring.namespace)) or {}
    status: Object = found.get("status", {})
    return status


def ended(ring: Ring, name: str, seconds: float = 240) -> Object:
    """The status once what runs once is over."""
    return until(
        f"{name} is over",
        lambda: standing(ring, name),
        lambda status: status.get("phase") in ("Succeeded", "Failed"),
        seconds=seconds,
    )
