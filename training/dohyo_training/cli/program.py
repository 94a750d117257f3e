"""The command line of training: its words, and how errors are told."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dohyo.contract.output import tell_unwritten
from dohyo_training.complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FAILED: Final = 1
_INTERRUPTED: Final = 130
_TERMINATED: Final = 143
_COMMANDS: Final = ("check", "compare", "init", "run", "simulate")


class TerminatedError(KeyboardInterrupt):
    """Somebody asked for the end: what Ctrl-C cleans up is cleaned up here as well."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] not in _COMMANDS and not words[0].startswith("-"):
        words.insert(0, "run")
    parsed = parser().parse_args(words)
    # Both are read when the libraries are imported. Threads of one fit wait for each other by
    # spinning: where other work wants the cores too, two of them cost ten times the one.
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        with _ended_by_sigterm():
            code: int = _command_of(parsed.module).run(parsed)
        if sys.stdout is not None:
            sys.stdout.flush()
    except Complaint as complaint:
        print(f"dohyo train: {complaint}", file=sys.stderr)
        return _FAILED
    except MemoryError:
        print(
            "dohyo train: out of memory; lower data.memory, read fewer columns, or give it more",
            file=sys.stderr,
        )
        return _FAILED
    except TerminatedError:
        print("dohyo train: terminated; nothing half-written stays", file=sys.stderr)
        return _TERMINATED
    except KeyboardInterrupt:
        print("dohyo train: interrupted; nothing half-written stays", file=sys.stderr)
        return _INTERRUPTED
    except OSError as error:
        tell_unwritten(error, "dohyo train")
        return _FAILED
    return code


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """A container's first process that does not listen would be killed after half a minute."""

    def ask(*_: object) -> None:
        raise TerminatedError

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _command_of(module: str) -> Any:
    """Each command brings its own imports, so that `simulate` need not wait for BentoML.

    Raises:
        Complaint: a library is missing; the operator's wheel has this program without them.
    """
    try:
        return importlib.import_module(f"dohyo_training.cli.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("dohyo"):
            raise
        raise Complaint(f"{error.name} is not installed; pip install 'dohyo[training]'") from None


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    top = argparse.ArgumentParser(
        prog="dohyo train",
        description="From raw data to a version of a bento. `dohyo train CONFIG` runs the whole "
        "way.",
    )
    top.add_argument("--version", action="version", version=f"dohyo {version('dohyo')}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands)
    _add_init(commands)
    _add_check(commands)
    _add_compare(commands)
    _add_simulate(commands)
    return top


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001


def _command(commands: Commands, name: str, module: str, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(module=module)
    return command


def _add_run(commands: Commands) -> None:
    text = "Gather, analyse, select, build, assess, export and package; the word may be left out."
    command = _command(commands, "run", "running", text)
    _add_config(command)
    command.add_argument("--quiet", action="store_true", help="say only what came out")


def _add_init(commands: Commands) -> None:
    text = "Write a commented configuration from a data file."
    command = _command(commands, "init", "starting", text)
    command.add_argument("data", metavar="DATA", help="a CSV or Parquet file")
    command.add_argument("--target", help="the column to predict (default: guessed by its name)")
    command.add_argument("--name", help="of the bento (default: that of the file)")
    command.add_argument(
        "-o", "--output", type=Path, help="the file to write (default: training.yaml beside DATA)"
    )
    command.add_argument("--force", action="store_true", help="write over a file that is there")


def _add_check(commands: Commands) -> None:
    text = "Say all that is wrong with a configuration, without training."
    command = _command(commands, "check", "checking", text)
    _add_config(command)
    command.add_argument(
        "--data", action="store_true", help="read the sources and look for leaks as well"
    )


def _add_compare(commands: Commands) -> None:
    text = "Compare two versions of the store on the same rows; the exit code is the verdict."
    command = _command(commands, "compare", "comparing", text)
    _add_config(command)
    command.add_argument("challenger", metavar="TAG", help="of the bento that wants the ring")
    command.add_argument(
        "--champion", metavar="TAG", help="(default: `champion` of the configuration)"
    )


def _add_simulate(commands: Commands) -> None:
    text = "Write the tables of the simulator: surveys, customers, and the truth in its own file."
    command = _command(commands, "simulate", "simulating", text)
    command.add_argument("--folder", type=Path, default=Path(), help="(default: the present one)")
    command.add_argument("--rows", type=int, default=50_000, help="surveys (default: %(default)s)")
    command.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    command.add_argument(
        "--treatment",
        choices=("randomised", "chosen"),
        default="randomised",
        help="who gets the courtesy call (default: %(default)s)",
    )
    command.add_argument(
        "--confounding",
        type=float,
        default=1.0,
        help="how strongly a choice follows the look, 0 not at all (default: %(default)s)",
    )
    command.add_argument("--format", choices=("csv", "parquet"), default="csv")
    command.add_argument("--force", action="store_true", help="write over tables that are there")


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument("config", metavar="CONFIG", type=Path, help="a file of YAML")
