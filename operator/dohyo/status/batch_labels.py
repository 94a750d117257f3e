"""What later labels say of a run → its part of the status, and which runs to ask about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dohyo.api.batch_status import MAX_PAIRS, LabelledPair, LabelledVersion
from dohyo.api.batchprediction import MAX_COMPARED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.api.batch_status import BatchRun
    from dohyo.contract.batch_evidence import BatchEvidence

# Labels of older runs hardly come any more; what they said stays.
_YOUNGEST: Final = 3


def labelled(run: BatchRun, said: BatchEvidence | None) -> BatchRun:
    """The run with the evidence service's word on it; as it was where there is none."""
    if said is None:
        return run
    labels = tuple(
        LabelledVersion(name=v.name, rows=v.rows, loss=v.loss, mean=v.mean) for v in said.versions
    )
    paired = tuple(
        LabelledPair(
            first=pair.first,
            other=pair.other,
            rows=pair.rows,
            gain=pair.gain,
            better=pair.better,
            worse=pair.worse,
            verdict=pair.verdict,
        )
        for pair in said.pairs
    )
    return run.model_copy(update={"labels": labels[:MAX_COMPARED], "paired": paired[:MAX_PAIRS]})


def to_be_labelled(status: Mapping[str, Any]) -> list[str]:
    """Names of the runs whose labels are still to be expected."""
    runs = status.get("runs") or ()
    return [run["name"] for run in runs if run["state"] == "Succeeded"][:_YOUNGEST]
