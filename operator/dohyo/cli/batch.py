"""`dohyo batch`: a BatchPrediction on this machine, with the shards as processes."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from dohyo.api.batch_resource import BatchPrediction, parse_batch
from dohyo.api.batchprediction import CHAMPION
from dohyo.api.violations import InvalidResource
from dohyo.cli.complaint import Complaint
from dohyo.cli.documents import Unreadable, documents, text_of
from dohyo.cli.ground import Ground
from dohyo.contract import BATCH_KIND, KIND, batch
from dohyo.contract.batch import BatchSummary, OrderedVersion, summary_document
from dohyo.local.admission import located
from dohyo.local.batch import LocalRun, Step
from dohyo.local.bentos import BentoError, in_place, in_store, store_of
from dohyo.plan.batch_order import order_of
from dohyo.plan.batch_versions import ring_versions
from dohyo.plan.settings import Runtime

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from dohyo.contract.batch import BatchOrder

_NEEDED: Final = ("pyarrow", "bentoml", "obstore", "matplotlib", "sqlalchemy", "rich")


def run(arguments: Namespace) -> int:
    """Scores a data set; the exit code of its worst shard."""
    lacking = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if lacking:
        raise Complaint(f"this needs the package {lacking[0]}; install 'dohyo[batch]'")
    with tempfile.TemporaryDirectory(prefix="dohyo-batch-") as folder:
        prediction, order = _read(arguments, Path(folder))
        processes = arguments.parallelism or min(prediction.spec.parallelism, os.cpu_count() or 1)
        local = LocalRun(order, os.environ, Path(folder))
        try:
            summary, scored = _carried_out(local, processes, prediction.spec.retries)
        except KeyboardInterrupt:
            print(f"run {order.run} is not done; go on with --run {order.run}", file=sys.stderr)
            raise
        finally:
            local.end()
    _print(arguments, order, summary, scored)
    return summary.exit_code


def _carried_out(
    local: LocalRun, processes: int, retries: int
) -> tuple[BatchSummary, list[BatchSummary]]:
    planned = local.planned()
    if planned.exit_code:
        return planned, []
    with _Bar(planned.rows) as bar:
        scored = local.score(processes, retries, bar.told)
    worst = max(scored, key=_gravity)
    return (worst if worst.exit_code else local.finished()), scored


def _gravity(summary: BatchSummary) -> tuple[int, bool]:
    """Shards that were stopped because of another one are no reason of their own."""
    return summary.exit_code, summary.reason != batch.INTERRUPTED


class _Bar:
    """Rows done, of all shards together; nothing where nobody looks."""

    def __init__(self, rows: int) -> None:
        from rich.console import Console  # noqa: PLC0415 - lint and plan need it not
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        self._done: dict[int, int] = {}
        self._progress = Progress(
            TextColumn("rows"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("rows", total=rows)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def told(self, step: Step) -> None:
        self._done[step.shard] = step.done
        self._progress.update(self._task, completed=sum(self._done.values()))


def _read(arguments: Namespace, unpacked: Path) -> tuple[BatchPrediction, BatchOrder]:
    """The one BatchPrediction of the files, as an order for this machine."""
    predictions: list[tuple[str, dict[str, Any]]] = []
    rings: dict[str, dict[str, Any]] = {}
    ground = Ground(arguments.namespace)
    for file, value in _documents(arguments.files):
        if value.get("kind") == BATCH_KIND:
            predictions.append((file, value))
        elif value.get("kind") == KIND:
            local, found = ground.admit(value, Path(file).absolute().parent)
            for violation in found:
                print(f"{file}: warning: {violation}", file=sys.stderr)
            rings[str((local.get("metadata") or {}).get("name"))] = local
    if len(predictions) != 1:
        named = ", ".join(arguments.files)
        count = len(predictions) or "no"
        raise Complaint(f"{count} {BATCH_KIND}s in {named}; name the files of just one")
    file, raw = predictions[0]
    metadata = raw.get("metadata")
    if isinstance(metadata, dict):
        raw["metadata"] = {"namespace": arguments.namespace, **metadata}
    try:
        prediction = parse_batch(raw)
    except InvalidResource as invalid:
        raise Complaint("\n".join(f"{file}: {each}" for each in invalid.violations)) from None
    order = _order(arguments, prediction, rings, unpacked)
    return prediction, _beside(order, Path(file).absolute().parent)


def _beside(order: BatchOrder, folder: Path) -> BatchOrder:
    """The order with relative addresses beginning at the folder of its file."""

    def whole(uri: str) -> str:
        if not uri.startswith("file://") or uri.startswith("file:///"):
            return uri
        return (folder / uri.removeprefix("file://")).as_uri()

    return replace(
        order,
        input=replace(order.input, uri=whole(order.input.uri)),
        output=replace(order.output, uri=whole(order.output.uri)),
    )


def _documents(files: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in files:
        try:
            found = list(documents(text_of(file), file))
        except Unreadable as error:
            raise Complaint(f"{file}:{error.line or 1}: {error}") from None
        yield from ((file, each.value) for each in found if isinstance(each.value, dict))


def _order(
    arguments: Namespace,
    prediction: BatchPrediction,
    rings: dict[str, dict[str, Any]],
    unpacked: Path,
) -> BatchOrder:
    spec = prediction.spec
    for name, uri in (("input", spec.input.uri), ("output", spec.output.uri)):
        if uri.startswith("pvc://"):
            raise Complaint(
                f"spec.{name}.uri: {uri} lies in a cluster; name the data by file:// here"
            )
    named = _named(arguments)
    ring = rings.get(spec.model_deployment)
    if unused := sorted(set(named) - set(spec.versions)):
        wanted = ", ".join(spec.versions)
        raise Complaint(f"--bento {unused[0]}=…: is no version of this run; it scores by {wanted}")
    versions = tuple(
        _version(name, spec.model_deployment, named, ring, unpacked) for name in spec.versions
    )
    run = arguments.run or datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    runtime = Runtime(evidence_url=arguments.evidence_url or "")
    return replace(order_of(prediction, (), runtime), run=run, versions=versions)


def _named(arguments: Namespace) -> dict[str, str]:
    """What --bento says, by the version's name."""
    named = {}
    for text in arguments.bento or ():
        version, equals, bento = text.partition("=")
        if not (version and equals and bento):
            raise Complaint(f"--bento {text}: write VERSION=TAG or VERSION=FOLDER")
        named[version] = bento
    return named


