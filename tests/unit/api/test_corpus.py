"""Lint's half of the corpus; the API server's is in tests/integration/test_crd.py."""

from __future__ import annotations

import pytest

from dohyo.api.rules import RULES, TRANSITION_RULES
from dohyo.api.validation import check
from tests.unit.api.judged import Manifest, manifests

ALL = manifests()
NAMES = [*(rule.name for rule in RULES), *(rule.name for rule in TRANSITION_RULES)]
VALID = [m for m in ALL if m.is_valid]
INVALID = [m for m in ALL if not m.is_valid]


@pytest.mark.parametrize("manifest", VALID, ids=lambda m: m.name)
def test_a_valid_manifest_is_taken(manifest: Manifest) -> None:
    checked = check(manifest.document, manifest.before)
    assert checked.refused == ()
    assert checked.unknown == ()
    assert checked.spec is not None


@pytest.mark.parametrize("manifest", INVALID, ids=lambda m: m.name)
def test_an_invalid_manifest_is_refused_in_its_own_words(manifest: Manifest) -> None:
    checked = check(manifest.document, manifest.before)
    assert checked.spec is None
    assert checked.unknown == ()
    (violation,) = checked.refused
    assert violation.path == manifest.at
    assert manifest.says is not None
    assert manifest.says in str(violation)


@pytest.mark.parametrize("manifest", INVALID, ids=lambda m: m.name)
def test_host_access_is_all_that_an_installation_can_allow(manifest: Manifest) -> None:
    checked = check(manifest.document, manifest.before, allow_host_access=True)
    asks_for_host_access = manifest.at is not None and ".podTemplate.spec" in manifest.at
    assert (checked.refused == ()) is asks_for_host_access


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_is_broken_by_some_manifest(name: str) -> None:
    assert any(v.rule == name for m in INVALID for v in check(m.document, m.before).refused)


def test_rule_names_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)
