"""The prediction id: all that evidence must know of an answer, signed, in one header's text.

Feedback that names it joins the prediction without any lookup. It is a record of bytes in
base64url without padding, integers big-endian:

    1   format, now 1
    s   key id, namespace, deployment, version, trial (each: 1 byte of length, UTF-8)
    1   flags: 2 bits mode, shadow copy, entity known, bucket known
    8   time in microseconds since 1970
    8   entity, a keyed hash (zeros when unknown)
    2   bucket of the entity (zeros when unknown)
    4   epoch of the routing table
    4   rows of the request
    8   nonce
    1   arm: 0 the champion, n the n-th challenger, 255 none of the table
    1+  shares in 1/BUCKETS (1 byte of count, 2 bytes each), the champion's first
    1+  numbers (1 byte of count, 8 bytes each)
    16  HMAC-SHA256 of everything before, cut
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

from dohyo.contract import BUCKETS, MODE_FALLBACK, MODE_PINNED, MODE_SHADOW, MODE_SPLIT

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT: Final = 1
MOST_NUMBERS: Final = 8
MOST_SHARES: Final = 9
NO_ARM: Final = 255
# Of the text; the longest that `encode` makes is below.
MOST_CHARACTERS: Final = 1024
MODES: Final = (MODE_SPLIT, MODE_PINNED, MODE_FALLBACK, MODE_SHADOW)

Reason = Literal["length", "alphabet", "format", "fields", "key", "signature"]

_MAC_BYTES: Final = 16
# Of SHA-256, as HMAC pads its key.
_BLOCK_BYTES: Final = 64
_NO_ENTITY: Final = bytes(8)
_FIXED: Final = struct.Struct(">BQ8sHII8sB")
# Arm, and the counts of no shares and of the numbers.
_AFTER_NONCE: Final = 3
_SHADOW, _ENTITY, _BUCKET = 4, 8, 16
_KNOWN_FLAGS: Final = 31
_LONGEST_STRING: Final = {
    "key id": 16,
    "namespace": 63,
    "deployment": 253,
    "version": 63,
    "trial": 200,
}
# Five empty strings, the fixed part, no share, no number.
_LEAST_BYTES: Final = 1 + 5 + _FIXED.size + 2 + _MAC_BYTES
_NUMBERS: Final = [struct.Struct(f">B{count}d") for count in range(MOST_NUMBERS + 1)]
_SHARES: Final = [struct.Struct(f">B{count}H") for count in range(MOST_SHARES + 1)]
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_+/", b"+/!!")


@dataclass(frozen=True)
class PredictionId:
    """What one answer of one version was.

    Attributes:
        namespace, deployment, version: who answered.
        trial: the comparison that the assignment belongs to; empty without a gateway.
        epoch: of the routing table that made the assignment.
        mode: split, pinned, fallback or shadow; only split is evidence.
        arm: the assigned version's place in the table: 0 is the champion.
        shares: of live requests in 1/BUCKETS, the champion's first, then the challengers' in
            the order of the table; empty without a gateway.
        entity: keyed hash of the entity, 8 bytes; None without one.
        bucket: of the entity on the trial's line; None when unknown.
        microseconds: when it was predicted, since 1970.
        rows: in the request.
        numbers: predictions row by row, all rows equally many; empty when they are more than
            MOST_NUMBERS, and then they stand in the prediction's record.
        shadow: the answer to a mirrored copy, which no client has seen.
        nonce: 8 bytes that tell apart what is else the same.
    """

    namespace: str
    deployment: str
    version: str
    trial: str
    epoch: int
    mode: str
    arm: int
    shares: tuple[int, ...]
    entity: bytes | None
    bucket: int | None
    microseconds: int
    rows: int
    numbers: tuple[float, ...]
    shadow: bool
    nonce: bytes

    @property
    def share(self) -> int | None:
        """The assigned version's share in 1/BUCKETS: its assignment probability."""
        return self.shares[self.arm] if self.arm < len(self.shares) else None

    @property
    def champion_share(self) -> int | None:
        return self.shares[0] if self.shares else None


