"""The order for a run: all that its program is told, as a ConfigMap."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from dohyo.contract.batch import (
    BENTOS_FOLDER,
    BatchInput,
    BatchLabels,
    BatchOrder,
    BatchOutput,
    BatchReportOrder,
    OrderedVersion,
)
from dohyo.contract.documents import to_json
from dohyo.plan.batch_names import ORDER, batch_metadata, batch_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dohyo.api.batch_resource import BatchPrediction
    from dohyo.api.batchprediction import BatchPredictionSpec
    from dohyo.api.modeldeployment import VersionSpec
    from dohyo.plan.settings import Runtime

CLAIMS: Final = "/mnt/data"
ORDER_KEY: Final = "order.json"


def order_of(bp: BatchPrediction, versions: Iterable[VersionSpec], runtime: Runtime) -> BatchOrder:
    """The order for the next run; the run's name comes by the pod's environment."""
    spec = bp.spec
    return BatchOrder(
        name=bp.metadata.name,
        namespace=bp.metadata.namespace,
        run="",
        deployment=spec.model_deployment,
        versions=tuple(
            OrderedVersion(v.name, v.bento, f"{BENTOS_FOLDER}/{v.name}", v.digest) for v in versions
        ),
        input=BatchInput(
            uri=in_pod(spec.input.uri),
            format=spec.input.format,
            columns=dict(spec.input.columns),
            query=spec.input.query,
            key=spec.input.key,
        ),
        output=BatchOutput(in_pod(spec.output.uri), spec.output.format, spec.output.include),
        shards=spec.shard_count,
        on_bad_row=spec.on_bad_row,
        report=BatchReportOrder(spec.report.group_by, spec.report.time, spec.report.every),
        evidence_url=runtime.evidence_url or None,
        labels=BatchLabels(spec.labels.column if spec.labels else None),
    )


def order_map(bp: BatchPrediction, order: BatchOrder) -> dict[str, Any]:
    """The ConfigMap with the order, named after what is in it: it never changes."""
    text = json.dumps(to_json(order), sort_keys=True, indent=1, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    name = f"{batch_name(bp.metadata.name)}-{ORDER}-{digest}"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": batch_metadata(bp.metadata, name, ORDER),
        "immutable": True,
        "data": {ORDER_KEY: text},
    }


def in_pod(uri: str) -> str:
    """Where a pod finds what the uri leads to: claims are mounted."""
    if not uri.startswith("pvc://"):
        return uri
    return f"file://{CLAIMS}/{uri.removeprefix('pvc://')}"


def as_written(text: str) -> str:
    """What a pod says of mounted claims, in the addresses of the spec."""
    return text.replace(f"file://{CLAIMS}/", "pvc://")


def claims(spec: BatchPredictionSpec) -> dict[str, bool]:
    """The PersistentVolumeClaims of the data, and whether each is only read."""
    found: dict[str, bool] = {}
    for uri, only_read in ((spec.input.uri, True), (spec.output.uri, False)):
        if uri.startswith("pvc://"):
            name = uri.removeprefix("pvc://").partition("/")[0]
            found[name] = found.get(name, True) and only_read
    return found
