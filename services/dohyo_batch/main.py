"""`dohyo-batch score|finish --order FILE`: one shard of a run, or its end."""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from dohyo.contract import batch
from dohyo.contract.batch import (
    ENV_INDEX,
    ENV_KEYS,
    ENV_LAST_WORDS,
    ENV_PROGRESS,
    ENV_RUN,
    LAST_WORDS_FILE,
    BatchOrder,
    BatchSummary,
    order_problem,
    summary_document,
)
from dohyo.contract.documents import DocumentError, from_json
from dohyo_batch import arrow
from dohyo_batch.complaint import BatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from dohyo_batch.models import Model
    from dohyo_batch.run import Run

_PROGRESS_SECONDS: Final = 10.0


class _Interrupted(Exception):  # noqa: N818 - a wish, no error
    """The pod is to end."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``dohyo-batch``; the exit code."""
    parsed = _parser().parse_args(arguments)
    arrow.little_memory()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    code = batch.EXIT_DONE
    try:
        order = _order(Path(parsed.order))
        run = _run(parsed, order)
        keys = _taken_keys()
        scoring = _Scoring(order, run, keys)
        for shard in _shards(parsed, order):
            if shard is not None:
                work = partial(scoring.score, shard)
            elif parsed.step == "finish":
                work = partial(_finish, order, run, keys)
            else:
                work = partial(_plan, order, run)
            summary = replace(_guarded(parsed.step, work), run=run, shard=shard)
            code = _last_words(summary)
            if code:
                break
    except BatchError as error:
        code = _last_words(BatchSummary(error.reason, str(error)))
    except _Interrupted:
        code = _last_words(BatchSummary(batch.INTERRUPTED, "it was told to end before it began"))
    return code


def _taken_keys() -> Path | None:
    """The folder of the namespace's keys, out of the environment.

    A bento signs and ships by them when it serves; here it only predicts.
    """
    folder = os.environ.pop(ENV_KEYS, "")
    os.environ.pop("DOHYO_EVIDENCE_URL", None)
    return Path(folder) if folder else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dohyo-batch", description="Scores a data set by versions of a model."
    )
    parser.add_argument(
        "step", choices=("plan", "score", "finish"), help="its plan alone, a shard, or the end"
    )
    parser.add_argument("--order", default=batch.ORDER_FILE, metavar="FILE", help="(%(default)s)")
    parser.add_argument("--run", help=f"names the run (default: the order's, or ${ENV_RUN})")
    parser.add_argument(
        "--index",
        type=int,
        nargs="+",
        metavar="SHARD",
        help=f"which shards, one after the other (default: ${ENV_INDEX})",
    )
    return parser


def _run(parsed: argparse.Namespace, order: BatchOrder) -> str:
    run = parsed.run or order.run or os.environ.get(ENV_RUN, "")
    if not run or "/" in run:
        raise BatchError(batch.INVALID_ORDER, f"{run!r} names no run; set {ENV_RUN} or give --run")
    return str(run)


def _order(file: Path) -> BatchOrder:
    try:
        order = from_json(BatchOrder, orjson.loads(file.read_bytes()))
    except OSError as error:
        raise BatchError(batch.INVALID_ORDER, f"{file}: {error.strerror}") from error
    except (DocumentError, orjson.JSONDecodeError) as error:
        raise BatchError(batch.INVALID_ORDER, f"{file}: {error}") from error
    problem = order_problem(order)
    if problem:
        raise BatchError(batch.INVALID_ORDER, problem)
    return order


def _shards(parsed: argparse.Namespace, order: BatchOrder) -> list[int | None]:
    if parsed.step != "score":
        return [None]
    given = parsed.index
    if given is None:
        try:
            given = [int(os.environ[ENV_INDEX])]
        except (KeyError, ValueError):
            raise BatchError(
                batch.INVALID_ORDER, f"no shard is named; set {ENV_INDEX} or give --index"
            ) from None
    wrong = [shard for shard in given if not 0 <= shard < order.shards]
    if wrong:
        raise BatchError(
            batch.INVALID_ORDER, f"shard {wrong[0]}: the order has 0 to {order.shards - 1}"
        )
    return list(given)


