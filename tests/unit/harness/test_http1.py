"""Answers are read off the wire whole, in pieces, or not at all."""

from __future__ import annotations

import pytest

from tests.harness.http1 import Answer, MalformedError, parse

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Dohyo-Version: v13\r\n\r\nhi"
CHUNKED = (
    b"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    b"2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("received", "answer"),
    [
        (PLAIN, Answer(200, "v13", b"hi", keep=True)),
        (CHUNKED, Answer(503, "", b"abc", keep=False)),
    ],
    ids=["with a length", "in chunks"],
)
def test_an_answer_is_there_with_its_last_byte_and_not_before(
    received: bytes, answer: Answer
) -> None:
    assert parse(received) == answer
    assert [parse(received[:end]) for end in range(len(received))] == [None] * len(received)


@pytest.mark.parametrize(
    "received", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["no HTTP", "no length"]
)
def test_what_is_no_answer_is_told_apart(received: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(received)
