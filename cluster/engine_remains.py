"""What an ended Docker engine may leave behind: processes, mounts, bridges, packet rules."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import products, programs
from cluster.progress import wait_while

if TYPE_CHECKING:
    from collections.abc import Iterable

KILL_SECONDS = 10.0
ENGINE = "dockerd"
BEFORE = "network-before.json"
FAMILIES = ("iptables", "ip6tables")
FORWARDING = ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding")
DAEMONS = ("containerd", "docker")


def command_line(process_id: int) -> str:
    """The command of a process, arguments separated by spaces; empty if it is gone."""
    try:
        content = Path(f"/proc/{process_id}/cmdline").read_bytes()
    except OSError:
        return ""
    return content.replace(b"\0", b" ").decode(errors="replace")


def end(process_ids: Iterable[int], seconds: float) -> None:
    """Asks processes to end, and kills those that still run after `seconds`."""
    left = list(process_ids)
    _signal(left, signal.SIGTERM)
    if wait_while(lambda: _alive(left), seconds):
        _signal(left, signal.SIGKILL)
        wait_while(lambda: _alive(left), KILL_SECONDS)


def _signal(process_ids: Iterable[int], number: signal.Signals) -> None:
    for process_id in process_ids:
        try:
            os.kill(process_id, number)
        except ProcessLookupError:
            continue


def _alive(process_ids: Iterable[int]) -> str:
    """Names the processes that still have a command line (a zombie has none); empty if none has."""
    alive = [str(process_id) for process_id in process_ids if command_line(process_id)]
    return f"still running: process {', '.join(alive)}" if alive else ""


def clear(home: Path) -> None:
    """Ends what belongs to the engine in `home`, unmounts what it mounted, removes its run files.

    Called only when the engine itself does not run.
    """
    run = f"{home / 'run'}"
    end([process for process in _processes() if serves(command_line(process), run)], KILL_SECONDS)
    for mount in reversed(mounts_below(Path("/proc/self/mountinfo").read_text(), str(home))):
        programs.attempt(["umount", "--lazy", mount])
    if not mounts_below(Path("/proc/self/mountinfo").read_text(), run):
        shutil.rmtree(run, ignore_errors=True)


def serves(command: str, run: str) -> bool:
    """Whether a command line is that of a daemon of the engine with this run folder."""
    program, _, arguments = command.partition(" ")
    return Path(program).name.startswith(DAEMONS) and run in arguments


def _processes() -> list[int]:
    own = os.getpid()
    found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [process_id for process_id in found if process_id != own]


def mounts_below(mount_table: str, folder: str) -> list[str]:
    """The mount points below a folder, in the order of mounting, from a `mountinfo` text."""
    points = [line.split()[4] for line in mount_table.splitlines()]
    return [
        point.encode().decode("unicode_escape")
        for point in points
        if point == folder or point.startswith(f"{folder}/")
    ]


def remember_network(home: Path) -> None:
    """Keeps what Docker changes for the whole machine; a crash before the clearing keeps it too."""
    before = home / BEFORE
    if before.exists():
        return
    policies = {family: forward_policy(_saved(family, "filter")) for family in FAMILIES}
    forwarding = {
        name: Path(name).read_text().strip() for name in FORWARDING if Path(name).exists()
    }
    content = json.dumps({"policies": policies, "forwarding": forwarding})
    with products.file_in_making(before) as unfinished:
        unfinished.write_text(content, encoding="utf-8")


def forward_policy(saved: str) -> str:
    """The policy of the chain FORWARD in a saved filter table; a table not in use accepts."""
    for line in saved.splitlines():
        if line.startswith(":FORWARD "):
            return line.split()[1]
    return "ACCEPT"


def _saved(family: str, table: str) -> str:
    return programs.attempt([f"{family}-save", "-t", table]).stdout


def clear_network(home: Path) -> None:
    """Removes Docker's bridge and packet rules, unless another engine still needs them."""
    if any(Path(command_line(process).split(" ")[0]).name == ENGINE for process in _processes()):
        return
    for bridge in Path("/sys/class/net").glob("docker0"):
        programs.attempt(["ip", "link", "delete", bridge.name])
    for family in FAMILIES:
        for table in ("nat", "filter"):
            for rule in rules_to_remove(_saved(family, table)):
                programs.attempt([family, "-t", table, *rule])
    before = home / BEFORE
    if not before.exists():
        return
    remembered = json.loads(before.read_text(encoding="utf-8"))
    for family, policy in remembered["policies"].items():
        programs.attempt([family, "-P", "FORWARD", policy])
    for name, value in remembered["forwarding"].items():
        Path(name).write_text(value, encoding="ascii")
    before.unlink()


def rules_to_remove(saved: str) -> list[list[str]]:
    """The arguments that take Docker's own rules and chains out of a saved packet filter table.

    Rules first (they refer to the chains), then the emptied chains.
    """
    chains = [line[1:].split()[0] for line in saved.splitlines() if line.startswith(":DOCKER")]
    removals = []
    for line in saved.splitlines():
        words = line.split()
        if words[:1] != ["-A"]:
            continue
        target = words[words.index("-j") + 1] if "-j" in words else ""
        if target in chains or words[1] in chains or "docker0" in words:
            removals.append(["-D", *words[1:]])
    return [*removals, *(["-X", chain] for chain in chains)]
