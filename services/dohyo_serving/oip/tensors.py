"""Tensors of the protocol ⇄ numpy: from JSON, from binary data, from typed and raw contents.

A tensor of texts (BYTES) is a numpy array of objects that are `str`, or None for null; so is any
other one with null, but that floats have not-a-number in its place.
"""

from __future__ import annotations

import struct
from array import array
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dohyo_serving.failures import MALFORMED, RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

BYTES: Final = "BYTES"
# Little-endian, as the protocol has it.
DTYPES: Final[Mapping[str, np.dtype[Any]]] = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_MOST_DIMENSIONS: Final = 8
_NULL: Final = type(None)
# What stands for values of a kind in JSON, besides null.
_JSON_KINDS: Final[Mapping[str, frozenset[type]]] = {
    "f": frozenset({float, int, bool}),
    "i": frozenset({int, bool}),
    "u": frozenset({int, bool}),
    "b": frozenset({bool}),
}


def checked_shape(name: str, shape: Sequence[Any], most: int) -> tuple[int, ...]:
    """The shape, whose product is at most `most`.

    Raises:
        RequestError: it is no shape.
    """
    if not 1 <= len(shape) <= _MOST_DIMENSIONS or not all(
        type(size) is int and size >= 0 for size in shape
    ):
        raise _malformed(name, f"shape {list(shape)[:8]!r} is no list of 1 to 8 sizes")
    total = 1
    for size in shape:
        total *= size
        if total > most:
            raise _malformed(name, f"shape {list(shape)} has more than {most} elements")
    return tuple(shape)


def from_json(name: str, datatype: str, shape: tuple[int, ...], data: Any) -> Array:
    """A tensor from the values of a JSON request, flat or nested.

    Raises:
        RequestError: the values do not fit datatype or shape.
    """
    if type(data) is not list:
        raise _malformed(name, "data must be a list")
    flat = _flat(name, data)
    if datatype == BYTES:
        return _texts(name, flat, shape)
    dtype = _dtype(name, datatype)
    if dtype.kind == "f" and flat and type(flat[0]) is float:
        # The usual case: this takes numbers only, and faster than numpy does.
        try:
            return _shaped(name, np.frombuffer(array("d", flat)), shape)
        except TypeError:
            pass
    # Before numpy sees them: among texts it makes each value as wide as the longest.
    kinds = set(map(type, flat))
    missing = _NULL in kinds
    if not kinds - {_NULL} <= _JSON_KINDS[dtype.kind]:
        raise _malformed(name, f"data does not hold {datatype} values")
    if dtype.kind == "f":
        values = np.array(flat, np.float64) if missing else np.array(flat)
        return _shaped(name, values, shape)
    present = [value for value in flat if value is not None] if missing else flat
    exact = _exact(name, datatype, np.array(present, None if present else dtype))
    return _shaped(name, _with_nulls(flat, exact) if missing else exact, shape)


def from_binary(
    name: str, datatype: str, shape: tuple[int, ...], data: bytes | memoryview
) -> Array:
    """A tensor from the protocol's binary form.

    Raises:
        RequestError: there are more or fewer bytes than the shape says.
    """
    if datatype == BYTES:
        return _shaped(name, _split_texts(name, bytes(data), _size(shape)), shape)
    dtype = _dtype(name, datatype)
    if len(data) != dtype.itemsize * _size(shape):
        raise _malformed(
            name,
            f"{len(data)} bytes where {datatype} {list(shape)} has {dtype.itemsize * _size(shape)}",
        )
    return _quiet(np.frombuffer(data, dtype)).reshape(shape)


def from_typed(name: str, datatype: str, shape: tuple[int, ...], values: Sequence[Any]) -> Array:
    """A tensor from the typed contents of a gRPC request.

    Raises:
        RequestError: the values do not fit datatype or shape.
    """
    if datatype == BYTES:
        return _texts(name, values, shape)
    dtype = _dtype(name, datatype)
    try:
        return _shaped(name, _quiet(np.array(values, dtype)), shape)
    except (ValueError, OverflowError) as error:
        raise _malformed(name, f"contents do not hold {datatype} values: {error}") from error


