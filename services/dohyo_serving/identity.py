"""Who asked, by which assignment, and the signed id that the answer gets."""

from __future__ import annotations

import logging
import os
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import xxhash

from dohyo.contract import (
    BUCKETS,
    HEADER_ASSIGNMENT,
    HEADER_ENTITY,
    HEADER_REQUEST_ID,
    MODE_PINNED,
    MODE_SHADOW,
    assignment_from_header,
)
from dohyo.contract.keys import KeyRing, Keys, KeysError
from dohyo.contract.prediction_id import MOST_NUMBERS, NO_ARM, PredictionId, encode
from dohyo_serving import tracing
from dohyo_serving.errors import ServingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dohyo_serving.settings import Settings
    from dohyo_serving.telemetry import Telemetry

logger = logging.getLogger("bentoml.dohyo")
# How old the knowledge of the folder of keys may be.
KEYS_SECONDS: Final = 1.0
_ASSIGNMENT: Final = HEADER_ASSIGNMENT.encode()
_ENTITY: Final = HEADER_ENTITY.encode()
_REQUEST_ID: Final = HEADER_REQUEST_ID.encode()
_TIMEOUT: Final = b"x-envoy-expected-rq-timeout-ms"


class Stamp:
    """What an assignment says, as the prediction id needs it."""

    __slots__ = ("arm", "epoch", "mode", "salt", "shadow", "shares", "trial")

    def __init__(self, text: str) -> None:
        """Reads the header.

        Raises:
            ValueError: it is no assignment.
        """
        assignment = assignment_from_header(text)
        table = [assignment.champion, *assignment.challengers]
        names = [name for name, _ in table]
        self.trial = assignment.trial
        self.epoch = assignment.epoch
        self.mode = assignment.mode
        self.shadow = assignment.mode == MODE_SHADOW
        self.shares = tuple(share for _, share in table)
        # With mode fallback it is not the version that answers.
        assigned = assignment.version
        self.arm = names.index(assigned) if assigned in names else NO_ARM
        fields = dict(part.partition("=")[::2] for part in text.split(";"))
        self.salt = fields.get("salt", self.trial)


class Asked:
    """One request: who asked and until when an answer is of use."""

    __slots__ = ("began", "deadline", "entity", "grpc", "request_id", "stamp", "trace")

    def __init__(self, began: float, *, grpc: bool) -> None:
        self.began = began
        self.grpc = grpc
        self.deadline = float("inf")
        self.stamp: Stamp | None = None
        self.entity = ""
        self.request_id = ""
        self.trace: bytes | None = None

    @property
    def shadow(self) -> bool:
        return self.stamp is not None and self.stamp.shadow


class Identity:
    """Signs answers in the name of one version."""

    def __init__(self, settings: Settings, version: str, telemetry: Telemetry) -> None:
        """Reads the keys, if there are any.

        Raises:
            ServingError: there is a folder of keys, and nothing says for whom they sign.
        """
        self._settings = settings
        self._version = version
        self._telemetry = telemetry
        self._ring: KeyRing | None = None
        self._looked = float("-inf")
        self._problem: str | None = None
        self._nonce = int.from_bytes(os.urandom(8))
        self._stamp_of = lru_cache(maxsize=256)(lambda text: Stamp(text.decode("latin-1")))
        self._keys: Keys | None = None
        if settings.keys is None:
            logger.info("DOHYO_KEYS is not set: answers get no prediction id")
        elif not (settings.namespace and settings.deployment and version):
            raise ServingError(
                "DOHYO_KEYS signs for a ModelDeployment: set DOHYO_NAMESPACE, "
                "DOHYO_DEPLOYMENT and DOHYO_VERSION as well"
            )
        self.keys()
        telemetry.signing = lambda: self._keys is not None

    def asked(
        self, headers: Mapping[bytes, bytes], began: float, patience: float, *, grpc: bool = False
    ) -> Asked:
        """Reads what the gateway has stamped; names of headers are in lower case.

        Args:
            headers: of the request.
            began: when its head came, by the monotonic clock.
            patience: seconds for an answer, when nobody says less.
            grpc: whether it came by gRPC.
        """
        asked = Asked(began, grpc=grpc)
        get = headers.get
        asked.deadline = began + patience
        timeout = get(_TIMEOUT)
        if timeout is not None and timeout.isdigit():
            asked.deadline = began + min(patience, int(timeout[:9]) / 1000)
        text = get(_ASSIGNMENT)
        if text is not None:
            try:
                asked.stamp = self._stamp_of(text)
            except ValueError:
                self._telemetry.malformed_assignments += 1
        asked.entity = get(_ENTITY, b"").decode("utf-8", "surrogateescape")
        asked.request_id = get(_REQUEST_ID, b"").decode("latin-1")[:128]
        asked.trace = tracing.given(headers)
        return asked

    def keys(self) -> Keys | None:
        """The keys as they are now, or were a moment ago."""
        now = time.monotonic()
        if self._settings.keys is not None and now - self._looked > KEYS_SECONDS:
            self._looked = now
            self._read(self._settings.keys)
        return self._keys

    def _read(self, folder: Path) -> None:
        """A folder that is not right yet is read again later: its Secret may come after the pod."""
        try:
            if self._ring is None:
                self._ring = KeyRing(folder, self._settings.namespace)
            self._keys = self._ring.keys()
            problem = self._ring.problem
        except KeysError as error:
            problem = f"answers get no prediction id: {error}"
        if problem and problem != self._problem:
            logger.warning("keys: %s", problem)
        self._problem = problem

    def prediction_id(self, asked: Asked, rows: int, numbers: tuple[float, ...]) -> str | None:
        """The id of an answer; None without keys."""
        keys = self.keys()
        if keys is None:
            self._telemetry.unsigned += 1
            return None
        try:
            return self._signed(keys, asked, rows, numbers)
        except ValueError:
            # The assignment holds what no gateway writes; the prediction is good all the same.
            self._telemetry.unsigned += 1
            self._telemetry.malformed_assignments += 1
            return None

    def _signed(self, keys: Keys, asked: Asked, rows: int, numbers: tuple[float, ...]) -> str:
        settings, stamp = self._settings, asked.stamp
        self._nonce = (self._nonce + 1) & 0xFFFF_FFFF_FFFF_FFFF
        key = keys.signing_key(keys.current, settings.namespace)
        assert key is not None, "the current key is one of the keys"
        return encode(
            PredictionId(
                settings.namespace,
                settings.deployment,
                self._version,
                stamp.trial if stamp else "",
                stamp.epoch if stamp else 0,
                # Who comes without the gateway has chosen this version by its address.
                stamp.mode if stamp else MODE_PINNED,
                stamp.arm if stamp else NO_ARM,
                stamp.shares if stamp else (),
                keys.entity_hash(asked.entity) if asked.entity else None,
                _bucket(stamp.salt, asked.entity) if stamp and asked.entity else None,
                time.time_ns() // 1000,
                rows,
                numbers if len(numbers) <= MOST_NUMBERS else (),
                asked.shadow,
                self._nonce.to_bytes(8),
            ),
            keys.current,
            key,
        )


def _bucket(salt: str, entity: str) -> int:
    digest: int = xxhash.xxh64_intdigest(f"{salt}/{entity}".encode("utf-8", "surrogateescape"))
    return digest % BUCKETS
