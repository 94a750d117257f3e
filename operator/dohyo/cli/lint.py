"""`dohyo lint`: what is wrong with a file, without a cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dohyo.cli.complaint import Complaint
from dohyo.cli.forecast import forecast, specification
from dohyo.cli.ground import ground_of
from dohyo.cli.reading import Reading, read
from dohyo.contract import BATCH_KIND, KIND

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Mapping


def run(arguments: Namespace) -> int:
    """Prints every remark; 1 when one of them is an error."""
    per_second = _rate(arguments.rps)
    reading = read(
        arguments.files,
        allow_host_access=arguments.allow_host_access,
        per_second=per_second,
        ground=ground_of(arguments),
    )
    if arguments.output == "json":
        print(json.dumps([remark.as_raw() for remark in reading.remarks], indent=2))
    else:
        for remark in reading.remarks:
            print(remark)
        for raw in reading.resources:
            for line in _forecast(raw):
                print(line)
        print(_summary(reading))
    return 1 if reading.errors else 0


def _rate(text: str | None) -> float | None:
    """Requests per second, as --rps says.

    Raises:
        Complaint: it is no number above 0.
    """
    if text is None:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise Complaint(f"--rps {text}: is no number of requests per second; try --rps 20")
    return rate


def _forecast(raw: Mapping[str, Any]) -> Iterator[str]:
    spec = specification(raw)
    if spec is not None:
        name = raw["metadata"]["name"]
        yield from (f"{name}: {line}" for line in forecast(spec))


def _summary(reading: Reading) -> str:
    errors = len(reading.errors)
    warnings = len(reading.remarks) - errors
    words = []
    if reading.resources or not reading.batches:
        words.append(_counted(len(reading.resources), KIND))
    if reading.batches:
        words.append(_counted(len(reading.batches), BATCH_KIND))
    if reading.others:
        words.append(f"{_counted(reading.others, 'other document')} not looked at")
    found = [_counted(errors, "error")] if errors else []
    found += [_counted(warnings, "warning")] if warnings else []
    return f"{', '.join(words)}: {', '.join(found) or 'fine'}"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
