"""Where a version's bento is found on this machine, and what is said when it is not."""

from __future__ import annotations

import hashlib
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from dohyo.api.validation import check
from dohyo.local.admission import admitted, located

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store whose path needs quoting, with model:v1 and model:v2."""
    for version in ("v1", "v2"):
        folder = tmp_path / "my store@home" / "bentos" / "model" / version
        folder.mkdir(parents=True)
        text = yaml.safe_dump({"name": "model", "version": version})
        (folder / "bento.yaml").write_text(text)
    return tmp_path / "my store@home"


def a_resource(**champion: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "m"},
        "spec": {
            "champion": {"name": "v1", "bento": "model:v1", **champion},
            "challengers": [{"name": "v2", "bento": "model:v2", "image": "registry/model:v2"}],
        },
    }


def test_a_tag_of_the_store_needs_no_image(store: Path) -> None:
    local, found = admitted(a_resource(), store, store)
    assert found == []
    assert check(local).refused == ()
    for version in (local["spec"]["champion"], *local["spec"]["challengers"]):
        tag = version["bento"].partition(":")[2]
        assert located(version["image"], store) == store / "bentos" / "model" / tag


def test_another_build_under_the_same_tag_is_other_content(store: Path) -> None:
    before, _ = admitted(a_resource(), store, store)
    file = store / "bentos" / "model" / "v1" / "bento.yaml"
    file.write_text(file.read_text() + "creation_time: 2026-11-25\n")
    after, _ = admitted(a_resource(), store, store)
    assert after["spec"]["champion"]["image"] != before["spec"]["champion"]["image"]


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_what_a_build_was_replaced_by_never_runs_in_its_place(
    store: Path, tmp_path: Path, packed: bool
) -> None:
    file = store / "bentos" / "model" / "v1" / "bento.yaml"
    uri = {"uri": f"file://{tmp_path / 'v1.bento'}"} if packed else {}

    def build(text: str) -> str:
        file.write_text(file.read_text() + text)
        with tarfile.open(tmp_path / "v1.bento", "w:gz") as content:
            content.add(file, "bento.yaml")
        local, found = admitted(a_resource(**uri), store, store)
        assert found == []
        return str(local["spec"]["champion"]["image"])

    before, after = build(""), build("creation_time: 2026-11-25\n")
    with pytest.raises(OSError, match=r"was build \w+ when it was taken, and is \w+ now; give"):
        located(before, tmp_path)
    assert located(after, tmp_path).is_dir()


@pytest.mark.parametrize(
    ("champion", "words"),
    [
        ({"bento": "modle:v1"}, "spec.champion.bento: 'modle:v1' is not in the store"),
        ({"bento": "modle:v1"}, "did you mean model:v1?"),
        ({"uri": "file://nowhere"}, "spec.champion.uri: 'file://nowhere' is not there"),
        ({"uri": "file://."}, "has no bento.yaml; name a built bento's folder"),
        ({"uri": "file://bentos/model/v2"}, "spec.champion.bento: 'model:v1' is not what uri"),
    ],
)
def test_what_is_missing_is_named_with_the_way_out(
    store: Path, champion: dict[str, Any], words: str
) -> None:
    _, found = admitted(a_resource(**champion), store, store)
    assert words in "; ".join(str(violation) for violation in found)


def test_an_archive_is_unpacked_once_and_its_digest_counts(store: Path, tmp_path: Path) -> None:
    archive = tmp_path / "v1.bento"
    with tarfile.open(archive, "w:gz") as content:
        content.add(store / "bentos" / "model" / "v1" / "bento.yaml", "bento.yaml")
    digest = f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"
    uri = f"file://{archive}"
    local, found = admitted(a_resource(uri=uri, digest=digest), store, store)
    assert found == []
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    folder = located(local["spec"]["champion"]["image"], unpacked)
    assert folder.parent == unpacked
    assert (folder / "bento.yaml").is_file()
    assert located(local["spec"]["champion"]["image"], unpacked) == folder
    assert len(list(unpacked.iterdir())) == 1
    _, found = admitted(a_resource(uri=uri, digest="sha256:" + "0" * 64), store, store)
    assert [violation.path for violation in found] == ["spec.champion.digest"]


def test_a_spec_that_is_none_is_left_to_the_rules(store: Path) -> None:
    specs: tuple[Any, ...] = (None, [], {"champion": []}, {"champion": {"bento": 3}})
    for spec in specs:
        assert admitted({"spec": spec}, store, store) == ({"spec": spec}, [])
