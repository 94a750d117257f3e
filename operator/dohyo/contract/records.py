"""What a version's pods tell the evidence service: predictions one by one, and counts by window.

A POST to RECORDS_PATH carries JSON lines, one record each, with a bearer token of the namespace
(`Keys.token` for FOR_RECORDS). A record may arrive twice and is to be counted once: a prediction
by its id, a window by replica and start. Records may be lost; each window says how many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

RECORDS_PATH: Final = "/v1/records"
RECORDS_CONTENT_TYPE: Final = "application/x-ndjson"
KIND_PREDICTION: Final = "prediction"
KIND_WINDOW: Final = "window"
# Begins the replica of a window of a batch run; no pod is called so.
BATCH_REPLICA: Final = "batch/"
# Of one record; predictions beyond it are left out, and `numbers` is empty.
MOST_NUMBERS: Final = 1_000


@dataclass(frozen=True)
class PredictionRecord:
    """One answer of a version, to a client or to a mirrored copy of a client's request.

    Attributes:
        prediction_id: signed; deployment, version, trial, epoch, mode, arm, shares, entity,
            bucket, time, rows and the shadow flag stand in it.
        request_id: the gateway's; the same in a request and its copies. Empty without one.
        protocol: http or grpc.
        seconds: from the request's last byte to the answer's first one.
        sample: the share of entities whose predictions are recorded. An entity is recorded
            always or never, so that a count of entities divided by it is one of all.
        numbers: predictions row by row, where they are too many for the prediction id.
    """

    prediction_id: str
    request_id: str
    protocol: str
    seconds: float
    sample: float = 1.0
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True)
class BinCounts:
    """How values fell into bins that were frozen when the model was trained.

    Attributes:
        counts: values of the window by bin. The last bin counts what was missing.
        reference: the same of the training data.
    """

    counts: tuple[int, ...]
    reference: tuple[int, ...]


@dataclass(frozen=True)
class WindowRecord:
    """What one process of a version has seen in a closed stretch of time; they never overlap.

    Attributes:
        deployment, version: who answered.
        replica: names the process; another one after a restart.
        started, ended: microseconds since 1970.
        shadow: counts of mirrored copies; of client's requests otherwise.
        profile: digest of the reference profile; empty without one.
        requests, rows: answered.
        dropped: records of predictions that were thrown away since the window before.
        features: by name, only with a profile.
        prediction: of the predicted number, only with a profile.
        classes: names of the outputs that `numbers` of predictions are probabilities of; empty
            for values.
    """

    deployment: str
    version: str
    replica: str
    started: int
    ended: int
    shadow: bool
    requests: int
    rows: int
    dropped: int = 0
    profile: str = ""
    features: Mapping[str, BinCounts] = field(default_factory=dict)
    prediction: BinCounts | None = None
    classes: tuple[str, ...] = ()


def record_to_json(record: PredictionRecord | WindowRecord) -> dict[str, Any]:
    """The document of one line; what is empty or usual is left out."""
    if isinstance(record, PredictionRecord):
        document: dict[str, Any] = {
            "kind": KIND_PREDICTION,
            "id": record.prediction_id,
            "request": record.request_id,
            "protocol": record.protocol,
            "seconds": record.seconds,
        }
        if record.sample != 1.0:
            document["sample"] = record.sample
        if record.numbers:
            document["numbers"] = list(record.numbers)
        return document
    document = {
        "kind": KIND_WINDOW,
        "deployment": record.deployment,
        "version": record.version,
        "replica": record.replica,
        "started": record.started,
        "ended": record.ended,
        "shadow": record.shadow,
        "requests": record.requests,
        "rows": record.rows,
        "dropped": record.dropped,
    }
    if record.profile:
        document["profile"] = record.profile
        document["features"] = {name: _bins(bins) for name, bins in record.features.items()}
    if record.prediction is not None:
        document["prediction"] = _bins(record.prediction)
    if record.classes:
        document["classes"] = list(record.classes)
    return document


def record_from_json(document: Mapping[str, Any]) -> PredictionRecord | WindowRecord:
    """The inverse of `record_to_json`.

    Raises:
        ValueError: the document is no record; names the field.
    """
    try:
        kind = document["kind"]
        if kind == KIND_PREDICTION:
            return PredictionRecord(
                prediction_id=str(document["id"]),
                request_id=str(document["request"]),
                protocol=str(document["protocol"]),
                seconds=float(document["seconds"]),
                sample=float(document.get("sample", 1.0)),
                numbers=tuple(map(float, document.get("numbers", ()))),
            )
        if kind == KIND_WINDOW:
            return _window(document)
    except KeyError as error:
        raise ValueError(f"a record lacks the field {error}") from error
    except (TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError(f"a record has a field of another kind: {error}") from error
    raise ValueError(f"a record of kind {kind!r} is unknown; this reads prediction and window")


def _window(document: Mapping[str, Any]) -> WindowRecord:
    prediction = document.get("prediction")
    return WindowRecord(
        deployment=str(document["deployment"]),
        version=str(document["version"]),
        replica=str(document["replica"]),
        started=int(document["started"]),
        ended=int(document["ended"]),
        shadow=bool(document["shadow"]),
        requests=int(document["requests"]),
        rows=int(document["rows"]),
        dropped=int(document["dropped"]),
        profile=str(document.get("profile", "")),
        features={name: _parsed(bins) for name, bins in document.get("features", {}).items()},
        prediction=None if prediction is None else _parsed(prediction),
        classes=tuple(map(str, document.get("classes", ()))),
    )


def _bins(bins: BinCounts) -> list[list[int]]:
    return [list(bins.counts), list(bins.reference)]


def _parsed(bins: list[list[int]]) -> BinCounts:
    counts, reference = (tuple(map(int, each)) for each in bins)
    if len(counts) != len(reference):
        raise ValueError(f"{len(counts)} counts beside {len(reference)} of the reference")
    return BinCounts(counts, reference)