def _guarded(step: str, work: Callable[[], BatchSummary]) -> BatchSummary:
    """What became of it, whatever happens."""
    began = time.monotonic()
    try:
        summary = work()
    except BatchError as error:
        summary = BatchSummary(error.reason, str(error))
    except _Interrupted:
        message = f"{step} was told to end before it was done; nothing of it counts"
        summary = BatchSummary(batch.INTERRUPTED, message)
    except MemoryError:
        message = "the memory of this pod does not suffice; raise resources.limits.memory"
        summary = BatchSummary(batch.UNEXPECTED, message)
    except Exception as error:
        # For the log, where whoever mends it will look; the summary is for everybody.
        traceback.print_exc()
        summary = BatchSummary(batch.UNEXPECTED, f"{type(error).__name__}: {error}")
    return replace(
        summary,
        seconds=round(time.monotonic() - began, 3),
        peak_memory_bytes=peak_memory_bytes(),
    )


def peak_memory_bytes() -> int:
    """The most that this program held; what rusage says may be of whoever started it."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class _Scoring:
    """Shards of one run, one after the other; the versions are loaded once for all of them."""

    def __init__(self, order: BatchOrder, run: str, keys: Path | None) -> None:
        self._order = order
        self._run = run
        self._keys = keys
        self._models: list[Model] | None = None

    def score(self, shard: int) -> BatchSummary:
        """Does one shard, unless it is done."""
        from dohyo_batch.evidence import tell  # noqa: PLC0415 - an order may be wrong before
        from dohyo_batch.run import opened  # noqa: PLC0415
        from dohyo_batch.score import Shard, done_before  # noqa: PLC0415
        from dohyo_batch.signing import Signer, keys_in  # noqa: PLC0415

        run = opened(self._order, self._run, _now())
        started = run.manifest.started
        record = done_before(run, shard)
        reason, message = batch.DONE_BEFORE, f"shard {shard} was complete already"
        keys = keys_in(self._keys, self._order.namespace)
        if record is None:
            signer = Signer(self._order, self._run, started, keys)
            work = Shard(run, shard, self._loaded(), signer)
            record = work.score(_progress(run, shard))
            reason, message = batch.DONE, f"shard {shard} is complete"
        tell(self._order, self._run, started, record, keys)
        return BatchSummary(reason, message, record["rows"], record["badRows"])

    def _loaded(self) -> list[Model]:
        if self._models is None:
            from dohyo_batch.models import loaded  # noqa: PLC0415

            arrow.one_core()
            self._models = loaded(self._order)
            if all(each.by_form for each in self._models):
                arrow.without_pandas()
        return self._models


def _plan(order: BatchOrder, run: str) -> BatchSummary:
    from dohyo_batch.run import opened  # noqa: PLC0415

    manifest = opened(order, run, _now()).manifest
    message = f"{manifest.rows} rows of {len(manifest.files)} files in {manifest.shards} shards"
    return BatchSummary(batch.DONE, message, manifest.rows)


def _finish(order: BatchOrder, run: str, keys: Path | None) -> BatchSummary:
    from dohyo_batch.finish import finish  # noqa: PLC0415
    from dohyo_batch.run import opened  # noqa: PLC0415

    return finish(opened(order, run, _now()), datetime.now(UTC), partial(_labels, order, keys))


def _labels(order: BatchOrder, keys: Path | None, run: str) -> dict[str, Any] | None:
    """What labels that came after a run say of it; a report is worth no less without."""
    from dohyo_batch.evidence import later_labels  # noqa: PLC0415
    from dohyo_batch.signing import keys_in  # noqa: PLC0415

    try:
        return later_labels(order, run, keys_in(keys, order.namespace))
    except BatchError as error:
        print(f"later labels are not told: {error}", file=sys.stderr, flush=True)
        return None


def _progress(run: Run, shard: int) -> Callable[[int], None]:
    total = sum(piece.rows for piece in run.manifest.of_shard(shard))
    told = time.monotonic()

    def progress(rows: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _progress_seconds() or rows >= total:
            told = time.monotonic()
            print(orjson.dumps({"shard": shard, "done": rows, "of": total}).decode(), flush=True)

    return progress


def _progress_seconds() -> float:
    return float(os.environ.get(ENV_PROGRESS, _PROGRESS_SECONDS))


def _last_words(summary: BatchSummary) -> int:
    """Says how it ended, where the operator reads it; the exit code."""
    line = orjson.dumps(summary_document(summary)).decode()
    print(line, flush=True)
    place = Path(os.environ.get(ENV_LAST_WORDS, LAST_WORDS_FILE))
    if ENV_LAST_WORDS in os.environ or place.exists():
        try:
            place.write_text(line + "\n")
        except OSError as error:
            print(f"{place}: {error.strerror}", file=sys.stderr)
    return summary.exit_code


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise _Interrupted


def _now() -> int:
    return time.time_ns() // 1000


if __name__ == "__main__":
    sys.exit(main())
