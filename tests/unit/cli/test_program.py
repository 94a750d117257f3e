from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

from dohyo.cli import main
from dohyo.cli.listing import line_of
from dohyo.cli.program import parser
from dohyo.cli.standing import age, described
from dohyo.cli.tables import table

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def a_resource(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "satisfaction", "namespace": "shop", "generation": 2},
        "spec": {},
        "status": status,
    }


RUNNING = a_resource(
    observedGeneration=2,
    url="http://satisfaction.shop",
    champion="v12",
    versions=[
        {
            "name": "v12",
            "role": "champion",
            "bento": "satisfaction:v12",
            "weight": 99.5,
            "replicas": 2,
            "readyReplicas": 2,
            "state": "Ready",
        },
        {
            "name": "v13",
            "role": "challenger",
            "bento": "satisfaction:v13",
            "weight": 0.5,
            "replicas": 1,
            "state": "Failed",
            "reason": "ImagePullBackOff",
            "message": "no such image\nin the registry",
        },
    ],
    conditions=[
        {
            "type": "Ready",
            "status": "False",
            "observedGeneration": 2,
            "lastTransitionTime": "2026-11-22T11:00:00Z",
            "reason": "ImageNotAvailable",
            "message": "v13: no such image",
        }
    ],
)


def test_the_standing_says_who_serves_what_and_why_not() -> None:
    assert list(described(RUNNING, NOON)) == [
        "satisfaction in shop: not ready (ImageNotAvailable: v13: no such image)",
        "answers at http://satisfaction.shop",
        "",
        (
            "VERSION   ROLE         SHARE    READY   STATE    BENTO              WHY\n"
            "v12       champion     99.5 %   2/2     Ready    satisfaction:v12   -\n"
            "v13       challenger   0.5 %    0/1     Failed   satisfaction:v13   "
            "ImagePullBackOff: no such image in the registry"
        ),
        "",
        (
            "CONDITION   STATUS   FOR   REASON              MESSAGE\n"
            "Ready       False    60m   ImageNotAvailable   v13: no such image"
        ),
    ]


def test_a_standing_that_is_behind_the_spec_says_so() -> None:
    behind = a_resource(**{**RUNNING["status"], "observedGeneration": 1})
    assert "at generation 2, what follows speaks of 1" in list(described(behind, NOON))[2]


def test_what_the_operator_has_not_seen_is_told() -> None:
    assert list(described(a_resource(), NOON)) == [
        "satisfaction in shop: the operator has not looked at it yet; is it running?"
    ]
    assert line_of(a_resource()).reason == "NotSeenYet"


def test_the_line_of_a_list() -> None:
    assert line_of(RUNNING).cells() == (
        "shop",
        "satisfaction",
        "v12",
        "v13",
        "0.5",
        "False",
        "ImageNotAvailable",
        "v13: no such image",
    )


def test_a_status_that_somebody_spoilt_is_told() -> None:
    assert line_of(a_resource(versions=3)).reason == "StatusUnreadable"


def test_tables_are_aligned_and_show_what_is_empty() -> None:
    assert table(("A", "LONG"), [("xyz", ""), ("x", "1\n2")]) == "A     LONG\nxyz   -\nx     1 2"


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=-3), "0s"),
        (timedelta(seconds=119), "119s"),
        (timedelta(minutes=2), "2m"),
        (timedelta(minutes=119), "119m"),
        (timedelta(hours=5), "5h"),
        (timedelta(days=9), "9d"),
    ],
)
def test_ages(ago: timedelta, words: str) -> None:
    stamp = (NOON - ago).isoformat().replace("+00:00", "Z")
    assert age(stamp, NOON) == words


def test_the_definitions_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crd"]) == 0
    printed = yaml.safe_load_all(capsys.readouterr().out)
    names = [document["metadata"]["name"] for document in printed]
    assert names == ["modeldeployments.dohyo.dev", "batchpredictions.dohyo.dev"]


