"""Kubernetes quantities as exact numbers."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from dohyo.api.scalars import QUANTITY

_FACTORS: Final = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{unit: Decimal(10) ** (3 * power) for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(2) ** (10 * power) for power, unit in enumerate("KMGTPE", start=1)},
}


def is_quantity(value: object) -> bool:
    """Whether the value is a quantity that is not negative."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return value >= 0
    return isinstance(value, str) and re.fullmatch(QUANTITY, value) is not None


def amount(value: int | str) -> Decimal:
    """The number that a quantity stands for: ``500m`` → 0.5, ``1Ki`` → 1024.

    Raises:
        ValueError: the value is no quantity, or negative.
    """
    if not is_quantity(value):
        raise ValueError(f"{value!r} is no quantity; write for instance 2, 500m or 1.5Gi")
    if isinstance(value, int):
        return Decimal(value)
    number, unit = re.fullmatch(r"([0-9.]+)(.*)", value).groups()  # type: ignore[union-attr]
    if unit[:1] in {"e", "E"} and unit[1:]:
        if unit == "Ei":
            return Decimal(number) * _FACTORS["Ei"]
        return Decimal(number) * Decimal(10) ** int(unit[1:])
    return Decimal(number) * _FACTORS[unit]