class PredictionIdError(ValueError):
    """Why a text is no valid prediction id.

    Attributes:
        reason: one word of a fixed list, fit for a metric's label.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


def encode(prediction: PredictionId, key_id: str, key: bytes) -> str:
    """The signed text of a prediction id.

    Raises:
        ValueError: a field is beyond what the format holds.
    """
    signed = _unsigned(prediction, key_id)
    whole = signed + hmac.digest(key, signed, "sha256")[:_MAC_BYTES]
    return _text_of(whole).rstrip(b"=").decode("ascii")


def encode_rows(
    prediction: PredictionId, key_id: str, key: bytes, nonces: bytes, numbers: bytes
) -> bytes:
    """The texts of many ids that differ in nonce and numbers alone, one after the other.

    Each is what `encode` makes of it, and all are equally long.

    Args:
        prediction: of the first row; it has no shares.
        key_id: of the key.
        key: signs.
        nonces: 8 bytes for each row.
        numbers: of each row 8 bytes big-endian for each of `prediction.numbers`.
    """
    assert not prediction.shares, "the nonce is found from the end, past no shares"
    first = _unsigned(prediction, key_id)
    width = 8 * len(prediction.numbers)
    end = len(first) - width
    at = end - _AFTER_NONCE - 8
    inner, outer = _keyed(key, 0x36), _keyed(key, 0x5C)
    inner.update(first[:at])
    between = first[at + 8 : end]
    head, pad = first[:at], bytes(-(len(first) + _MAC_BYTES) % 3)
    whole: list[bytes] = []
    for row in range(len(nonces) // 8):
        rest = nonces[8 * row : 8 * row + 8] + between + numbers[width * row : width * (row + 1)]
        inside, outside = inner.copy(), outer.copy()
        inside.update(rest)
        outside.update(inside.digest())
        whole += (head, rest, outside.digest()[:_MAC_BYTES], pad)
    text = _text_of(b"".join(whole))
    if not pad:
        return text
    size = len(text) // (len(nonces) // 8)
    return b"".join(text[at : at + size - len(pad)] for at in range(0, len(text), size))


def _unsigned(prediction: PredictionId, key_id: str) -> bytes:
    """What the signature is of."""
    flags = MODES.index(prediction.mode)
    if prediction.shadow:
        flags |= _SHADOW
    if prediction.entity is not None:
        flags |= _ENTITY
    if prediction.bucket is not None:
        flags |= _BUCKET
    shares, numbers = prediction.shares, prediction.numbers
    if len(prediction.nonce) != 8 or len(prediction.entity or _NO_ENTITY) != 8:
        raise ValueError("nonce and entity of a prediction id have 8 bytes each")
    if max(shares, default=0) > BUCKETS or (prediction.bucket or 0) >= BUCKETS:
        raise ValueError(f"shares {shares} or bucket {prediction.bucket} are beyond {BUCKETS}")
    names = _names(
        key_id, prediction.namespace, prediction.deployment, prediction.version, prediction.trial
    )
    try:
        return b"".join(
            (
                names,
                _FIXED.pack(
                    flags,
                    prediction.microseconds,
                    prediction.entity or _NO_ENTITY,
                    prediction.bucket or 0,
                    prediction.epoch,
                    prediction.rows,
                    prediction.nonce,
                    prediction.arm,
                ),
                _SHARES[len(shares)].pack(len(shares), *shares),
                _NUMBERS[len(numbers)].pack(len(numbers), *numbers),
            )
        )
    except (struct.error, IndexError, OverflowError) as error:
        raise ValueError(f"{prediction} does not fit into a prediction id: {error}") from error


def decode(text: str, key_of: Callable[[str, str], bytes | None]) -> PredictionId:
    """The prediction that a signed text stands for.

    Args:
        text: what a client sent.
        key_of: the key for a key id and a namespace, or None (`Keys.signing_key`).

    Raises:
        PredictionIdError: the text is no prediction id of ours; with the reason.
    """
    whole = _bytes(text)
    if whole[0] != FORMAT:
        raise PredictionIdError(
            "format", f"format {whole[0]} of the prediction id is unknown; this reads {FORMAT}"
        )
    names, end = _parsed_names(whole)
    key = key_of(names[0], names[1])
    if key is None:
        raise PredictionIdError(
            "key",
            f"the prediction id is signed by key {names[0]!r} of {names[1]!r}, not valid here",
        )
    signed, mac = whole[:-_MAC_BYTES], whole[-_MAC_BYTES:]
    if not hmac.compare_digest(hmac.digest(key, signed, "sha256")[:_MAC_BYTES], mac):
        raise PredictionIdError(
            "signature", "the prediction id's signature does not fit its content"
        )
    return _parsed(names, signed, end)


# One process writes few: its own version under the trials of its time.
@lru_cache(maxsize=64)
def _names(*names: str) -> bytes:
    parts = [bytes((FORMAT,))]
    for (kind, most), name in zip(_LONGEST_STRING.items(), names, strict=True):
        raw = name.encode()
        if len(raw) > most:
            raise ValueError(f"{kind} {name!r} is longer than the {most} bytes of a prediction id")
        parts.append(bytes((len(raw),)))
        parts.append(raw)
    return b"".join(parts)


def _keyed(key: bytes, pad: int) -> Any:
    """One of the two hashes of HMAC after its key, to be copied: HMAC itself cannot be."""
    short = key if len(key) <= _BLOCK_BYTES else hashlib.sha256(key).digest()
    return hashlib.sha256(bytes(byte ^ pad for byte in short.ljust(_BLOCK_BYTES, b"\0")))


def _text_of(whole: bytes) -> bytes:
    return binascii.b2a_base64(whole, newline=False).translate(_TO_URL)


def _bytes(text: str) -> bytes:
    if not _LEAST_BYTES * 4 // 3 <= len(text) <= MOST_CHARACTERS:
        raise PredictionIdError(
            "length", f"a prediction id has not {len(text)} characters; send all of it, unchanged"
        )
    try:
        raw = text.encode("ascii").translate(_FROM_URL)
        whole = binascii.a2b_base64(raw + b"=" * (-len(raw) % 4), strict_mode=True)
    except (UnicodeEncodeError, binascii.Error):
        whole = b""
    # The last character has bits to spare: only one way of writing it is valid.
    canonical = _text_of(whole).rstrip(b"=")
    if not whole or canonical != text.encode("ascii", errors="replace"):
        raise PredictionIdError("alphabet", "the prediction id is no base64url without padding")
    if len(whole) < _LEAST_BYTES:
        raise PredictionIdError("length", f"{len(whole)} bytes are too few for a prediction id")
    return whole


def _parsed_names(whole: bytes) -> tuple[list[str], int]:
    names, place = [], 1
    end = len(whole) - _MAC_BYTES
    for name, most in _LONGEST_STRING.items():
        size = whole[place] if place < end else end
        if size > most or place + 1 + size > end:
            raise _misfit(name)
        try:
            names.append(whole[place + 1 : place + 1 + size].decode())
        except UnicodeDecodeError as error:
            raise _misfit(name) from error
        place += 1 + size
    return names, place


def _parsed(names: list[str], signed: bytes, place: int) -> PredictionId:
    try:
        flags, microseconds, entity, bucket, epoch, rows, nonce, arm = _FIXED.unpack_from(
            signed, place
        )
        place += _FIXED.size
        shares = _SHARES[signed[place]].unpack_from(signed, place)[1:]
        place += _SHARES[len(shares)].size
        numbers = _NUMBERS[signed[place]].unpack_from(signed, place)[1:]
        place += _NUMBERS[len(numbers)].size
    except (struct.error, IndexError) as error:
        raise _misfit("its end") from error
    if place != len(signed) or flags > _KNOWN_FLAGS:
        raise _misfit("its end" if place != len(signed) else "flags")
    if any(share > BUCKETS for share in shares) or bucket >= BUCKETS:
        raise _misfit("shares")
    return PredictionId(
        namespace=names[1],
        deployment=names[2],
        version=names[3],
        trial=names[4],
        epoch=epoch,
        mode=MODES[flags & 3],
        arm=arm,
        shares=shares,
        entity=entity if flags & _ENTITY else None,
        bucket=bucket if flags & _BUCKET else None,
        microseconds=microseconds,
        rows=rows,
        numbers=numbers,
        shadow=bool(flags & _SHADOW),
        nonce=nonce,
    )


def _misfit(what: str) -> PredictionIdError:
    return PredictionIdError("fields", f"the prediction id breaks off or is malformed at {what}")
