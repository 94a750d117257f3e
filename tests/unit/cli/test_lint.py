from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from cluster.paths import REPOSITORY
from dohyo.cli import main
from dohyo.cli.reading import read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = """\
apiVersion: dohyo.dev/v1alpha1
kind: ModelDeployment
metadata:
  name: satisfaction
spec:
  champion:
    name: v12
    bento: satisfaction:v12
    image: registry.example/satisfaction:v12
"""
BAD = (
    GOOD
    + """\
  challenger:
    - name: v13
  traffic:
    retrys: 3
  stopped: true
---
"""
    + GOOD.replace("v12", "V12", 1)
)


@pytest.fixture
def lint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(text: str, *options: str) -> tuple[int, str, str]:
        (tmp_path / "ring.yaml").write_text(text)
        code = main(["lint", "-f", str(tmp_path / "ring.yaml"), *options])
        captured = capsys.readouterr()
        return code, captured.out.replace(f"{tmp_path}/", ""), captured.err

    return run


def test_a_good_file_is_fine(lint: Callable[..., tuple[int, str, str]]) -> None:
    assert lint(GOOD) == (0, "1 ModelDeployment: fine\n", "")


def test_all_remarks_have_file_line_place_and_way_out(
    lint: Callable[..., tuple[int, str, str]],
) -> None:
    code, out, _ = lint(BAD)
    assert code == 1
    assert out.splitlines() == [
        (
            "ring.yaml:10: error: spec.challenger: is no field of a ModelDeployment; "
            "did you mean challengers?"
        ),
        (
            "ring.yaml:13: error: spec.traffic.retrys: 3 is no field of a ModelDeployment; "
            "did you mean retries?"
        ),
        (
            "ring.yaml:14: warning: spec.stopped: True is not carried out by this release, which "
            "cannot stop all pods and keep the resource; the model goes on serving; delete the "
            "resource to stop it"
        ),
        (
            "ring.yaml:19: error: metadata.name: 'satisfaction' has been used above; only the last "
            "one would stay"
        ),
        (
            "ring.yaml:22: error: spec.champion.name: 'V12' is no DNS label; use at most 63 "
            "lower-case letters, digits and '-'"
        ),
        "2 ModelDeployments: 4 errors, 1 warning",
    ]


def test_remarks_for_machines(lint: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = lint(BAD, "--output", "json")
    assert code == 1
    last = json.loads(out)[-1]
    assert last.pop("file").endswith("ring.yaml")
    assert last == {
        "line": 22,
        "level": "error",
        "resource": "satisfaction",
        "path": "spec.champion.name",
        "value": "V12",
        "message": "is no DNS label",
        "wayOut": "use at most 63 lower-case letters, digits and '-'",
        "rule": "version-name",
    }


def test_warnings_alone_are_no_failure(lint: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = lint(f"{GOOD}  stopped: true\n")
    assert code == 0
    assert "1 warning" in out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            GOOD.replace("v1alpha1", "v1"),
            "ring.yaml:1: error: apiVersion: 'dohyo.dev/v1' is unknown; did you mean "
            "dohyo.dev/v1alpha1",
            id="another version",
        ),
        pytest.param(
            GOOD.replace("ModelDeployment", "ModelDeploiment"),
            "ring.yaml:2: error: kind: 'ModelDeploiment' is unknown; did you mean ModelDeployment",
            id="a typo in the kind",
        ),
        pytest.param(
            GOOD.replace("kind: ModelDeployment\n", ""),
            "ring.yaml:1: error: kind: is missing; write kind: ModelDeployment",
            id="no kind",
        ),
        pytest.param(
            f"{GOOD}  paused: true\n  paused: false\n",
            "ring.yaml:11: error: spec.paused: stands twice; remove one of them",
            id="a key twice",
        ),
        pytest.param(
            GOOD.replace("name: satisfaction", "name: 12"),
            "ring.yaml:4: error: metadata.name: 12 is a whole number and not a string; write a "
            "name, or '12' with its quotes",
            id="a name that YAML reads as a number",
        ),
        pytest.param(
            GOOD.replace("metadata:", "metadata:\n  namespace: My Shop"),
            "ring.yaml:4: error: metadata.namespace: 'My Shop' is no namespace; use at most 63 "
            "lower-case letters",
            id="no namespace",
        ),
        pytest.param("- 1\n", "ring.yaml:1: error: [1] is no ModelDeployment", id="a list"),
        pytest.param(
            f"{GOOD}  traffic: &all\n    routes: *all\n",
            "ring.yaml:1: error: it is nested too deep, or holds itself; write it without aliases",
            id="an alias of itself",
        ),
        pytest.param(
            "a: " + "[" * 5000,
            "ring.yaml:1: error: it is nested too deep",
            id="nested without end",
        ),
        pytest.param(
            "a0: &a0 [x]\n"
            + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
            "ring.yaml:1: error: it holds more than 200,000 values, aliases included; write",
            id="aliases of aliases",
        ),
        pytest.param("a: [1\n", "ring.yaml:2: error: while parsing a flow sequence", id="no YAML"),
        pytest.param(
            GOOD.replace("bento: satisfaction:v12\n", "bento: satisfaction:v12\n    "),
            "ring.yaml:",
            id="wrong indentation",
        ),
    ],
)
def test_what_else_is_wrong(
    lint: Callable[..., tuple[int, str, str]], text: str, words: str
) -> None:
    code, out, _ = lint(text)
    assert code == 1
    assert any(line.startswith(words) for line in out.splitlines()), out


