"""Namespaces that live as long as a story."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tests.harness.live import Name
from tests.harness.until import until

if TYPE_CHECKING:
    from tests.harness.live import Live

PREFIX = "story-"
# Every story runs under the strictest standard that Kubernetes has for pods.
LABELS = {"pod-security.kubernetes.io/enforce": "restricted"}
SECONDS_TO_EMPTY = 150


def make(live: Live) -> str:
    """Makes an empty namespace and returns its name."""
    namespace = f"{PREFIX}{secrets.token_hex(3)}"
    live.create("Namespace", None, {"metadata": {"name": namespace, "labels": LABELS}})
    return namespace


def remove(live: Live, namespace: str) -> None:
    """Deletes a namespace and waits until it is gone with all that was in it."""
    name = Name("Namespace", namespace)
    live.delete(name)
    until(f"{namespace} is gone", lambda: live.get(name) is None, seconds=SECONDS_TO_EMPTY)


def dismiss(live: Live, namespace: str) -> None:
    """Deletes a namespace without waiting; `remove_all` waits for it."""
    live.delete(Name("Namespace", namespace))


def remove_all(live: Live) -> None:
    """Removes every namespace of a story, also of a run that was interrupted."""
    names = [item["metadata"]["name"] for item in live.listed("Namespace")]
    stories = [name for name in names if name.startswith(PREFIX)]
    for name in stories:
        dismiss(live, name)
    for name in stories:
        remove(live, name)
