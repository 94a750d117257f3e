"""What becomes of each feature, in words for a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dohyo_training.features.plan import plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dohyo_training.config import RunConfig
    from dohyo_training.features.plan import Filling
    from dohyo_training.features.rowwise import Recipe
    from dohyo_training.table import Table

_FILLED: Final = {"median": "their median", "mean": "their mean", "most_frequent": "the commonest"}


def described(config: RunConfig, table: Table, columns: Sequence[str]) -> list[dict[str, str]]:
    """Of each feature its kind, what stands for missing values, and what it becomes."""
    chosen = plan(config, table, columns)
    few = config.features.min_frequency
    said: dict[str, tuple[str, str]] = {}
    for filling, names in chosen.numbers.items():
        said |= {name: (_filled(filling), "a number") for name in names}
    for filling, names in chosen.one_hot.items():
        text = f"one column a level; those in fewer than {few} rows share one with unseen ones"
        said |= {name: (_filled(filling), text) for name in names}
    for filling, names in chosen.by_target.items():
        text = "the mean outcome of its level, on other rows; of unseen ones that of all"
        said |= {name: (_filled(filling), text) for name in names}
    for name, (filling, levels) in chosen.ordinal.items():
        said[name] = (_filled(filling), f"its place in {' < '.join(levels)}, -1 for others")
    return [
        {
            "column": name,
            "kind": table.kinds[name],
            "missing": said[name][0] if name in said else "the median of what is made",
            "becomes": "; ".join(
                [*([said[name][1]] if name in said else []), *_made(name, chosen.made)]
            )
            or "nothing alone",
        }
        for name in columns
    ]


def _filled(filling: Filling) -> str:
    value = _FILLED.get(filling.strategy) or f"{filling.value}"
    return value + (", and a column that says so where any is missing" if filling.indicator else "")


def _made(name: str, made: dict[str, Recipe]) -> Iterator[str]:
    """What is made of it row by row."""
    return (new for new, (_, *sources) in made.items() if name in sources)
