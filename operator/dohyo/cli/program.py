"""The command line: its words, and how errors are told."""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from dohyo.api.guessing import nearest
from dohyo.cli import arguments as words
from dohyo.cli.complaint import Complaint
from dohyo.cli.training import HANDED_OVER
from dohyo.contract import GATEWAY_PORT
from dohyo.contract.output import tell_unwritten

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAILED: Final = 1
_INTERRUPTED: Final = 130
# Commands of the training package, which is found when it is asked for.
_ELSEWHERE: Final = {
    "train": "Train a version from raw data; `dohyo train --help` says more.",
    "simulate": "Write tables of simulated customers, with a known truth.",
}
# What brings the packages of a command; those of all others come with the operator's.
_EXTRAS: Final = {"up": "local", "batch": "batch"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``dohyo`` and ``kubectl-dohyo``; the exit code."""
    # Each command brings its own imports, so that `lint` need not wait for a client of clusters.
    try:
        parsed = _parsed(list(sys.argv[1:] if arguments is None else arguments))
        command = importlib.import_module(parsed.module)
        code: int = command.run(parsed)
        if sys.stdout is not None:
            sys.stdout.flush()
    except Complaint as complaint:
        print(f"{_name()}: {complaint}", file=sys.stderr)
        return _FAILED
    except ModuleNotFoundError as missing:
        print(f"{_name()}: {_not_installed(parsed.module, missing)}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        tell_unwritten(error, _name())
        return _FAILED
    return code


def _parsed(given: list[str]) -> argparse.Namespace:
    if given and given[0] in HANDED_OVER:
        return argparse.Namespace(module="dohyo.cli.training", words=given)
    return parser().parse_args(given)


class _Parser(argparse.ArgumentParser):
    """Says also which word was most likely meant."""

    def error(self, message: str) -> NoReturn:
        wrong = re.match(r".*invalid choice: '([^']*)' \(choose from (.*)\)", message)
        meant = nearest(wrong[1], re.findall(r"[\w-]+", wrong[2])) if wrong else None
        super().error(f"{message}; did you mean {meant}?" if meant else message)


def _not_installed(module: str, missing: ModuleNotFoundError) -> str:
    """What a user is told who has installed less than a command needs."""
    if missing.name is None or missing.name.partition(".")[0] == "dohyo":
        raise missing
    extra = _EXTRAS.get(module.rpartition(".")[2], "operator")
    return f"this needs the package {missing.name}; install 'dohyo[{extra}]'"


def _name() -> str:
    called = Path(sys.argv[0]).name
    return "kubectl dohyo" if called.startswith("kubectl") else "dohyo"


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    top = _Parser(
        prog=_name(), description="A champion serves a model, challengers try to beat it."
    )
    top.add_argument("--version", action="version", version=f"dohyo {version('dohyo')}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    _add_crd(commands)
    _add_lint(commands)
    _add_plan(commands)
    _add_image(commands)
    _add_get(commands)
    _add_status(commands)
    _add_up(commands)
    _add_batch(commands)
    _add_history(commands)
    _add_orders(commands)
    for name, text in _ELSEWHERE.items():
        commands.add_parser(name, help=text, add_help=False)
    return top


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["_Parser"]  # noqa: SLF001


def _command(commands: Commands, name: str, module: str, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(module=f"dohyo.cli.{module}")
    return command


def _add_crd(commands: Commands) -> None:
    text = "Print the CustomResourceDefinition, for kubectl apply --server-side -f -."
    _command(commands, "crd", "definition", text)


def _add_lint(commands: Commands) -> None:
    text = "Say all that is wrong with files, without a cluster."
    command = _command(commands, "lint", "lint", text)
    _add_checked_files(command)
    command.add_argument(
        "--rps",
        metavar="NUMBER",
        help="requests per second that the model gets: warn of gates that cannot be answered",
    )
    _add_output(command, "text", "json")


def _add_plan(commands: Commands) -> None:
    text = "Print the objects that files would become in an empty cluster."
    command = _command(commands, "plan", "plan", text)
    _add_checked_files(command)
    _add_output(command, "yaml", "json")
    command.add_argument(
        "-n",
        "--namespace",
        type=words.namespace,
        help="for resources that name none (default: default)",
    )
    command.add_argument(
        "--gateway-namespace",
        type=words.namespace,
        default="dohyo-system",
        help="where the gateway runs (%(default)s)",
    )
    command.add_argument(
        "--cluster-domain",
        type=words.domain,
        default="cluster.local",
        help="of the cluster's DNS (%(default)s)",
    )
    _add_runtime(command, "that runs what a uri leads to")


def _add_image(commands: Commands) -> None:
    text = "Make a thin image of a bento: the runtime image and one layer."
    command = _command(commands, "image", "image", text)
    command.add_argument(
        "bento",
        metavar="BENTO",
        type=words.file,
        help="a tag of the store, a bento's folder, or an exported bento",
    )
    command.add_argument(
        "-t", "--tag", type=words.image, help="the image's reference (default: the bento's tag)"
    )
    command.add_argument("--push", action="store_true", help="to the registry that its name says")
    command.add_argument(
        "--engine", choices=("docker", "buildah"), help="(default: whichever is there)"
    )
    _add_runtime(command, "that the layer is put on")
    _add_output(command, "text", "json")


def _add_runtime(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument(
        "--runtime-image",
        type=words.image,
        default=f"dohyo/runtime:{version('dohyo')}",
        metavar="IMAGE",
        help=f"{text} (%(default)s)",
    )


def _add_get(commands: Commands) -> None:
    text = "List ModelDeployments: who serves what share, and whether all is well."
    command = _command(commands, "get", "listing", text)
    _add_cluster(command)
    command.add_argument(
        "-A", "--all-namespaces", action="store_true", help="those of every namespace"
    )


def _add_status(commands: Commands) -> None:
    text = "Show one ModelDeployment: who serves what, how many pods, and why not."
    command = _command(commands, "status", "standing", text)
    _add_name(command)
    _add_cluster(command)


def _add_up(commands: Commands) -> None:
    text = "Run ModelDeployments on this machine, without a cluster, and follow their files."
    command = _command(commands, "up", "up", text)
    command.add_argument(
        "files", metavar="FILE", nargs="+", type=words.file, help="of YAML or JSON documents"
    )
    _add_namespace(command)
    command.add_argument(
        "-p", "--port", type=int, default=GATEWAY_PORT, help="of all requests (%(default)s)"
    )
    command.add_argument(
        "--fresh", action="store_true", help="forget what former rings of this folder have decided"
    )
    command.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="of ring.log in the state folder (%(default)s)",
    )
    _add_state(command)


def _add_batch(commands: Commands) -> None:
    text = "Score a data set on this machine, as a BatchPrediction says, and report on it."
    command = _command(commands, "batch", "batch", text)
    _add_files(command, "with the BatchPrediction and its ModelDeployment")
    _add_namespace(command)
    command.add_argument(
        "--run", type=words.run, help="its name; an unfinished one goes on (default: the time)"
    )
    command.add_argument(
        "--parallelism",
        type=words.processes,
        help="processes (default: the spec's, at most one for each core)",
    )
    command.add_argument(
        "--bento",
        action="append",
        metavar="VERSION=TAG",
        help="which bento a version is, by tag or folder, where no ModelDeployment says so",
    )
    command.add_argument("--evidence-url", metavar="URL", help="where drift counts are told")
    _add_output(command, "text", "json")


def _add_namespace(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-n",
        "--namespace",
        type=words.namespace,
        default="default",
        help="for resources that name none (%(default)s)",
    )


def _add_name(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", type=words.name, help="of the ModelDeployment")


def _add_state(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--state", metavar="FOLDER", help="of the local ring (default: ~/.local/state/dohyo/ring)"
    )


def _add_local(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument("--local", action="store_true", help=text)


def _add_history(commands: Commands) -> None:
    text = "Show the bouts of one ModelDeployment that are over, and what decided them."
    command = _command(commands, "history", "history", text)
    _add_name(command)
    _add_cluster(command)


# What each manual action does, and whether it may name a challenger.
_ORDERS: Final = (
    ("promote", "Make a challenger the champion now, whatever its gates say.", True),
    ("abort", "Take a challenger out of the ring.", True),
    ("pause", "Hold every rollout where it is; a failed gate still counts.", False),
    ("resume", "Go on after a pause; promotes whoever has passed and waits for it.", False),
    ("undo", "Let the champion before the last promotion serve again.", False),
    ("retry", "Give a challenger that is out a new trial.", True),
)


def _add_orders(commands: Commands) -> None:
    for action, text, names in _ORDERS:
        command = _command(commands, action, "orders", text)
        command.set_defaults(action=action, challenger=None)
        _add_name(command)
        if names:
            command.add_argument(
                "challenger",
                metavar="CHALLENGER",
                type=words.name,
                nargs="?",
                help="a version (default: the only one there is)",
            )
        _add_cluster(command)
        command.add_argument(
            "--timeout",
            type=words.seconds,
            default=30.0,
            metavar="SECONDS",
            help="how long to wait for the operator's answer (default: %(default)g)",
        )


def _add_files(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument(
        "-f",
        "--file",
        "--filename",
        action="append",
        required=True,
        type=words.file,
        dest="files",
        metavar="FILE",
        help=f"{text}, or - for standard input; may be repeated",
    )


def _add_checked_files(command: argparse.ArgumentParser) -> None:
    _add_local(command, "for this machine: find each version's bento as `dohyo up` does")
    _add_files(command, "a file of YAML or JSON documents")
    command.add_argument(
        "--allow-host-access",
        action="store_true",
        help="check pod templates as an installation with allowHostAccess does",
    )


def _add_cluster(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-n", "--namespace", type=words.namespace, help="(default: that of the context)"
    )
    command.add_argument("--context", help="of the kubeconfig (default: its current one)")
    command.add_argument("--kubeconfig", help="a file (default: $KUBECONFIG, ~/.kube/config)")
    _add_local(command, "ask the ring that `dohyo up` runs on this machine")
    _add_state(command)
    _add_output(command, "text", "json")


def _add_output(command: argparse.ArgumentParser, *forms: str) -> None:
    command.add_argument(
        "-o", "--output", choices=forms, default=forms[0], help="form (default: %(default)s)"
    )