@pytest.mark.parametrize("arguments", [[], ["fight"], ["lint"], ["status"], ["get", "-o", "xml"]])
def test_wrong_usage_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: dohyo" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("plan -f x --namespace Shop", "-n/--namespace: 'Shop' is no namespace; use at most 63"),
        ("up x -n=", "-n/--namespace: '' is no namespace"),
        ("batch -f x -n a/b", "-n/--namespace: 'a/b' is no namespace"),
        ("get -n a_b", "-n/--namespace: 'a_b' is no namespace"),
        ("plan -f x --gateway-namespace=", "--gateway-namespace: '' is no namespace"),
        ("plan -f x --cluster-domain=.", "--cluster-domain: '.' is no domain; write for instance"),
        ("plan -f x --runtime-image=", "--runtime-image: '' is no image; write for instance"),
        ("image m:v1 --tag Bad:v1", "-t/--tag: 'Bad:v1' is no image; write for instance"),
        ("lint -f=", "-f/--file/--filename: '' names no file"),
        ("status a/status", "NAME: 'a/status' is no name; `dohyo get` lists"),
        ("promote a --timeout nan", "--timeout: 'nan' is no number of seconds; write for instance"),
        ("promote a --timeout -1", "--timeout: '-1' is no number of seconds"),
        ("batch -f x --parallelism 0", "--parallelism: '0' is no number of processes; choose"),
        ("batch -f x --run=", "--run: '' names no run; use letters"),
        ("batch -f x --run ..", "--run: '..' names no run; use letters"),
        ("promot a", "; did you mean promote?"),
        ("get -o jsn", "; did you mean json?"),
    ],
)
def test_a_word_that_makes_no_sense_is_told_with_the_way_out(
    arguments: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""


def test_no_challenger_is_not_the_only_challenger() -> None:
    """As where a variable of a script is not set."""
    with pytest.raises(SystemExit):
        main(["promote", "satisfaction", ""])


@pytest.mark.parametrize(
    "image",
    [
        "dohyo/runtime:0.1.0",
        "registry.example:5000/Team".lower() + "/m_odel:V12",
        f"m@sha256:{'0' * 64}",
        "localhost/a--b/c.d:1",
        "MyRegistry.example/m",
    ],
)
def test_every_form_of_an_image_is_taken(image: str) -> None:
    assert parser().parse_args(["image", "m:v1", "--tag", image]).tag == image


def test_the_program_names_itself_as_it_was_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/kubectl-dohyo"])
    assert main(["lint", "-f", "/no/such/file"]) == 1
    assert capsys.readouterr().err.startswith("kubectl dohyo: cannot read /no/such/file: No such")


def ran(*arguments: str, stdout: int | IO[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dohyo.cli", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
        text=True,
    )


def test_words_are_understood_before_any_library_is_there() -> None:
    """Help, a typing error and Ctrl-C need not wait for what a command brings in."""
    code = "import sys, dohyo.cli; sys.exit('pydantic' in sys.modules or 'yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0


def test_a_reader_who_has_enough_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = ran("crd", stdout=writing)
    os.close(writing)
    assert ended.stderr == ""
    assert ended.returncode == 1


def test_a_full_disk_is_told_in_a_line() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = ran("crd", stdout=full)
    words = "dohyo: the output cannot be written: No space left on device\n"
    assert (ended.returncode, ended.stderr) == (1, words)


def test_without_any_output_there_is_no_error() -> None:
    ended = subprocess.run(
        ["sh", "-c", '"$0" -m dohyo.cli crd >&-', sys.executable],
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
        text=True,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "there is no file", id="no file"),
        pytest.param("", "config is no kubeconfig; set", id="empty"),
        pytest.param("a: [", "config is no kubeconfig; set", id="no YAML"),
        pytest.param("current-context: a\ncontexts: []\n", "no cluster", id="no context"),
        pytest.param("- 1\n", "config is no kubeconfig; set", id="a list"),
    ],
)
def test_without_a_cluster_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, words: str
) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)
    assert main(["get", "--kubeconfig", str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dohyo: no cluster: ")
    assert words in line
    assert "KUBECONFIG" in line


def test_a_command_without_its_packages_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    monkeypatch.delitem(sys.modules, "dohyo.cli.up", raising=False)
    assert main(["up", "ring.yaml"]) == 1
    assert "needs the package watchfiles; install 'dohyo[local]'" in capsys.readouterr().err


def test_a_port_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "ring.yaml", "--port", "70000"]) == 1
    assert "--port 70000 is no port" in capsys.readouterr().err
