from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import pytest

from dohyo.contract.keys import (
    FOR_FEEDBACK,
    FOR_RECORDS,
    FOR_TRIALS,
    KeyRing,
    Keys,
    KeysError,
    derive,
    key_files,
    parse_keys,
    read_keys,
)

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO, ENTITY = (base64.b64encode(bytes((n,)) * 32).decode() for n in (1, 2, 3))
FILES = {"k1": ONE, "k2": TWO, "current": "k2", "entity": ENTITY}


def write_secret(folder: Path, files: dict[str, str], generation: int) -> None:
    """As the kubelet does it: a new folder of data, then one rename of the link to it."""
    data = folder / f"..{generation}"
    data.mkdir(parents=True)
    for name, text in files.items():
        (data / name).write_text(text)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    (folder / "..new").symlink_to(data.name)
    (folder / "..new").rename(folder / "..data")
    for name in set(os.listdir(folder)) - set(files) - {data.name, "..data"}:  # noqa: PTH208
        if not name.startswith(".."):
            (folder / name).unlink()


# RFC 5869, appendix A, test cases 1 to 3.
@pytest.mark.parametrize(
    ("key", "salt", "info", "length", "expected"),
    [
        (
            b"\x0b" * 22,
            bytes(range(13)),
            bytes(range(0xF0, 0xFA)),
            42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)),
            bytes(range(0x60, 0xB0)),
            bytes(range(0xB0, 0x100)),
            82,
            (
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
                "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
            ),
        ),
        (
            b"\x0b" * 22,
            b"",
            b"",
            42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_derivation_is_hkdf(
    key: bytes, salt: bytes, info: bytes, length: int, expected: str
) -> None:
    assert derive(key, info, length, salt).hex() == expected


def test_a_namespace_gets_keys_of_its_own() -> None:
    master = parse_keys(FILES)
    shop, bank = master.for_namespace("shop"), master.for_namespace("bank")
    every = [*master.keys.values(), *shop.keys.values(), *bank.keys.values()]
    every += [master.entity, shop.entity, bank.entity]
    assert len(set(every)) == len(every)
    assert shop.for_namespace("shop") is shop
    with pytest.raises(KeysError, match="derive them from the master"):
        shop.for_namespace("bank")


def test_the_files_of_a_namespace_give_the_same_keys_again() -> None:
    shop = parse_keys(FILES).for_namespace("shop")
    again = parse_keys(key_files(shop), "shop")
    assert again == shop
    assert again.signing_key("k1", "shop") == parse_keys(FILES).signing_key("k1", "shop")


def test_a_token_is_good_for_one_namespace_and_one_purpose() -> None:
    master = parse_keys(FILES)
    token = master.for_namespace("shop").token(FOR_RECORDS)
    assert master.namespace_of_token(token, FOR_RECORDS) == "shop"
    assert master.namespace_of_token(token, FOR_FEEDBACK) is None
    assert master.for_namespace("bank").namespace_of_token(token, FOR_RECORDS) is None
    posed = "bank" + token.removeprefix("shop")
    assert master.namespace_of_token(posed, FOR_RECORDS) is None
    for wrong in ("", ".", "shop", "shop.k2.", "shop.k9.x", token + "x", token[:-1], "é.k2.x"):
        assert master.namespace_of_token(wrong, FOR_RECORDS) is None


def test_the_token_of_the_key_before_is_valid_until_the_key_is_gone() -> None:
    before = parse_keys({**FILES, "current": "k1"}).for_namespace("shop").token(FOR_RECORDS)
    assert parse_keys(FILES).namespace_of_token(before, FOR_RECORDS) == "shop"
    without = parse_keys({name: text for name, text in FILES.items() if name != "k1"})
    assert without.namespace_of_token(before, FOR_RECORDS) is None


def test_the_master_has_no_token() -> None:
    with pytest.raises(KeysError, match="belongs to a namespace"):
        parse_keys(FILES).token(FOR_RECORDS)


def test_the_installations_own_token_is_no_namespaces() -> None:
    master = parse_keys(FILES)
    newest, older = master.installation_tokens(FOR_TRIALS)
    assert newest.startswith("*.k2.")
    assert older.startswith("*.k1.")
    for token in (newest, older):
        assert master.is_installation_token(token, FOR_TRIALS)
        assert not master.is_installation_token(token, FOR_RECORDS)
        assert master.namespace_of_token(token, FOR_TRIALS) is None
        # Who has the keys of a namespace can neither make nor check it.
        assert not master.for_namespace("*").is_installation_token(token, FOR_TRIALS)
    with pytest.raises(KeysError, match="keys of namespace shop give no token"):
        master.for_namespace("shop").installation_tokens(FOR_TRIALS)
    posed = master.for_namespace("*").token(FOR_TRIALS)
    for wrong in ("", "*", "*.", "*.k9.x", newest + "x", newest[:-1], posed, "é", "*.k2.é\udc80"):
        assert not master.is_installation_token(wrong, FOR_TRIALS)
    without = parse_keys({name: text for name, text in FILES.items() if name != "k1"})
    assert without.is_installation_token(newest, FOR_TRIALS)
    assert not without.is_installation_token(older, FOR_TRIALS)


def test_an_entity_stays_the_same_through_a_rotation() -> None:
    before = parse_keys({**FILES, "current": "k1"}).for_namespace("shop")
    after = parse_keys({"k2": TWO, "k3": ONE, "current": "k3", "entity": ENTITY})
    assert before.entity_hash("anna") == after.for_namespace("shop").entity_hash("anna")
    assert before.entity_hash("anna") != before.entity_hash("bert")
    assert before.entity_hash("anna") != parse_keys(FILES).for_namespace("bank").entity_hash("anna")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({"k1": ONE}, "keys/current is missing", id="no current"),
        pytest.param(
            {**FILES, "current": "k9"}, "no key 'k9' here; choose one of: k1, k2", id="gone"
        ),
        pytest.param({"current": "k1"}, "choose one of: none", id="no key"),
        pytest.param({**FILES, "k1": "abc"}, "keys/k1: no base64 of 32 bytes", id="short"),
        pytest.param({**FILES, "k1": "%"}, "keys/k1: no base64 of 32 bytes", id="no base64"),
        pytest.param({**FILES, "K_1": ONE}, "keys/K_1: a key's id has", id="bad id"),
        pytest.param({**FILES, "entity": "x"}, "keys/entity: no base64", id="bad entity"),
    ],
)
def test_a_wrong_folder_is_told_with_the_file(files: dict[str, str], words: str) -> None:
    with pytest.raises(KeysError) as told:
        parse_keys(files)
    assert words in str(told.value)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="mount the Secret there"):
        read_keys(tmp_path / "nowhere")