def _version(
    name: str,
    model: str,
    named: dict[str, str],
    ring: dict[str, Any] | None,
    unpacked: Path,
) -> OrderedVersion:
    """A version with the folder of its bento.

    Raises:
        Complaint: nobody says which bento it is, or it is not here.
    """
    try:
        if name in named:
            place = Path(named[name]).expanduser()
            there = place.exists()
            bento = in_place(place) if there else in_store(store_of(os.environ), named[name])
            return OrderedVersion(name, bento.tag, str(bento.path.absolute()))
        known = ring_versions(ring) if ring is not None else {}
        wanted = _champion_of(ring) if ring is not None and name == CHAMPION else name
        found = known.get(wanted)
        if found is None or found.image is None:
            raise Complaint(
                f"version {name} of {model}: no bento is known here; give the file of the "
                f"ModelDeployment as well, or --bento {name}=TAG"
                + (f"; it has {', '.join(known)}" if known else "")
            )
        folder = located(found.image, unpacked)
        return OrderedVersion(wanted, found.bento, str(folder), found.digest)
    except (BentoError, OSError) as error:
        raise Complaint(f"version {name}: {named.get(name, name)} {error}") from None


def _champion_of(ring: dict[str, Any]) -> str:
    """The name of the champion; whatever is wrong with the resource is told where it matters."""
    spec = ring.get("spec")
    champion = spec.get("champion") if isinstance(spec, dict) else None
    return str(champion.get("name")) if isinstance(champion, dict) else CHAMPION


def _print(
    arguments: Namespace, order: BatchOrder, summary: BatchSummary, scored: list[BatchSummary]
) -> None:
    if arguments.output == "json":
        document = {
            **summary_document(summary),
            "run": order.run,
            "versions": [each.name for each in order.versions],
            "shards": [summary_document(each) for each in scored],
        }
        print(json.dumps(document, indent=2))
        return
    if summary.exit_code:
        where = f" (shard {summary.shard})" if summary.shard is not None else ""
        print(f"dohyo: {summary.reason}{where}: {summary.message}", file=sys.stderr)
        if summary.exit_code != batch.EXIT_HOPELESS:
            print(f"go on with --run {order.run}", file=sys.stderr)
        return
    print(f"run {order.run}: {summary.message}")
    for name, mean in (summary.mean or {}).items():
        print(f"  {name}: mean {mean:.4g}")
    print(f"report: {summary.report}")
