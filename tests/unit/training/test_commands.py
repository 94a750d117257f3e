"""The commands of training: what they write, and how they fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pandas as pd
import pytest

from dohyo.cli.program import main as dohyo
from dohyo_training.cli import main
from dohyo_training.config import load
from dohyo_training.telling import seconds_left
from tests.unit.training.written import orders

GOOD = """\
task: {target: late, event_date: day, key: [order]}
data: {sources: [{name: orders, kind: csv, path: orders.csv}]}
output: {name: orders}
"""


def test_simulate_writes_tables_and_the_truth_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("csv", "parquet"):
        words = ["simulate", "--rows", "300", "--folder", str(tmp_path / kind), "--format", kind]
        assert main(words) == 0
        names = sorted(path.name for path in (tmp_path / kind).iterdir())
        assert names == [f"customers.{kind}", f"surveys.{kind}", f"truth.{kind}"]
    assert f"{tmp_path / 'csv' / 'surveys.csv'}: 300 rows" in capsys.readouterr().out
    text = pd.read_csv(tmp_path / "csv" / "truth.csv")
    binary = pd.read_parquet(tmp_path / "parquet" / "truth.parquet")
    pd.testing.assert_frame_equal(text, binary)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--rows", "0"], "--rows 0 is not between 1 and"),
        (["--seed", "-1"], "--seed -1 is below 0; choose"),
        (["--confounding", "nan"], "--confounding nan is not between 0 and 100"),
        (["--confounding", "inf"], "--confounding inf is not between 0 and 100"),
        (["--confounding", "-1"], "--confounding -1 is not between 0 and 100"),
    ],
)
def test_simulate_draws_nothing_from_what_makes_no_sense(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    assert main(["simulate", "--folder", str(tmp_path / "none"), *words]) == 1
    assert complaint in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_simulate_writes_over_nothing_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "customers.csv"
    own.write_text("mine")
    words = ["simulate", "--rows", "100", "--folder", str(tmp_path)]
    assert main(words) == 1
    assert f"{own} is there already; choose another folder with" in capsys.readouterr().err
    assert (own.read_text(), [*tmp_path.iterdir()]) == ("mine", [own])
    assert main([*words, "--force"]) == 0
    assert own.read_text() != "mine"


def test_compare_names_the_version_that_is_missing_by_its_role(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "store"))
    (tmp_path / "x.yaml").write_text(GOOD)
    words = ["compare", str(tmp_path / "x.yaml"), "new:1", "--champion", "old:1"]
    assert main(words) == 1
    assert "dohyo train: challenger: 'new:1' is not in the store" in capsys.readouterr().err


def test_init_writes_what_check_finds_fine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = orders().assign(refund=lambda rows: rows["late"] * 9.5)
    frame.to_csv(tmp_path / "My Orders.csv", index=False, sep=";")
    assert main(["init", str(tmp_path / "My Orders.csv"), "--target", "late"]) == 0
    place = tmp_path / "training.yaml"
    config = load(place)
    assert config.task.target == "late"
    assert config.task.event_date == "day"
    assert config.task.key == ("order",)
    assert config.columns["refund"].use == "forbidden"
    assert "copy of the target" in config.columns["refund"].reason
    assert config.output.name == "my-orders"
    assert place.read_text().count("#") > 10

    capsys.readouterr()
    assert main(["check", str(place), "--data"]) == 0
    told = capsys.readouterr().out
    assert "fine; predicts late from my-orders by linear" in told
    assert "400 rows, 3 features; late is 1 in" in told

    assert main(["init", str(tmp_path / "My Orders.csv")]) == 1
    assert "is there already; choose another with --output" in capsys.readouterr().err
    assert main(["init", str(tmp_path / "My Orders.csv"), "--force"]) == 0

    nowhere = str(tmp_path / "nowhere" / "x.yaml")
    assert main(["init", str(tmp_path / "My Orders.csv"), "--output", nowhere]) == 1
    assert f"{nowhere}: cannot be written: No such file" in capsys.readouterr().err


def test_init_guesses_the_target_of_parquet(tmp_path: Path) -> None:
    frame = orders().rename(columns={"late": "label"})
    frame[["label", "region", "amount"]].to_parquet(tmp_path / "orders.parquet")
    assert main(["init", str(tmp_path / "orders.parquet")]) == 0
    assert load(tmp_path / "training.yaml").task.target == "label"


@pytest.mark.parametrize(
    ("text", "words", "complaint"),
    [
        (GOOD.replace("key", "kee"), ["check", "x.yaml"], "x.yaml:1: task.kee: is not known"),
        (GOOD, ["check", "x.yaml", "--data"], "there is no such file; the folder holds x.yaml"),
        (GOOD, ["x.yaml"], "there is no such file; the folder holds x.yaml"),
        (GOOD, ["none.yaml"], "none.yaml:1: cannot be read: No such file or directory"),
        (f"{GOOD}kind: csv\n", ["check", "x.yaml"], "x.yaml:4: kind: is no field of this section"),
        (f"{GOOD}models: &a [*a]\n", ["check", "x.yaml"], "x.yaml:1: holds more than 200,000 val"),
        (f"{GOOD}models: {'[' * 5000}", ["check", "x.yaml"], "x.yaml:1: is nested too deep; write"),
        (GOOD, ["init", "none.csv"], "none.csv: there is no such file"),
        # It is there, and reading fails, as of a file without the right to read it.
        (GOOD, ["init", "/proc/self/mem", "-o", "n.yaml"], "/proc/self/mem: cannot be read: In"),
        (GOOD, ["init", "."], ".: is a folder; name a file in it"),
        (GOOD, ["compare", "x.yaml", "orders:2"], "no champion to compare with; name one with"),
    ],
)
def test_a_failure_is_a_sentence_and_exit_code_1(  # noqa: PLR0917 - three of them are fixtures
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    words: list[str],
    complaint: str,
) -> None:
    (tmp_path / "x.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    said = capsys.readouterr()
    assert complaint in said.err
    assert "dohyo train: " in said.err
    assert "Traceback" not in said.err
    assert "fine" not in said.out


def test_a_leak_stops_the_command_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders().assign(refund=lambda rows: rows["late"] * 9.5).to_csv(
        tmp_path / "orders.csv", index=False
    )
    (tmp_path / "x.yaml").write_text(GOOD)
    assert main([str(tmp_path / "x.yaml")]) == 1
    assert "column 'refund' is a copy of the target 'late'" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.csv", "x.yaml"]


@pytest.mark.parametrize(
    ("output", "home", "complaint"),
    [
        ("folder: orders.csv/x", "store", "output.folder: /.*orders.csv/x cannot be written to"),
        ("archive: orders.csv/x.bento", "store", "output.archive: /.*orders.csv cannot be writ"),
        ("version: v1", "orders.csv/store", "BENTOML_HOME: .*orders.csv/store cannot be written"),
    ],
)
def test_a_run_that_could_not_be_written_does_not_begin(  # noqa: PLR0917 - three are fixtures
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    output: str,
    home: str,
    complaint: str,
) -> None:
    orders().to_csv(tmp_path / "orders.csv", index=False)
    file = tmp_path / "x.yaml"
    file.write_text(GOOD.replace("{name: orders}\n", f"{{name: orders, {output}}}\n"))
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / home))
    assert main([str(file)]) == 1
    told = capsys.readouterr().err
    assert re.search(complaint, told)
    assert "gather" not in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.csv", "x.yaml"]


def test_a_full_disk_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(GOOD)
    program = Path(sys.executable).with_name("dohyo-train")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [program, "check", tmp_path / "x.yaml"],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    words = "dohyo train: the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, words)


THREADS = """
import sys
from dohyo_training.cli import main
main(["check", sys.argv[1], "--data"])
from threadpoolctl import threadpool_info
print({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"})
"""


def test_a_run_takes_one_thread_for_each_process(tmp_path: Path) -> None:
    orders().to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "x.yaml").write_text(GOOD)
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", THREADS, str(tmp_path / "x.yaml")],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "{1}"


def test_the_time_left_is_that_of_fits_not_of_the_workers_start() -> None:
    # Half a minute went by before the first fit was done; then it was two a second.
    assert seconds_left((1, 30.0), (21, 40.0), 101) == 40.0


def test_dohyo_hands_its_words_over(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("dohyo")
    words = ["simulate", "--rows", "100", "--folder", str(tmp_path)]
    done = subprocess.run([program, *words], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "truth.csv").is_file()

    words = ["train", "check", str(tmp_path / "none.yaml")]
    done = subprocess.run([program, *words], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("dohyo train: ")


def test_without_the_training_package_dohyo_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dohyo(["train", "x.yaml"]) == 1
    told = capsys.readouterr().err
    assert "dohyo-train is not installed; pip install 'dohyo[training]'" in told


def test_without_its_libraries_the_program_says_how_to_get_them(tmp_path: Path) -> None:
    """As after `pip install dohyo`: its modules and metadata are there, no library is."""
    root = Path(__file__).parents[3]
    (metadata,) = Path(sysconfig.get_path("purelib")).glob("dohyo-*.dist-info")
    shutil.copytree(metadata, tmp_path / metadata.name)
    paths = [str(tmp_path), str(root / "operator"), str(root / "training")]
    code = "from dohyo_training.cli import main; raise SystemExit(main(['check', 'x.yaml']))"
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", f"import sys; sys.path[:0] = {paths!r}; {code}"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert done.stderr.endswith("is not installed; pip install 'dohyo[training]'\n")


def test_the_reference_page_names_every_section() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/training-config.md").read_text()
    for name in ("task.treatment", "data.sources[] (kind: parquet)", "gates.guardrails"):
        assert f"\n## {name}\n" in page
