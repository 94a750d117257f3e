"""`make demo`: two bentos, a ring of processes on this machine, and traffic that knows the truth.

Progress goes to standard error; the outcome, as a table or as JSON, to standard output.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.live import Live

from cluster.errors import ClusterError
from cluster.paths import REPOSITORY
from cluster.progress import duration, say, step
from examples.demo import satisfaction, scoreboard, tumours
from examples.demo.local_ring import LocalRing, a_port
from examples.demo.story import BETTER, SATISFACTION, TUMOURS, WORSE
from examples.demo.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from examples.demo.scoreboard import Score
    from examples.demo.story import Story

BUILD: Final = REPOSITORY / "build" / "demo"
HOME: Final = BUILD / "bentoml"
STORIES: Final[Mapping[str, Callable[[str, Path], Story]]] = {
    TUMOURS: tumours.story,
    SATISFACTION: satisfaction.story,
}
# After the decision, so that the last table shows who serves now.
_AFTERMATH_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 1.0
_TELL_SECONDS: Final = 5.0
_PLAIN_WIDTH: Final = 110
NEXT: Final = """
What to try next:
  export BENTOML_HOME=$PWD/build/demo/bentoml
  .venv/bin/dohyo up {file}       # the same ring, until Ctrl-C; edit the file and save it
  .venv/bin/dohyo status {model}                  # in another terminal
  make demo STORY={story} TRUTH={other}     # the other way round
  make demo STORY={elsewhere}               # another story
  make demo CLUSTER=1                       # on a Kubernetes cluster of its own"""


@dataclass(frozen=True)
class Bout:
    """What is to be shown.

    Attributes:
        story: one of STORIES.
        truth: better or worse: what the challenger really is.
        seconds: of traffic at most; None for what the story takes.
    """

    story: str
    truth: str
    seconds: float | None = None


def demonstrate(bout: Bout, *, as_json: bool) -> int:
    """Makes, runs and tells; the exit code."""
    began = time.monotonic()
    stages: dict[str, float] = {}
    try:
        HOME.mkdir(parents=True, exist_ok=True)
        story = STORIES[bout.story](bout.truth, HOME)
        stages["models"] = time.monotonic() - began
        ring = LocalRing(story, BUILD / "ring.yaml", BUILD / "state", a_port(), HOME)
        ring.write()
        found, over = fought(ring, bout.seconds or story.seconds, stages)
    except ClusterError as error:
        say(f"demo: {error}")
        return 1
    stages["whole"] = time.monotonic() - began
    if as_json:
        told = {
            "story": bout.story,
            "truth": bout.truth,
            "heldOut": story.held_out,
            "stages": stages,
            "versions": [score.as_raw() for score in found],
            "bout": over,
        }
        print(json.dumps(told, indent=2))
    else:
        console = Console(soft_wrap=True)
        if not console.is_terminal:
            console.width = _PLAIN_WIDTH
        console.print(scoreboard.table(found, "What happened"))
        console.print(conclusion(found, story, over), highlight=False)
        console.print(following(bout, ring), highlight=False)
    say("\ndemo: " + ", ".join(f"{name} {duration(took)}" for name, took in stages.items()))
    return 1 if any(score.errors for score in found) else 0


def following(bout: Bout, ring: LocalRing) -> str:
    """What may be tried after it."""
    return NEXT.format(
        file=ring.file.relative_to(REPOSITORY),
        model=ring.story.model,
        story=bout.story,
        other=BETTER if bout.truth == WORSE else WORSE,
        elsewhere=next(name for name in STORIES if name != bout.story),
    )


def fought(
    ring: LocalRing, seconds: float, stages: dict[str, float]
) -> tuple[list[Score], dict[str, Any]]:
    """The ring from its first answer to its end: the scores, and how the bout ended if it did."""
    began = time.monotonic()
    with step(f"start a ring of processes: dohyo up {ring.file.name}, to its first answer", 10):
        ring.start()
    stages["first answer"] = time.monotonic() - began
    try:
        asyncio.run(ring.ready())
        stages["all ready"] = time.monotonic() - began
        began = time.monotonic()
        pace = f"{ring.story.per_second:g} requests a second"
        say(f"    {pace} to {ring.url}, at most {seconds:g} s")
        found = asyncio.run(_watched(ring, seconds))
        stages["traffic"] = time.monotonic() - began
    finally:
        began = time.monotonic()
        ring.end()
        stages["end"] = time.monotonic() - began
    return found


async def _watched(ring: LocalRing, seconds: float) -> tuple[list[Score], dict[str, Any]]:
    traffic, enough = Traffic(ring.url, ring.story), asyncio.Event()
    asking = asyncio.create_task(traffic.run(seconds, enough))
    telling = asyncio.create_task(traffic.tell(ring.feedback_url))
    began = told_at = time.monotonic()
    decided_at: float | None = None
    console = Console(stderr=True)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while not asking.done():
            status = await ring.status()
            now = time.monotonic()
            if decided_at is None and status.get("history"):
                decided_at = now
                console.print(f"    after {now - began:.0f} s: {_ended(status['history'][0])}")
            if decided_at is not None and now - decided_at > _AFTERMATH_SECONDS:
                enough.set()
            lines = scoreboard.scores(status, traffic.counts)
            title = f"{ring.story.model} after {now - began:.0f} s, {traffic.told:,} labels"
            if console.is_terminal:
                live.update(scoreboard.table(lines, title), refresh=True)
            elif now - told_at > _TELL_SECONDS:
                told_at = now
                say(f"    {title}: {scoreboard.plain(lines)}")
            await asyncio.wait((asking,), timeout=_LOOK_SECONDS)
    asking.result()
    telling.cancel()
    for failure in traffic.failures:
        say(f"    failed: {failure}")
    status = await ring.status()
    over: dict[str, Any] = next(iter(status.get("history", ())), {})
    return scoreboard.scores(status, traffic.counts), over


def _ended(entry: Mapping[str, Any]) -> str:
    return f"{entry['challenger']} against {entry['champion']}: {entry['outcome']}"


def _why(entry: Mapping[str, Any]) -> str:
    verdict = entry.get("evidence", {}).get("verdict", {})
    return f"; {verdict['message']}" if verdict.get("message") else ""


def conclusion(found: list[Score], story: Story, over: Mapping[str, Any]) -> str:
    """What happened, in sentences."""
    requests = sum(score.requests for score in found)
    errors = sum(score.errors for score in found)
    right = {score.version: score.right for score in found}
    seen = "; ".join(f"{name} in {share:.1f} %" for name, share in right.items() if share)
    verdict = (
        f"The ring's verdict, from labels alone: {_ended(over)}{_why(over)}."
        if over
        else "The ring came to no verdict in this time; with more --seconds it may."
    )
    return (
        f"\n{requests:,} requests, {errors} failed.\n"
        f"The truth: {story.evidence}: the challenger is {story.truth}.\n"
        f"Right answers seen: {seen}.\n{verdict}"
    )
