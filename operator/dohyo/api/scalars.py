"""The single values that a spec is made of: their types, limits and units."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict

BENTO_TAG_PART: Final = "[a-z0-9]([-._a-z0-9]{0,61}[a-z0-9])?"
HEADER_NAME: Final = "[A-Za-z0-9]([-_A-Za-z0-9]{0,126}[A-Za-z0-9])?"
DURATION: Final = "([0-9]{1,9}(ms|s|m|h|d)){1,5}"
QUANTITY: Final = (
    "([0-9]{1,18}([.][0-9]{0,9})?|[.][0-9]{1,9})"
    "(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][-+]?[0-9]{1,2})?"
)

_SECONDS_PER_UNIT: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _shortest(number: float) -> float:
    """A whole number without its ``.0``, as people write it and the API server gives it back."""
    return int(number) if float(number).is_integer() else number


# A count of percent, with two decimals at most: 0.01 is one bucket of `contract.BUCKETS`.
Percent = Annotated[
    float,
    Field(ge=0, le=100),
    PlainSerializer(_shortest),
]
Number = Annotated[float, PlainSerializer(_shortest)]
Name = Annotated[str, Field(min_length=1, max_length=63)]
ShortText = Annotated[str, Field(max_length=253)]
LongText = Annotated[str, Field(max_length=2048)]
Duration = Annotated[str, Field(min_length=2, max_length=32)]
# What an API server takes as a quantity: 500m, 1.5Gi, or a whole number.
Quantity = Annotated[
    int | str,
    WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 32}),
]
# Kubernetes' own structure, checked by the API server when the operator applies it.
FreeForm = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
# Lists whose items are known by their names, to the API server and to server-side apply.
BY_NAME: Final[dict[str, JsonValue]] = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}


class _Part(BaseModel):
    """A frozen part of a resource: camelCase outside, snake_case inside."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
    )

    def as_raw(self) -> dict[str, Any]:
        """As JSON values in camelCase, without what is None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Model(_Part):
    """A part of a spec: nothing unknown."""

    model_config = ConfigDict(extra="forbid")


class ReadModel(_Part):
    """A part of a status: unknown fields are ignored, as a newer operator may write them."""

    model_config = ConfigDict(extra="ignore")


class Resources(TypedDict, total=False):
    """Requests and limits of the bento's container."""

    requests: Annotated[
        dict[str, Quantity],
        Field(max_length=16, description="What a node must have free for each replica, by name."),
    ]
    limits: Annotated[
        dict[str, Quantity],
        Field(max_length=16, description="What each replica may use at most, by name."),
    ]


Resources.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]

ScalingMetric = Literal["concurrency", "rps", "cpu"]


def spoken(seconds: float) -> str:
    """A duration that is at least so long, in the largest unit that it has two of."""
    for unit in ("d", "h", "m", "s"):
        size = _SECONDS_PER_UNIT[unit]
        if seconds >= 2 * size or unit == "s":
            return f"{math.ceil(seconds / size)}{unit}"
    return "0s"


def duration_seconds(text: str) -> float:
    """The seconds in a duration such as ``90s``, ``1h30m`` or ``14d``.

    Raises:
        ValueError: the text is no duration.
    """
    if re.fullmatch(DURATION, text) is None:
        raise ValueError(f"{text!r} is no duration; write for instance 90s, 10m, 1h30m or 14d")
    parts = re.findall(r"(\d+)(ms|s|m|h|d)", text)
    return sum(int(count) * _SECONDS_PER_UNIT[unit] for count, unit in parts)
