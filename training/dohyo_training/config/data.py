"""Where the rows come from, and what is promised about them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dohyo_training.config.base import ColumnName, Duration, Identifier, Section, Share, Size


class Cost(Section):
    """What the source costs against what may be spent on it."""

    amount: Annotated[float, Field(ge=0)]
    budget: Annotated[float, Field(ge=0)] | None = None
    currency: str = "EUR"
    per: Literal["run", "1000 rows", "month", "year"] = "run"


class Reference(Section):
    """Shares that a column has in the population, for a check of the sample's bias."""

    column: ColumnName
    shares: dict[str, Share]
    """Level of the column → its share in the population."""
    tolerance: Share = 0.05
    """A share further off than this is reported as bias."""


class Sheet(Section):
    """What is known about a source; each part is compared with the data where that can be done."""

    origin: str = ""
    """Who or what wrote the data down, and how."""
    owner: str = ""
    """Who answers for it."""
    support: str = ""
    """Whom to ask when it breaks."""
    licence: str = ""
    regulation: str = ""
    """Law, contract or consent that limits the use."""
    update_frequency: Duration | None = None
    """How often new rows come; data older than `max_age` stop the run."""
    max_age: Duration | None = None
    """Bound on the age of the newest `fresh_by`; default: twice `update_frequency`."""
    fresh_by: ColumnName | None = None
    """The date column that tells how fresh the data are."""
    min_completeness: Share = 0.0
    """Share of filled cells below which the run stops."""
    min_column_completeness: dict[ColumnName, Share] = Field(default_factory=dict)
    """The same for single columns."""
    min_rows: Annotated[int, Field(ge=1)] = 1
    cost: Cost | None = None
    known_bias: str = ""
    """Who is missing or over-represented, in words."""
    references: tuple[Reference, ...] = ()


class _Source(Section):
    name: Identifier
    """Names the source in the report."""
    columns: tuple[ColumnName, ...] = ()
    """Read only these; absent: all but the forbidden ones."""
    key: tuple[ColumnName, ...] = ()
    """Joins the source to the first one; required from the second source on."""
    join: Literal["left", "inner"] = "left"
    """Whether rows of the first source without a partner stay."""
    sheet: Sheet = Sheet()


class CsvSource(_Source):
    """Text with separators; a local path or s3://, gs://, az://, https://."""

    kind: Literal["csv"]
    path: str
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
    """Texts that stand for no value."""


class ParquetSource(_Source):
    """A Parquet file, read by columns; a local path or s3://, gs://, az://, https://."""

    kind: Literal["parquet"]
    path: str


class SqlSource(_Source):
    """One query of a database that SQLAlchemy has a driver for."""

    kind: Literal["sql"]
    url: str = ""
    """Without a password; `sqlite:///file.db` is relative to the configuration."""
    url_variable: str = ""
    """The environment variable that holds the URL, when it bears a password."""
    query: str


class SklearnSource(_Source):
    """A data set that scikit-learn brings along."""

    kind: Literal["sklearn"]
    dataset: Literal["breast_cancer", "diabetes", "digits", "iris", "wine"]


class SimulatorSource(_Source):
    """Customer satisfaction over 12 products and 52 weeks, with a known truth."""

    kind: Literal["simulator"]
    rows: Annotated[int, Field(ge=100, le=5_000_000)] = 50_000
    seed: int = 1
    treatment: Literal["randomised", "chosen"] = "randomised"


Source = Annotated[
    CsvSource | ParquetSource | SqlSource | SklearnSource | SimulatorSource,
    Field(discriminator="kind"),
]


class Data(Section):
    """The sources, joined into one table."""

    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    schema_file: str | None = None
    """Contract of the joined table: written when absent, enforced when there."""
    memory: Size = 2**31
    """Bound on the table in memory, 2Gi by default; a larger one is refused before it is read
    whole."""
