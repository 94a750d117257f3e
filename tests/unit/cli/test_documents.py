from __future__ import annotations

import pytest

from dohyo.cli.documents import Document, Unreadable, documents


def one(text: str) -> Document:
    (document,) = documents(text, "ring.yaml")
    return document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-22", "2026-11-22"),
        ("12:30:45", "12:30:45"),
        ("1e9", 1_000_000_000),
        ("2.0", 2),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("yes", True),
        ("'yes'", "yes"),
        ("~", None),
        ("", None),
        ("v12", "v12"),
        ("0x1f", 31),
    ],
)
def test_scalars_are_read_as_kubectl_reads_them(text: str, value: object) -> None:
    assert one(f"a: {text}").value == {"a": value}


def test_every_field_has_its_line() -> None:
    document = one("# ring\nspec:\n  champion:\n    name: v12\n  challengers:\n    - name: v13\n")
    assert document.line == 2
    assert document.line_of("spec.champion.name") == 4
    assert document.line_of("spec.challengers[0].name") == 6


def test_what_is_missing_has_the_line_of_what_holds_it() -> None:
    document = one("spec:\n  champion:\n    name: v12\n  challengers:\n    - name: v13\n")
    assert document.line_of("spec.champion.bento") == 2
    assert document.line_of("spec.challengers[0].bento") == 5
    assert document.line_of("spec.challengers[7].bento") == 4
    assert document.line_of("metadata.name") == 1


def test_keys_that_stand_twice_are_found() -> None:
    assert one("a:\n  b: 1\n  b: 2\n").repeated == {"a.b": 3}


def test_anchors_and_merge_keys_are_followed() -> None:
    document = one("base: &base {cpu: 1}\nother:\n  <<: *base\n  memory: 2\n")
    assert document.value["other"] == {"cpu": 1, "memory": 2}


def test_several_documents_have_lines_of_the_file() -> None:
    first, second = documents("a: 1\n---\n---\n# nothing\n---\nb: 2\n", "ring.yaml")
    assert (first.line, second.line, second.line_of("b")) == (1, 6, 6)


def test_the_items_of_a_list_are_documents() -> None:
    text = "kind: List\nitems:\n  - kind: A\n    x: 1\n  - kind: B\n    y:\n      z: 2\n"
    first, second = documents(text, "ring.yaml")
    assert (first.value["kind"], second.value["kind"]) == ("A", "B")
    assert second.line == 5
    assert second.line_of("y.z") == 7


def test_json_is_read_as_well() -> None:
    assert one('{"a": {"b": [1, 2]}}').value == {"a": {"b": [1, 2]}}


@pytest.mark.parametrize(("text", "line"), [("a: 1\nb: [1\n", 3), ("a: b: c\n", 1), ("\tx", 1)])
def test_what_is_no_yaml_is_told_with_its_line(text: str, line: int) -> None:
    with pytest.raises(Unreadable) as error:
        list(documents(text, "ring.yaml"))
    assert error.value.line == line
    assert str(error.value)
