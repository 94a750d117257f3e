"""A batch prediction's run by processes of this machine: the same program as in the pods."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dohyo.contract import batch
from dohyo.contract.batch import ENV_LAST_WORDS, ENV_PROGRESS, BatchSummary
from dohyo.contract.documents import DocumentError, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from dohyo.contract.batch import BatchOrder

PROGRESS_SECONDS: Final = 0.5
_END_SECONDS: Final = 20.0
_MOST_TOLD: Final = 2_000


@dataclass(frozen=True)
class Step:
    """A piece of news of a run.

    Attributes:
        shard: whose.
        done: rows so far.
    """

    shard: int
    done: int


class LocalRun:
    """Plans, scores and completes one run; its processes end with it."""

    def __init__(self, order: BatchOrder, environ: Mapping[str, str], home: Path) -> None:
        """Writes the order where the processes find it.

        Args:
            order: with its run and folders of bentos of this machine.
            environ: credentials and the like, for the processes.
            home: a folder that is gone after the run.
        """
        self._order = order
        self._file = home / "order.json"
        self._file.write_text(json.dumps(to_json(order)))
        # Each process scores on one core; parallel ones are processes of their own.
        threads = {"OMP_NUM_THREADS": "1", "BENTOML_DO_NOT_TRACK": "True"}
        self._environ = {**threads, **environ, ENV_PROGRESS: str(PROGRESS_SECONDS)}
        self._environ[ENV_LAST_WORDS] = os.devnull
        self._running: list[subprocess.Popen[str]] = []
        self._held = threading.Lock()
        self._ended = False

    def planned(self) -> BatchSummary:
        """How many rows there are; the plan is written by then."""
        return self._one("plan")

    def finished(self) -> BatchSummary:
        return self._one("finish")

    def score(
        self, processes: int, retries: int, told: Callable[[Step], None]
    ) -> list[BatchSummary]:
        """Scores all shards; one summary for each that has ended.

        Args:
            processes: at a time.
            retries: of shards that failed by what may pass.
            told: is called by several threads.
        """
        found: dict[int, BatchSummary] = {}
        for _ in range(retries + 1):
            left = [shard for shard in range(self._order.shards) if not _is_done(found, shard)]
            if not left or any(s.exit_code == batch.EXIT_HOPELESS for s in found.values()):
                break
            self._round(left, processes, told, found)
        return [found[shard] for shard in sorted(found)]

    def end(self) -> None:
        """Ends all processes; a shard that is not complete leaves nothing that counts."""
        self._ended = True
        with self._held:
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _round(
        self,
        left: list[int],
        processes: int,
        told: Callable[[Step], None],
        found: dict[int, BatchSummary],
    ) -> None:
        shares = [left[place::processes] for place in range(min(processes, len(left)))]

        def work(share: list[int]) -> None:
            for summary in self._run("score", share, told):
                if summary.shard is not None:
                    found[summary.shard] = summary
                else:
                    found.update(dict.fromkeys(share, summary))
                if summary.exit_code == batch.EXIT_HOPELESS:
                    # The others would end the same, or for nothing.
                    self.end()

        threads = [threading.Thread(target=work, args=(share,)) for share in shares]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self, step: str) -> BatchSummary:
        return self._run(step, [], lambda _step: None)[-1]

    def _run(
        self, step: str, shards: list[int], told: Callable[[Step], None]
    ) -> list[BatchSummary]:
        """The summaries that a process prints, and one of ours if it ends without."""
        command = [sys.executable, "-m", "dohyo_batch.main", step, "--order", str(self._file)]
        if shards:
            command += ["--index", *map(str, shards)]
        summaries: list[BatchSummary] = []
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            if self._ended:
                return [_interrupted()]
            process = subprocess.Popen(
                command, env=self._environ, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            with self._held:
                self._running.append(process)
            assert process.stdout is not None
            with process.stdout:
                for line in process.stdout:
                    _take(line, summaries, told)
            code = process.wait()
            with self._held:
                self._running.remove(process)
            if not summaries or (code and not summaries[-1].exit_code):
                summaries.append(_interrupted() if self._ended else _silent(code, errors))
        return summaries


def _take(line: str, summaries: list[BatchSummary], told: Callable[[Step], None]) -> None:
    try:
        document: Any = json.loads(line)
        if "reason" in document:
            summaries.append(from_json(BatchSummary, document))
        else:
            told(Step(int(document["shard"]), int(document["done"])))
    except (ValueError, KeyError, TypeError, DocumentError):
        return  # a library's own words


def _silent(code: int, errors: Any) -> BatchSummary:
    """A process was killed, or does not even start."""
    errors.seek(0)
    words = errors.read()[-_MOST_TOLD:].strip().splitlines()
    last = words[-1] if words else "without a word"
    return BatchSummary(batch.UNEXPECTED, f"the process ended with {code}: {last}")


def _interrupted() -> BatchSummary:
    return BatchSummary(batch.INTERRUPTED, "it was told to end before it was done")


def _is_done(found: Mapping[int, BatchSummary], shard: int) -> bool:
    return shard in found and found[shard].exit_code == batch.EXIT_DONE
