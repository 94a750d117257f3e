"""The tables: one row for everything that may arrive twice, so that its key makes it count once."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

METADATA: Final = MetaData()

# What a first exposure is waited for: the bad events of its window, or the labels of it.
TRACK_RATES: Final = 0
TRACK_LABELS: Final = 1

# A trial, as declared, and all that was learned from settled units.
TRIALS: Final = Table(
    "trials",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("namespace", String(63), nullable=False),
    Column("deployment", String(253), nullable=False),
    Column("trial", String(200), nullable=False),
    Column("plan", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("updated", Float, nullable=False),
    # The smallest share of entities whose predictions pods have recorded.
    Column("sample", Float, nullable=False, default=1.0),
    Index("trials_by_name", "namespace", "deployment", "trial", unique=True),
)

# When a unit was first assigned in a trial; the earliest word counts until it is settled.
EXPOSURES: Final = Table(
    "exposures",
    METADATA,
    Column("trial", BigInteger, primary_key=True),
    Column("track", Integer, primary_key=True),
    Column("unit", String(64), primary_key=True),
    Column("at", Float, nullable=False),
    Column("challenger", Boolean, nullable=False),
    Column("champion_share", Integer, nullable=False),
    Column("challenger_share", Integer, nullable=False),
    Column("bucket", Integer),
    Column("epoch", Integer, nullable=False),
    # Known only by a bad event, not by a pod's record.
    Column("by_event", Boolean, nullable=False),
    Column("settled", Boolean, nullable=False),
    Index("exposures_waiting", "trial", "track", "settled", "at"),
)

# Answers of both versions, by the nonce of their prediction ids.
PREDICTIONS: Final = Table(
    "predictions",
    METADATA,
    Column("trial", BigInteger, primary_key=True),
    Column("nonce", String(32), primary_key=True),
    Column("unit", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("challenger", Boolean, nullable=False),
    Column("shadow", Boolean, nullable=False),
    Column("request", String(128), nullable=False),
    Column("numbers", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("paired", Boolean, nullable=False),
    Index("predictions_by_unit", "trial", "unit"),
    Index("predictions_by_request", "trial", "request"),
    Index("predictions_by_time", "at"),
)

LABELS: Final = Table(
    "labels",
    METADATA,
    Column("trial", BigInteger, primary_key=True),
    Column("nonce", String(32), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("unit", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("received", Float, nullable=False),
    Column("challenger", Boolean, nullable=False),
    # The row's part of the numbers in the prediction id; empty when they stand in the record.
    Column("numbers", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("label", Float),
    Column("reward", Float),
    Index("labels_by_unit", "trial", "unit"),
    Index("labels_by_time", "at"),
)

# Labels of rows that batch runs have scored, by the nonces that versions have in common.
BATCH_LABELS: Final = Table(
    "batch_labels",
    METADATA,
    Column("namespace", String(63), primary_key=True),
    Column("deployment", String(253), primary_key=True),
    Column("run", String(200), primary_key=True),
    Column("nonce", String(32), primary_key=True),
    Column("version", String(63), primary_key=True),
    Column("at", Float, nullable=False),
    Column("received", Float, nullable=False),
    # Whether prediction and label are classes, counted from 0, and no values.
    Column("classes", Boolean, nullable=False),
    Column("predicted", Float, nullable=False),
    Column("label", Float, nullable=False),
    Index("batch_labels_by_time", "at"),
)

EVENTS: Final = Table(
    "events",
    METADATA,
    Column("trial", BigInteger, primary_key=True),
    Column("request", String(128), primary_key=True),
    Column("unit", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("code", String(32), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("failed", Boolean, nullable=False),
    Index("events_by_unit", "trial", "unit"),
    Index("events_by_time", "at"),
)

# Counts of answers, cumulative by gateway process and assignment.
SERVED: Final = Table(
    "served",
    METADATA,
    Column("trial", BigInteger, primary_key=True),
    Column("source", String(253), primary_key=True),
    Column("incarnation", String(64), primary_key=True),
    Column("assignment", String(64), primary_key=True),
    Column("requests", BigInteger, nullable=False),
)

# Counts in bins, by process and window.
WINDOWS: Final = Table(
    "windows",
    METADATA,
    Column("namespace", String(63), primary_key=True),
    Column("deployment", String(253), primary_key=True),
    Column("version", String(63), primary_key=True),
    Column("replica", String(128), primary_key=True),
    Column("shadow", Boolean, primary_key=True),
    Column("started", BigInteger, primary_key=True),
    Column("ended", BigInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("windows_by_time", "ended"),
)

# Names of a version's outputs, by which labels may be given.
OUTPUTS: Final = Table(
    "outputs",
    METADATA,
    Column("namespace", String(63), primary_key=True),
    Column("deployment", String(253), primary_key=True),
    Column("version", String(63), primary_key=True),
    Column("classes", Text, nullable=False),
)