def to_binary(values: Array, datatype: str) -> bytes:
    """The protocol's binary form of a tensor."""
    if datatype == BYTES:
        parts = [str(value).encode() for value in values.ravel().tolist()]
        return b"".join(struct.pack("<I", len(part)) + part for part in parts)
    return np.ascontiguousarray(values, DTYPES[datatype]).tobytes()


def _flat(name: str, data: list[Any]) -> list[Any]:
    """The values of a list, or of lists of equal length in each other."""
    while data and type(data[0]) is list:
        if {*map(type, data)} != {list} or len({*map(len, data)}) != 1:
            raise _malformed(name, "data is ragged")
        data = data[0] if len(data) == 1 else [*chain.from_iterable(data)]
    return data


def _texts(name: str, values: Sequence[Any], shape: tuple[int, ...]) -> Array:
    texts = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        texts[place] = _text(name, value)
    return _shaped(name, texts, shape)


def _text(name: str, value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    if type(value) is bytes:
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise _malformed(name, "a text is no UTF-8") from error
    raise _malformed(name, "data does not hold texts, as BYTES wants")


def _split_texts(name: str, data: bytes, count: int) -> Array:
    if len(data) < 4 * count:
        raise _malformed(name, f"{len(data)} bytes are too few for {count} texts")
    texts = np.empty(count, dtype=object)
    place = 0
    for number in range(count):
        if place + 4 > len(data):
            raise _malformed(name, "the texts end early")
        (length,) = struct.unpack_from("<I", data, place)
        place += 4
        if place + length > len(data):
            raise _malformed(name, "the texts end early")
        texts[number] = _text(name, data[place : place + length])
        place += length
    if place != len(data):
        raise _malformed(name, f"{len(data) - place} bytes are left after {count} texts")
    return texts


def _exact(name: str, datatype: str, values: Array) -> Array:
    """Whole numbers or booleans in their datatype."""
    # There are whole numbers that no datatype holds together, such as -1 and 2**63.
    if values.dtype.kind == "f":
        raise _malformed(name, f"data does not hold {datatype} values")
    exact = values.astype(DTYPES[datatype])
    if (exact != values).any():
        wrong = values[exact != values][0]
        raise _malformed(name, f"data holds {wrong}, which is no {datatype}")
    return exact


def _with_nulls(flat: list[Any], present: Array) -> Array:
    """Values among which None stands for what is missing."""
    values = np.empty(len(flat), dtype=object)
    values[[value is not None for value in flat]] = present.tolist()
    return values


def _quiet(values: Array) -> Array:
    """The same values, and no not-a-number among them is a signalling one.

    Calculating with such is a warning in the log, wherever it first happens.
    """
    if values.dtype.kind != "f" or not np.count_nonzero(np.isnan(values)):
        return values
    with np.errstate(invalid="ignore"):
        return np.multiply(values, 1.0, dtype=np.float64)


def _shaped(name: str, values: Array, shape: tuple[int, ...]) -> Array:
    if values.size != _size(shape):
        raise _malformed(name, f"{values.size} values where shape {list(shape)} has {_size(shape)}")
    return values.reshape(shape)


def _size(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def _dtype(name: str, datatype: str) -> np.dtype[Any]:
    dtype = DTYPES.get(datatype) if type(datatype) is str else None
    if dtype is None:
        known = ", ".join((*DTYPES, BYTES))
        raise _malformed(name, f"datatype {str(datatype)[:20]!r} is unknown; choose one of {known}")
    return dtype


def _malformed(name: str, words: str) -> RequestError:
    return RequestError(MALFORMED, f"input {name[:100]!r}: {words}")
