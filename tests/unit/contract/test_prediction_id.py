from __future__ import annotations

import base64
import dataclasses
import struct
import time
import timeit
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dohyo.contract import BUCKETS
from dohyo.contract.keys import Keys
from dohyo.contract.prediction_id import (
    MODES,
    MOST_CHARACTERS,
    MOST_NUMBERS,
    PredictionId,
    PredictionIdError,
    decode,
    encode,
)

MASTER = Keys("k1", {"k1": bytes(range(32)), "k0": bytes(32)}, b"e" * 32)
SHOP = MASTER.for_namespace("shop")
LABEL = st.from_regex(r"[a-z](?:[a-z0-9-]{0,40}[a-z0-9])?", fullmatch=True)
UNSIGNED_32 = st.integers(0, 2**32 - 1)

predictions = st.builds(
    PredictionId,
    namespace=st.just("shop"),
    deployment=LABEL,
    version=LABEL,
    trial=st.text(max_size=24),
    epoch=UNSIGNED_32,
    mode=st.sampled_from(MODES),
    arm=st.integers(0, 255),
    shares=st.lists(st.integers(0, BUCKETS), max_size=9).map(tuple),
    entity=st.none() | st.binary(min_size=8, max_size=8),
    bucket=st.none() | st.integers(0, BUCKETS - 1),
    microseconds=st.integers(0, 2**63),
    rows=UNSIGNED_32,
    numbers=st.lists(st.floats(allow_nan=False), max_size=MOST_NUMBERS).map(tuple),
    shadow=st.booleans(),
    nonce=st.binary(min_size=8, max_size=8),
)
USUAL = PredictionId(
    namespace="shop",
    deployment="satisfaction",
    version="v13",
    trial="t-5f3a",
    epoch=7,
    mode="split",
    arm=1,
    shares=(9000, 1000),
    entity=SHOP.entity_hash("customer-17"),
    bucket=4711,
    microseconds=1_764_000_000_000_000,
    rows=1,
    numbers=(0.25, 0.75),
    shadow=False,
    nonce=b"12345678",
)


def encoded(prediction: PredictionId, key_id: str = "k1") -> str:
    key = SHOP.signing_key(key_id, "shop")
    assert key is not None
    return encode(prediction, key_id, key)


def refusal(text: str, keys: Keys = SHOP) -> str:
    with pytest.raises(PredictionIdError) as refused:
        decode(text, keys.signing_key)
    return refused.value.reason


@given(predictions)
def test_what_is_encoded_is_decoded(prediction: PredictionId) -> None:
    text = encoded(prediction)
    assert len(text) <= MOST_CHARACTERS
    assert text.isascii()
    assert "=" not in text
    assert decode(text, SHOP.signing_key) == prediction
    assert decode(text, MASTER.signing_key) == prediction


@given(predictions, st.data())
def test_any_flipped_bit_is_refused(prediction: PredictionId, data: st.DataObject) -> None:
    text = encoded(prediction).encode()
    place = data.draw(st.integers(0, len(text) * 8 - 1))
    flipped = bytearray(text)
    flipped[place // 8] ^= 1 << place % 8
    refusal(flipped.decode("latin-1"))


def test_every_single_flipped_bit_of_a_usual_one_is_refused() -> None:
    text = encoded(USUAL).encode()
    for place in range(len(text) * 8):
        flipped = bytearray(text)
        flipped[place // 8] ^= 1 << place % 8
        refusal(flipped.decode("latin-1"))


@given(
    st.text(max_size=300)
    | st.binary(max_size=300).map(lambda b: base64.urlsafe_b64encode(b).decode())
)
def test_no_text_gets_another_exception(text: str) -> None:
    refusal(text)


@given(predictions, st.data())
def test_a_valid_signature_over_anything_gets_no_other_exception(
    prediction: PredictionId, data: st.DataObject
) -> None:
    """Even who holds the key cannot make the decoder fail in a way that has no reason."""
    import hmac  # noqa: PLC0415

    whole = bytearray(base64.urlsafe_b64decode(encoded(prediction) + "=="))[:-16]
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    whole = whole[: data.draw(st.integers(len(whole) - 20, len(whole)))]
    key = SHOP.signing_key("k1", "shop")
    assert key is not None
    signed = bytes(whole) + hmac.digest(key, bytes(whole), "sha256")[:16]
    text = base64.urlsafe_b64encode(signed).decode().rstrip("=")
    try:
        decode(text, SHOP.signing_key)
    except PredictionIdError as error:
        assert error.reason in {"fields", "format", "key", "length"}  # noqa: PT017


def resigned(change: Any) -> str:
    return encode(dataclasses.replace(USUAL, **change), "k1", SHOP.signing_key("k1", "shop") or b"")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "length", id="nothing"),
        pytest.param("A" * 40, "length", id="too short"),
        pytest.param("A" * (MOST_CHARACTERS + 1), "length", id="too long"),
        pytest.param(encoded(USUAL) + "=", "alphabet", id="padding"),
        pytest.param(encoded(USUAL).replace("A", "é", 1), "alphabet", id="no ASCII"),
        pytest.param(" " + encoded(USUAL), "alphabet", id="blank"),
        pytest.param("Ag" + encoded(USUAL)[2:], "format", id="format of a later release"),
        pytest.param(encoded(USUAL)[:-4], "signature", id="cut"),
        pytest.param(encode(USUAL, "k9", bytes(32)), "key", id="unknown key"),
        pytest.param(encode(USUAL, "k1", bytes(32)), "signature", id="forged"),
        pytest.param(resigned({"namespace": "other"}), "key", id="other namespace"),
    ],
)
def test_every_way_of_being_wrong_has_its_reason(text: str, reason: str) -> None:
    assert refusal(text) == reason


