"""`dohyo-serve DIR|TAG`: one bento in one process.

`bentoml serve` keeps a supervisor that imports the whole service a second time and holds the
listening socket after SIGTERM, so that new connections hang. Here the process that listens is
the process that predicts: it refuses new connections at once and finishes what it has accepted.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from dohyo.contract import BENTO_HTTP_PORT
from dohyo_serving.errors import ServingError
from dohyo_serving.settings import GRPC_HOST, GRPC_PORT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

TERMINATED_EXIT_CODE = 128 + signal.SIGTERM


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Serves until SIGTERM; exit code 0 after a clean end, 1 with one line of explanation."""
    chosen = _parser().parse_args(arguments)
    # Process 1 of a container ignores SIGTERM unless it says otherwise, and nothing is lost yet.
    signal.signal(signal.SIGTERM, _end_while_loading)
    try:
        if chosen.show_digest:
            _show_digest(chosen.bento)
        _check_options(chosen)
        _prepare_environment()
        _choose_grpc_address(chosen)
        listener = bind(chosen.host, chosen.port)
        # Late, because BentoML reads its environment on import.
        from dohyo_serving import bento, server  # noqa: PLC0415

        demands = bento.Demands(chosen.digest, other_libraries=chosen.warn)
        entrance = bento.load(chosen.bento, demands)
        server.serve(entrance, listener, server.Limits(chosen.grace, chosen.keep_alive))
    except ServingError as error:
        if chosen.debug:
            raise
        sys.exit(f"dohyo-serve: {error}")
    sys.exit(0)


def bind(host: str | None, port: int) -> socket.socket:
    """Takes the port before the model loads, and listens only afterwards.

    No host means every address, IPv4 and IPv6 alike.

    Raises:
        ServingError: the address is taken or not ours.
    """
    dual_stack = host is None and socket.has_dualstack_ipv6()
    address = host or ("::" if dual_stack else "0.0.0.0")  # noqa: S104 - a pod serves its network
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if dual_stack:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        way_out = "name an address of this machine with --host"
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            way_out = "end the program that holds it or choose another with --port"
        raise ServingError(
            f"port {port} on {address} cannot be taken: {error.strerror}; {way_out}"
        ) from error
    return listener


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dohyo-serve", description="Serves one bento over HTTP in a single process."
    )
    parser.add_argument("bento", help="a bento's folder, or a tag in the store ($BENTOML_HOME)")
    parser.add_argument("--host", help="address to listen on (default: all)")
    parser.add_argument("--port", type=int, default=BENTO_HTTP_PORT, help="default: %(default)s")
    parser.add_argument(
        "--grace",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="for accepted requests to finish after SIGTERM (default: %(default)s)",
    )
    parser.add_argument(
        "--keep-alive",
        type=int,
        default=75,
        metavar="SECONDS",
        help="before an idle connection is closed (default: %(default)s)",
    )
    parser.add_argument(
        "--grpc-port",
        metavar="PORT",
        help="where gRPC is answered, or `off` (default: the port after --port)",
    )
    parser.add_argument(
        "--warn",
        action="store_true",
        help="only warn when the bento was built for other libraries than are here",
    )
    parser.add_argument(
        "--digest", metavar="SHA256", help="refuse a bento whose folder has another digest"
    )
    parser.add_argument(
        "--show-digest", action="store_true", help="print the digest of a bento's folder and end"
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks of start-up errors")
    return parser


def _check_options(chosen: argparse.Namespace) -> None:
    """What the parser lets pass.

    Raises:
        ServingError: names the option, its value and what is allowed.
    """
    for name, value, most in (
        ("--port", chosen.port, 65_535),
        ("--grace", chosen.grace, 86_400),
        ("--keep-alive", chosen.keep_alive, 86_400),
    ):
        if not 0 <= value <= most:
            raise ServingError(f"{name} {value:g}: choose 0 to {most}")
    if chosen.digest is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}", chosen.digest):
        raise ServingError(
            f"--digest {chosen.digest}: no digest; write sha256: and 64 hexadecimal digits, "
            "as --show-digest prints them"
        )


def _prepare_environment() -> None:
    """Settles what BentoML and its metrics read from the environment when they are imported.

    Raises:
        ServingError: BENTOML_HOME is not writable.
    """
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    # One process counts in memory. Counter files are for several, and outlive their writers.
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    home = os.path.expanduser(os.environ.get("BENTOML_HOME") or "~/bentoml")  # noqa: PTH111
    try:
        os.makedirs(home, exist_ok=True)  # noqa: PTH103
        writable = os.access(home, os.W_OK | os.X_OK)
    except OSError:
        writable = False
    if not writable:
        raise ServingError(
            f"BENTOML_HOME {home} is not a folder that user {os.getuid()} can write: "
            "mount an emptyDir there or name another folder"
        )


def _choose_grpc_address(chosen: argparse.Namespace) -> None:
    """Tells the endpoint, which a bento's own code makes, where it is to answer gRPC.

    Raises:
        ServingError: the port is none.
    """
    port = chosen.grpc_port
    if port is None:
        # So that two bentos on one machine, at ports of their own, do not meet.
        port = str(chosen.port + 1 if 0 < chosen.port < 65_535 else 0)
    if port != "off" and not (port.isdigit() and int(port) < 65_536):
        raise ServingError(f"--grpc-port {port}: choose 0 to 65535, or off")
    os.environ[GRPC_PORT] = port
    os.environ[GRPC_HOST] = chosen.host or ""


def _show_digest(folder: str) -> NoReturn:
    from dohyo_serving import digest  # noqa: PLC0415 - no other start needs it so early

    if not Path(folder).is_dir():
        raise ServingError(f"{folder}: no folder; a digest is that of a bento's folder")
    print(digest.of_folder(Path(folder)))
    sys.exit(0)


def _end_while_loading(_signal: int, _frame: FrameType | None) -> NoReturn:
    os._exit(TERMINATED_EXIT_CODE)


if __name__ == "__main__":
    main()
