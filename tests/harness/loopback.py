"""Single HTTP requests to a port of 127.0.0.1, by the standard library alone."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class OnPort:
    """Something that answers on a port of this machine."""

    port: int

    def get(self, path: str) -> tuple[int, str]:
        """Status and text."""
        return self.send("GET", path, None)

    def post(self, path: str, body: str) -> tuple[int, Any]:
        """Status and the JSON value that came back."""
        status, text = self.send("POST", path, body)
        return status, json.loads(text)

    def send(self, method: str, path: str, body: str | None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def ready(self) -> str:
        """The status of `/readyz`, or why there is none."""
        try:
            return str(self.get("/readyz")[0])
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