def test_a_rotated_secret_is_read_again(tmp_path: Path) -> None:
    write_secret(tmp_path, {"k1": ONE, "current": "k1"}, 1)
    ring = KeyRing(tmp_path)
    first = ring.keys()
    assert first.current == "k1"
    assert ring.keys() is first
    write_secret(tmp_path, FILES, 2)
    assert set(ring.keys().keys) == {"k1", "k2"}
    assert ring.keys().current == "k2"
    write_secret(tmp_path, {"k2": TWO, "current": "k2", "entity": ENTITY}, 3)
    assert set(ring.keys().keys) == {"k2"}


def test_a_broken_rotation_leaves_the_last_keys_valid(tmp_path: Path) -> None:
    write_secret(tmp_path, FILES, 1)
    ring = KeyRing(tmp_path)
    write_secret(tmp_path, {**FILES, "k2": "broken"}, 2)
    assert ring.keys().current == "k2"
    assert ring.problem is not None
    assert "k2: no base64" in ring.problem
    write_secret(tmp_path, {"k1": ONE, "current": "k1"}, 3)
    assert ring.keys().current == "k1"
    assert ring.problem is None


def test_namespaces_invented_by_a_client_cost_no_memory() -> None:
    master = Keys("k1", {"k1": bytes(32)}, bytes(32))
    for number in range(10_500):
        assert master.signing_key("k1", f"n{number}") is not None
    assert len(master._derived) <= 10_001
