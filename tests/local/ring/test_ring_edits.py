"""What a ring makes of files: good and bad edits, folders and archives, bentos that fail."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.harness import bentos
from tests.harness.until import until
from tests.local.ring.house import KEY, NAME, a_spec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.local.ring.house import House

pytestmark = pytest.mark.timeout(120)


def test_a_broken_edit_is_told_by_line_and_field_and_changes_nothing(shared: House) -> None:
    shared.write(a_spec("one", ("two", 10)))
    shared.until_shares(one=90, two=10)
    shared.until_ready()
    before, running = shared.resource(), shared.processes()
    good = shared.file.read_text()
    line = next(n for n, text in enumerate(good.splitlines(), 1) if "weight" in text)
    for wrong, words in (
        (good.replace("weight", "wieght"), f"{line}: error: spec.challengers[0].wieght: 10 is no"),
        (good.replace("weight: 10", "weight: 400"), f"{line}: error: spec.challengers[0].weight"),
        (good.replace("service:two", "service:tow"), "did you mean service:two?"),
        (good.replace("service:two", "service:three"), "bound to its bento"),
        (good.replace("kind:", "kind"), "it is no YAML"),
    ):
        said = len(shared.said())
        shared.file.write_text(wrong)
        until("it is told", partial(_said_since, shared, said), _says(words), seconds=10)
    assert shared.resource() == before
    assert shared.processes() == running
    shared.write(a_spec("one", ("two", 30)))
    shared.until_shares(one=70, two=30)
    assert shared.processes() == running


def test_a_version_that_cannot_start_is_explained_by_its_last_words(shared: House) -> None:
    shared.write(a_spec("one", ("broken", 50)))
    until(
        "the reason is known",
        lambda: json.dumps(shared.resource()["status"]["versions"]),
        _says("this one cannot speak"),
        seconds=60,
    )
    assert shared.shares() == {"one": 100, "broken": 0}
    # What a version says is kept apart from what the others say.
    logs = shared.state / "logs" / KEY.replace("/", ".")
    said = {log.parent.name for log in logs.glob("*/*.log") if "cannot speak" in log.read_text()}
    assert said == {"broken"}
    shown = shared.command("status", NAME, "--state", str(shared.state)).stdout
    assert "this one cannot speak" in shown
    assert "0/1" in shown


def test_a_folder_and_an_archive_serve_like_a_tag(shared: House, tmp_path: Path) -> None:
    archive = tmp_path / "three.bento"
    subprocess.run(
        [sys.executable, "-m", "bentoml", "export", "service:three", str(archive), "--quiet"],
        env=bentos.surroundings(shared.home),
        check=True,
    )
    spec = a_spec("one", ("two", 30), ("three", 30))
    folder = shared.home / "bentos" / "service" / "two"
    spec["challengers"][0] |= {"name": "folder", "uri": f"file://{folder}"}
    spec["challengers"][1] |= {"name": "archive", "uri": f"file://{archive}"}
    shared.write(spec)
    shared.until_shares(one=40, folder=30, archive=30)
    shared.until_ready()


def test_commands_find_a_ring_and_its_address(shared: House) -> None:
    state = ("--state", str(shared.state))
    listed = json.loads(shared.command("get", *state, "--output", "json").stdout)
    assert [entry["name"] for entry in listed] == [NAME]
    shown = json.loads(shared.command("status", NAME, *state, "--output", "json").stdout)
    assert shown["status"]["url"] == f"http://127.0.0.1:{shared.port}/default/{NAME}"
    missed = shared.command("status", "wordz", *state)
    assert (missed.returncode, missed.stdout) == (1, "")
    assert "did you mean words?" in missed.stderr


def test_a_ring_in_the_usual_folder_is_found_by_itself(shared: House, tmp_path: Path) -> None:
    usual = tmp_path / "dohyo" / "ring"
    usual.parent.mkdir()
    usual.symlink_to(shared.state)
    found = shared.command("get", XDG_STATE_HOME=str(tmp_path))
    assert (found.returncode, NAME in found.stdout) == (0, True), found.stderr
    assert f"of the local ring ({shared.file})" in found.stderr
    asked_for = shared.command("get", "--local", XDG_STATE_HOME=str(tmp_path))
    assert (asked_for.stdout, asked_for.stderr) == (found.stdout, "")
    usual.unlink()
    none = shared.command("get", "--local", XDG_STATE_HOME=str(tmp_path))
    assert (none.returncode, f"no ring runs in {usual}" in none.stderr) == (1, True)


def test_a_plan_for_this_machine_needs_no_image(shared: House) -> None:
    shared.write(a_spec("one"))
    on_a_cluster = shared.command("lint", "-f", str(shared.file))
    assert "needs exactly one of image and uri" in on_a_cluster.stdout
    here = shared.command("plan", "-f", str(shared.file), "--local", "--output", "json")
    assert here.returncode == 0, here.stderr
    kinds = [item["kind"] for item in json.loads(here.stdout)["items"]]
    assert kinds == ["Service", "Service", "Deployment"]


def _said_since(house: House, length: int) -> str:
    return house.said()[length:]


def _says(words: str) -> Callable[[str], bool]:
    return lambda text: words in text
