"""What a pod tells its bento, by environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dohyo.contract import BENTO_GRPC_PORT
from dohyo_serving.errors import ServingError

if TYPE_CHECKING:
    from collections.abc import Mapping

GRPC_PORT = "DOHYO_GRPC_PORT"
GRPC_HOST = "DOHYO_GRPC_HOST"


@dataclass(frozen=True)
class Settings:
    """Who this process is, and where its evidence goes.

    Attributes:
        namespace, deployment: the ModelDeployment; empty outside of one.
        version: the version's name; the bento's own version where nobody gives one.
        replica: names this process for readers: the pod.
        keys: folder of the namespace's keys; None signs nothing.
        evidence_url: where records are shipped; None ships nothing.
        sample: share of entities whose predictions are shipped, 0 to 1.
        window_seconds: length of the windows that counts are shipped for.
        grpc_host, grpc_port: where gRPC listens; port 0 is any free one, None is nowhere.
    """

    namespace: str
    deployment: str
    version: str
    replica: str
    keys: Path | None
    evidence_url: str | None
    sample: float
    window_seconds: float
    grpc_host: str
    grpc_port: int | None


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings.

    Raises:
        ServingError: a variable holds something else than it should.
    """
    keys = environment.get("DOHYO_KEYS")
    port = environment.get(GRPC_PORT, str(BENTO_GRPC_PORT))
    return Settings(
        namespace=environment.get("DOHYO_NAMESPACE", ""),
        deployment=environment.get("DOHYO_DEPLOYMENT", ""),
        version=environment.get("DOHYO_VERSION", ""),
        replica=environment.get("HOSTNAME", ""),
        keys=Path(keys) if keys else None,
        evidence_url=environment.get("DOHYO_EVIDENCE_URL", "").rstrip("/") or None,
        sample=_number(environment, "DOHYO_RECORDS_SAMPLE", 1.0, 1.0),
        window_seconds=_number(environment, "DOHYO_WINDOW_SECONDS", 60.0, 86_400.0) or 60.0,
        grpc_host=environment.get(GRPC_HOST, ""),
        grpc_port=None
        if port == "off"
        else int(_number(environment, GRPC_PORT, BENTO_GRPC_PORT, 65_535)),
    )


def _number(environment: Mapping[str, str], name: str, usual: float, most: float) -> float:
    text = environment.get(name)
    if not text:
        return usual
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise ServingError(f"{name}: {text!r} is not within 0 to {most:g}; correct or remove it")
    return number
