"""What all sections of a run's configuration share."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

_DURATION: Final = re.compile(r"([0-9]+)(m|h|d|w)")
_MINUTES: Final = {"m": 1, "h": 60, "d": 1440, "w": 10080}
_SIZE: Final = re.compile(r"([0-9]+(?:[.][0-9]+)?)(Ki|Mi|Gi)?")
_BYTES: Final = {None: 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}

# A level of a category, or the value of an outcome, as it stands in the data.
Level = str | bool | int | float


class Section(BaseModel):
    """A frozen part of the configuration; keys that are not known are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _read_duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("is no duration; write a whole number with m, h, d or w, such as 7d")
    return timedelta(minutes=int(found[1]) * _MINUTES[found[2]])


def _write_duration(value: timedelta) -> str:
    minutes = round(value.total_seconds() / 60)
    unit = next(unit for unit in "wdhm" if minutes % _MINUTES[unit] == 0)
    return f"{minutes // _MINUTES[unit]}{unit}"


def _read_size(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("is no size; write a number with Ki, Mi or Gi, such as 2Gi")
    return int(float(found[1]) * _BYTES[found[2]])


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(_write_duration),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+(m|h|d|w)$"}),
]
Size = Annotated[
    int,
    BeforeValidator(_read_size),
    Field(gt=0),
    WithJsonSchema({"type": ["integer", "string"], "pattern": "^[0-9]+([.][0-9]+)?(Ki|Mi|Gi)?$"}),
]
Share = Annotated[float, Field(ge=0, le=1)]
Identifier = Annotated[str, Field(pattern="^[a-z0-9]([-._a-z0-9]{0,61}[a-z0-9])?$")]
ColumnName = Annotated[str, Field(min_length=1, max_length=200)]
