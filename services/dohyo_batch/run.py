"""A run's folder and its plan: made by whoever comes first, read by everybody else."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from dohyo.contract import batch
from dohyo.contract.batch import MANIFEST_FILE
from dohyo.contract.documents import DocumentError, from_json, to_json
from dohyo_batch.complaint import BatchError
from dohyo_batch.manifest import MANIFEST_FORMAT, Manifest, fingerprint, planned
from dohyo_batch.places import Place
from dohyo_batch.reading import CsvFiles, JsonLines, ParquetFiles, Source
from dohyo_batch.surroundings import of_output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo.contract.batch import BatchOrder


@dataclass(frozen=True)
class Run:
    """A run that is planned.

    Attributes:
        order: what is to be done.
        home: where the folders of all runs are.
        folder: where everything of it goes.
        manifest: its plan.
        source: its rows.
    """

    order: BatchOrder
    home: Place
    folder: Place
    manifest: Manifest
    source: Source


def source_of(order: BatchOrder, environ: Mapping[str, str] = os.environ) -> Source:
    """The input of an order.

    Raises:
        BatchError: its uri is none, or what reads it is not installed.
    """
    if order.input.format == "sql":
        from dohyo_batch.database import Query  # noqa: PLC0415 - other inputs need no database

        return Query(order.input, order.shards, environ)
    place = Place(order.input.uri, environ)
    if order.input.format == "csv":
        return CsvFiles(place)
    return ParquetFiles(place) if order.input.format == "parquet" else JsonLines(place)


def opened(order: BatchOrder, run: str, now: int, environ: Mapping[str, str] = os.environ) -> Run:
    """The run of an order, planned now if nobody has done so before.

    Args:
        order: what is to be done.
        run: the name of its folder.
        now: microseconds since 1970.
        environ: with the credentials of input and output.

    Raises:
        BatchError: the input cannot be planned, or the folder belongs to other work.
    """
    home = Place(order.output.uri, of_output(environ))
    folder = home.below(run)
    source = source_of(order, environ)
    manifest = _found(order, folder)
    if manifest is None and (strange := folder.files()):
        # Another shard may have planned the run since its manifest was looked for.
        manifest = _found(order, folder)
        if manifest is None:
            raise BatchError(
                batch.OUTPUT_EXISTS,
                f"{folder.shown}: {strange[0].path} is there, and no manifest of this run; name "
                "another output.uri, or remove it",
            )
    if manifest is None:
        files, units = source.units()
        made = planned(order, run, now, files, units)
        content = json.dumps(to_json(made), separators=(",", ":")).encode()
        folder.create(MANIFEST_FILE, content)
        # Another shard may have been faster; what stands there is the plan.
        manifest = _found(order, folder)
        assert manifest is not None, "it has just been written"
    return Run(order, home, folder, manifest, source)


def _found(order: BatchOrder, folder: Place) -> Manifest | None:
    content = folder.read(MANIFEST_FILE)
    if content is None:
        return None
    try:
        document = orjson.loads(content)
        if document.get("format") != MANIFEST_FORMAT:
            raise DocumentError(f"format {document.get('format')!r} is unknown")
        manifest = from_json(Manifest, document)
    except (ValueError, AttributeError) as error:
        raise BatchError(
            batch.OUTPUT_EXISTS,
            f"{folder.shown}/{MANIFEST_FILE}: is no manifest of this release: {error}; name "
            "another output.uri",
        ) from error
    if manifest.fingerprint != fingerprint(order):
        raise BatchError(
            batch.OUTPUT_EXISTS,
            f"{folder.shown}: holds the run of another order (versions, data or shards differ); "
            "name another run or output.uri",
        )
    return manifest
