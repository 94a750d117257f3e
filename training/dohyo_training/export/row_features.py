"""What `features.RowFeatures` makes, as steps of the row program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dohyo_training.export.columns import ExportError, Number, Raw, translate
from dohyo_training.features.rowwise import RowFeatures

if TYPE_CHECKING:
    from dohyo_training.export.columns import Column


@translate.register(RowFeatures)
def _(transformer: RowFeatures, columns: list[Column]) -> list[Column]:
    raw = {
        str(name): column
        for name, column in zip(transformer.feature_names_in_, columns, strict=True)
    }
    return [Number(_step(recipe, raw)) for recipe in transformer.recipes]


def _step(recipe: tuple[str, ...], raw: dict[str, Column]) -> dict[str, Any]:
    kind, *names = recipe
    fields = [_field(raw[name], kind) for name in names]
    if kind == "days":
        # `RowFeatures` takes the earlier date second, the row program from one date to another.
        return {"op": "days", "from": fields[1], "to": fields[0]}
    if kind in ("ratio", "difference", "product", "log1p"):
        return {"op": kind, "fields": fields}
    return {"op": "date", "field": fields[0], "part": kind.replace("_", "-")}


def _field(column: Column, kind: str) -> str:
    if not isinstance(column, Raw) or column.fill is not None:
        raise ExportError(f"{kind} of a column that is computed already")
    return column.name