def test_other_documents_are_counted(lint: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = lint(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: a}}\n---\n{GOOD}")
    assert (code, out) == (0, "1 ModelDeployment, 1 other document not looked at: fine\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "No such file or directory; a relative path", id="no file"),
        pytest.param(b"\xff\xfe\x00", "is no UTF-8 text; save it as UTF-8", id="no text"),
        pytest.param(b"", "no ModelDeployment in", id="empty"),
        pytest.param(b"apiVersion: v1\nkind: Secret\n", "no ModelDeployment in", id="others only"),
    ],
)
def test_files_that_cannot_be_linted_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, words: str
) -> None:
    path = tmp_path / "ring.yaml"
    if content is not None:
        path.write_bytes(content)
    assert main(["lint", "-f", str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dohyo: ")
    assert words in line
    assert str(path) in line


def test_a_folder_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "-f", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said == f"dohyo: cannot read {tmp_path}: Is a directory; name a file in it\n"


def test_standard_input_is_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(GOOD))
    assert main(["lint", "-f", "-"]) == 0
    assert "fine" in capsys.readouterr().out


def test_an_installation_may_allow_host_access(tmp_path: Path) -> None:
    path = tmp_path / "ring.yaml"
    path.write_text(f"{GOOD}    podTemplate:\n      spec:\n        hostNetwork: true\n")
    assert len(read([str(path)]).errors) == 1
    assert read([str(path)], allow_host_access=True).errors == ()


def test_the_examples_of_the_repository_are_fine() -> None:
    examples = REPOSITORY / "examples"
    files = [
        str(path)
        for path in examples.rglob("*.yaml")
        if "kind: ModelDeployment" in path.read_text()
    ]
    assert files
    assert [str(remark) for remark in read(files).remarks] == []


ROLLOUT = (
    GOOD
    + """\
  challengers:
    - {name: v13, bento: "satisfaction:v13", image: "registry.example/satisfaction:v13"}
  rollout:
    steps:
      - {weight: 10, for: 10m}
    gates:
      - {name: errors, metric: error-rate, margin: {ratio: 1.5}}
      - {name: quality, metric: loss, loss: zero-one}
    maxDuration: 7d
"""
)


def test_a_rollout_is_forecast(lint: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = lint(ROLLOUT)
    assert code == 0
    assert out.splitlines() == [
        (
            "satisfaction: gate errors: about 37,000 requests until it passes (both versions "
            "alike, 1 % bad)"
        ),
        (
            "satisfaction: gate quality: about 15,000 requests until it passes (a challenger "
            "better by 0.02, mean loss 0.1, every prediction with its label)"
        ),
        "1 ModelDeployment: fine",
    ]


def test_a_verdict_that_the_traffic_cannot_bring_is_a_warning(
    lint: Callable[..., tuple[int, str, str]],
) -> None:
    assert "warning" not in lint(ROLLOUT, "--rps", "10")[1]
    code, out, _ = lint(ROLLOUT, "--rps", "0.02")
    assert code == 0
    assert (
        "ring.yaml:16: warning: spec.rollout.gates[0]: 'errors' needs about 37,000 requests, and "
        "0.02 per second bring 7,000 requests within maxDuration 7d; allow a wider margin"
    ) in out


def test_nonsense_is_no_rate(lint: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = lint(ROLLOUT, "--rps", "fast")
    assert code == 1
    assert "--rps fast: is no number of requests per second" in err
