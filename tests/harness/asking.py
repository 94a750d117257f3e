"""Single requests through the gateway, as a client without any library of ours makes them."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dohyo.contract import HEADER_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.harness.model import Question

GATEWAY_ADDRESS = "127.0.0.1"
GATEWAY_PORT = 30080


@dataclass(frozen=True)
class Reply:
    """An answer: its status, its headers by lower-case name, its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def version(self) -> str | None:
        return self.headers.get(HEADER_VERSION)

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def probabilities(self) -> list[dict[str, float]]:
        """What the sample model predicts, one per record."""
        return [prediction["probabilities"] for prediction in self.document["predictions"]]


def ask(host: str, question: Question, path: str | None = None, **headers: str) -> Reply:
    """POSTs a question; underscores in the names of `headers` stand for dashes.

    `path` replaces the question's own.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(GATEWAY_ADDRESS, GATEWAY_PORT, timeout=15)
    try:
        connection.request(
            "POST",
            path or question.path,
            question.body,
            {"Host": host, "Content-Type": "application/json", "Connection": "close", **named},
        )
        answer = connection.getresponse()
        received = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, received, answer.read())
    finally:
        connection.close()
