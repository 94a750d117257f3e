"""Bodies that their client has compressed."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pytest

from dohyo_serving.encodings import decoded
from dohyo_serving.engine import Limits
from dohyo_serving.failures import RequestError
from tests.unit.serving.serving_in_process import ask, settle, started
from tests.unit.serving.test_answers import INFER, records, tensors

if TYPE_CHECKING:
    from pathlib import Path


async def test_compressed_requests_are_answered_like_plain_ones(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    async with started(cells) as endpoint:
        for path, body in (("/predict", records()), (INFER, tensors())):
            plain = await ask(endpoint, path, body)
            for name, packed in (
                ("gzip", gzip.compress(body.encode())),
                ("deflate", zlib.compress(body.encode())),
                ("GZIP", gzip.compress(body.encode())),
                ("identity", body.encode()),
            ):
                reply = await ask(endpoint, path, packed, content_encoding=name)
                assert (reply.status, reply.body) == (200, plain.body)


async def test_a_small_body_does_not_unpack_to_a_large_one(
    cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    async with started(cells, Limits(request_bytes=6000)) as endpoint:
        packed = gzip.compress(b" " * 10_000_000, mtime=0)
        assert len(packed) < 6000 * 2
        reply = await ask(endpoint, INFER, packed[:5900], content_encoding="gzip")
        assert reply.status == 413
        assert "more than 6000 bytes unpacked" in reply.document["error"]


@pytest.mark.parametrize(
    ("body", "encoding", "status", "words"),
    [
        (b"{}", b"br", 415, "'br' is not read; send gzip, deflate or identity"),
        (b"{}", b"gzip, gzip", 415, "is not read"),
        (b"{}", b"gzip", 400, "the body is no gzip"),
        (gzip.compress(b"{}", mtime=0)[:-5], b"gzip", 400, "it ends early"),
        (gzip.compress(b"{}", mtime=0) + b"{}", b"gzip", 400, "something follows its end"),
        (b"", b"deflate", 400, "it ends early"),
    ],
)
def test_what_is_not_compressed_as_it_says(
    body: bytes, encoding: bytes, status: int, words: str
) -> None:
    with pytest.raises(RequestError, match=words) as refused:
        decoded(body, encoding, 100)
    assert refused.value.kind.status == status