def test_fields_that_do_not_fit_have_their_reason() -> None:
    import hmac  # noqa: PLC0415

    key = SHOP.signing_key("k1", "shop")
    assert key is not None
    whole = base64.urlsafe_b64decode(encoded(USUAL) + "==")[:-16] + b"more"
    signed = whole + hmac.digest(key, whole, "sha256")[:16]
    assert refusal(base64.urlsafe_b64encode(signed).decode().rstrip("=")) == "fields"


def test_an_id_of_another_namespace_is_signed_by_a_key_not_valid_here() -> None:
    theirs = MASTER.for_namespace("bank")
    key = theirs.signing_key("k1", "bank")
    assert key is not None
    text = encode(dataclasses.replace(USUAL, namespace="bank"), "k1", key)
    assert refusal(text) == "key"
    assert decode(text, MASTER.signing_key).namespace == "bank"
    # A namespace cannot sign in the name of another one.
    posed = encode(USUAL, "k1", key)
    assert refusal(posed, MASTER) == "signature"


def test_ids_of_both_keys_are_valid_during_a_rotation() -> None:
    assert decode(encoded(USUAL, "k0"), SHOP.signing_key) == USUAL
    without_old = Keys("k1", {"k1": MASTER.keys["k1"]}, MASTER.entity).for_namespace("shop")
    assert refusal(encoded(USUAL, "k0"), without_old) == "key"


@pytest.mark.parametrize(
    "change",
    [
        {"version": "v" * 64},
        {"numbers": (0.0,) * 9},
        {"shares": (1,) * 10},
        {"shares": (BUCKETS + 1,)},
        {"bucket": BUCKETS},
        {"epoch": 2**32},
        {"nonce": b"short"},
        {"entity": b"short"},
        {"mode": "other"},
        {"trial": "\ud800"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_does_not_fit_is_refused_when_it_is_made(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        encoded(dataclasses.replace(USUAL, **change))


def test_shares_are_read_by_arm() -> None:
    assert (USUAL.share, USUAL.champion_share) == (1000, 9000)
    outside = dataclasses.replace(USUAL, arm=255)
    assert (outside.share, outside.champion_share) == (None, 9000)
    alone = dataclasses.replace(USUAL, shares=())
    assert (alone.share, alone.champion_share) == (None, None)


def test_encoding_costs_microseconds() -> None:
    """The limit is 15 µs on an idle core; a busy one gets four times as much."""
    key = SHOP.signing_key("k1", "shop")
    assert key is not None
    clock = timeit.Timer(lambda: encode(USUAL, "k1", key), timer=time.process_time)
    best = min(clock.repeat(number=500, repeat=9)) / 500
    assert best < 60e-6, f"{best * 1e6:.1f} µs"


def test_numbers_keep_every_bit() -> None:
    value = struct.unpack(">d", b"\x3f\xe8\x00\x00\x00\x00\x00\x01")[0]
    kept = decode(encoded(dataclasses.replace(USUAL, numbers=(value,))), SHOP.signing_key)
    assert kept.numbers == (value,)
