"""Ids of a run are signed, the same on every try, and never part of a split."""

from __future__ import annotations

import numpy as np

from dohyo.contract.keys import Keys
from dohyo.contract.prediction_id import decode, encode
from dohyo_batch.signing import Signer
from tests.unit.batch.test_manifest import ORDER

KEYS = Keys("k1", {"k1": bytes(32)}, bytes(32)).for_namespace("shop")
ROWS = np.array([0, 7, 2**40])
OUTPUTS = np.array([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]])


def test_signed_ids_are_read_and_belong_to_no_trial() -> None:
    ids = Signer(ORDER, "r1", 1_000_000, KEYS).ids("v12", ROWS, OUTPUTS).to_pylist()

    read = [decode(each, KEYS.signing_key) for each in ids]
    assert [each.numbers for each in read] == [tuple(row) for row in OUTPUTS.tolist()]
    assert {(each.mode, each.trial, each.share, each.version) for each in read} == {
        ("pinned", "batch:r1", None, "v12")
    }
    assert len({each.nonce for each in read}) == len(ROWS)


def test_the_same_row_has_the_same_id_on_every_try() -> None:
    once, again = (
        Signer(ORDER, "r1", 1_000_000, KEYS).ids("v12", ROWS, OUTPUTS).to_pylist() for _ in "ab"
    )

    assert once == again


def test_two_versions_ids_of_a_row_are_a_pair() -> None:
    signer = Signer(ORDER, "r1", 1_000_000, KEYS)
    one, other = (signer.ids(name, ROWS, OUTPUTS).to_pylist() for name in ("v12", "v13"))

    pairs = [
        (decode(a, KEYS.signing_key), decode(b, KEYS.signing_key))
        for a, b in zip(one, other, strict=True)
    ]
    assert all((a.nonce, a.microseconds) == (b.nonce, b.microseconds) for a, b in pairs)
    assert not set(one) & set(other)


def test_without_keys_ids_only_tell_predictions_apart() -> None:
    assert Signer(ORDER, "r1", 1, None).ids("v12", ROWS[:2], OUTPUTS[:2]).to_pylist() == [
        "r1.v12.0",
        "r1.v12.7",
    ]


def test_many_ids_are_what_each_is_alone() -> None:
    for outputs in (OUTPUTS, OUTPUTS[:, :1], np.zeros((3, 9))):
        for version in ("v1", "v12", "v123"):
            ids = Signer(ORDER, "r1", 1_000_000, KEYS).ids(version, ROWS, outputs).to_pylist()
            key = KEYS.signing_key("k1", "shop")
            assert key is not None
            assert ids == [encode(decode(each, KEYS.signing_key), "k1", key) for each in ids]
            nonces = [decode(each, KEYS.signing_key).nonce for each in ids]
            assert nonces == [int(row).to_bytes(8) for row in ROWS]
