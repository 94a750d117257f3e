"""The messages of `open_inference.proto` as Python, for `make generate`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

_PLACE: Final = "dohyo_serving/oip/open_inference.proto"


def stubs() -> str:
    """The text of `open_inference_pb2.py`."""
    # Of the development environment only.
    from grpc_tools import protoc  # noqa: PLC0415

    services = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as folder:
        code = protoc.main(["protoc", f"-I{services}", f"--python_out={folder}", _PLACE])
        if code != 0:
            raise RuntimeError(f"{_PLACE}: protoc ended with code {code}")
        made = Path(folder) / _PLACE.replace(".proto", "_pb2.py")
        return made.read_text()


FILES: Final = ((Path(__file__).with_name("open_inference_pb2.py"), stubs),)
