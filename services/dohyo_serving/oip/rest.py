"""REST of the protocol: JSON with the binary-tensor extension, in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from dohyo_serving.failures import MALFORMED, RequestError
from dohyo_serving.oip.inference import Tensor
from dohyo_serving.oip.tensors import checked_shape, from_binary, from_json, to_binary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dohyo_serving.oip.inference import Inference, Signature

HEADER_LENGTH: Final = b"inference-header-content-length"
EXTENSIONS: Final = ("binary_tensor_data",)
SERVER: Final = "dohyo"
# Of a length; Python refuses to read thousands.
_MOST_DIGITS: Final = 20


@dataclass(frozen=True)
class Request:
    """What a client asks of `/infer`.

    Attributes:
        id: the client's own, given back.
        inputs: tensors.
        wanted: names of outputs; empty for all.
        binary: names of outputs to be sent as binary data; None for all of them.
    """

    id: str | None
    inputs: list[Tensor]
    wanted: list[str]
    binary: frozenset[str] | None


def request_from(body: bytes, header_length: bytes | None, most: int) -> Request:
    """Reads a request's body.

    Args:
        body: JSON, or JSON followed by binary data.
        header_length: value of Inference-Header-Content-Length, if it was sent.
        most: elements of one tensor.

    Raises:
        RequestError: it is malformed; with the place.
    """
    head, tail = _parts(body, header_length)
    try:
        document = orjson.loads(head)
    except orjson.JSONDecodeError as error:
        raise RequestError(MALFORMED, f"the body is no JSON: {error}") from error
    if type(document) is not dict or type(document.get("inputs")) is not list:
        raise RequestError(MALFORMED, "the body must be an object with a list of inputs")
    id_ = document.get("id")
    if id_ is not None and type(id_) is not str:
        raise RequestError(MALFORMED, "id must be a text")
    inputs, place = [], 0
    for given in document["inputs"]:
        tensor, used = _tensor(given, tail[place:], most)
        inputs.append(tensor)
        place += used
    if place != len(tail):
        raise RequestError(MALFORMED, f"{len(tail) - place} bytes follow the last input's data")
    wanted, binary = _outputs(document)
    return Request(id_, inputs, wanted, binary)


def answer_to(
    request: Request, tensors: Sequence[Tensor], inference: Inference, prediction_id: str | None
) -> tuple[bytes, int | None]:
    """The answer's body, and the length of its JSON when binary data follows."""
    blobs, outputs = [], []
    for tensor in tensors:
        shape = list(tensor.values.shape)
        output: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": shape}
        if request.binary is None or tensor.name in request.binary:
            blob = to_binary(tensor.values, tensor.datatype)
            output["parameters"] = {"binary_data_size": len(blob)}
            blobs.append(blob)
        else:
            output["data"] = tensor.values.ravel().tolist()
        outputs.append(output)
    document: dict[str, Any] = {
        "model_name": inference.model,
        "model_version": inference.version,
        "outputs": outputs,
    }
    if request.id is not None:
        document["id"] = request.id
    if prediction_id is not None:
        document["parameters"] = {"prediction_id": prediction_id}
    head = orjson.dumps(document)
    return (head + b"".join(blobs), len(head)) if blobs else (head, None)


def server_metadata(version: str) -> dict[str, Any]:
    return {"name": SERVER, "version": version, "extensions": list(EXTENSIONS)}


def model_metadata(inference: Inference) -> dict[str, Any]:
    return {
        "name": inference.model,
        "versions": [inference.version],
        "platform": inference.platform,
        "inputs": [_signature(each) for each in inference.inputs],
        "outputs": [_signature(each) for each in inference.outputs],
    }


def _signature(each: Signature) -> dict[str, Any]:
    return {"name": each.name, "datatype": each.datatype, "shape": list(each.shape)}


def _parts(body: bytes, header_length: bytes | None) -> tuple[bytes, memoryview]:
    if header_length is None:
        return body, memoryview(b"")
    digits = len(header_length) <= _MOST_DIGITS and header_length.isdigit()
    if not digits or int(header_length) > len(body):
        shown = header_length[:20].decode("latin-1")
        raise RequestError(
            MALFORMED,
            f"Inference-Header-Content-Length: {shown!r} is no length within {len(body)} bytes",
        )
    length = int(header_length)
    return body[:length], memoryview(body)[length:]


def _tensor(given: Any, tail: memoryview, most: int) -> tuple[Tensor, int]:
    """The tensor, and how many bytes of the tail are its data."""
    if type(given) is not dict or type(given.get("name")) is not str:
        raise RequestError(MALFORMED, "every input must be an object with a name")
    name, datatype = given["name"], str(given.get("datatype"))
    shape = given.get("shape")
    if type(shape) is not list:
        raise RequestError(MALFORMED, f"input {name[:100]!r}: shape must be a list")
    checked = checked_shape(name, shape, most)
    size = _parameters(given).get("binary_data_size")
    if size is None:
        return Tensor(name, datatype, from_json(name, datatype, checked, given.get("data"))), 0
    if type(size) is not int or not 0 <= size <= len(tail):
        raise RequestError(
            MALFORMED,
            f"input {name[:100]!r}: binary_data_size {size!r} where {len(tail)} bytes are left",
        )
    return Tensor(name, datatype, from_binary(name, datatype, checked, tail[:size])), size


def _outputs(document: dict[str, Any]) -> tuple[list[str], frozenset[str] | None]:
    everything = _parameters(document).get("binary_data_output") is True
    given = document.get("outputs")
    if given is None or given == []:
        return [], None if everything else frozenset()
    if type(given) is not list:
        raise RequestError(MALFORMED, "outputs must be a list")
    wanted, binary = [], set()
    for each in given:
        if type(each) is not dict or type(each.get("name")) is not str:
            raise RequestError(MALFORMED, "every output must be an object with a name")
        wanted.append(each["name"])
        if _parameters(each).get("binary_data", everything) is True:
            binary.add(each["name"])
    return wanted, frozenset(binary)


def _parameters(given: dict[str, Any]) -> dict[str, Any]:
    parameters = given.get("parameters")
    return parameters if type(parameters) is dict else {}
