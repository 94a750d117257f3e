"""The report of a run: everything that the stages found, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dohyo_pages.rendering import rendered
from dohyo_training.report import figures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dohyo_training.assess.stage import Assessment
    from dohyo_training.build.model import Model
    from dohyo_training.table import DataSheet

STEPS: Final = (
    "gather",
    "analyse",
    "engineer",
    "select",
    "build",
    "assess",
    "compare",
    "export",
    "package",
)


def render(content: Mapping[str, Any]) -> str:
    """The page; `content` holds what `page.html` names."""
    assessment, model = content["assessment"], content["model"]
    unit = content["unit"]
    board = content["board"]
    shown = dict(
        content,
        steps=STEPS,
        declared=[_declared(sheet) for sheet in content["table"].sheets],
        other_metrics=[name for name in board.entries[0].scores if name != board.metric],
        money=None if assessment.money is None else assessment.money.tolist(),
        effect=assessment.effect,
        figures={
            "leaderboard": figures.of_leaderboard(board),
            "curves": _curves(assessment, model, unit),
            "importance": figures.of_importance(list(assessment.importance), board.metric),
            "worth": figures.of_worth(assessment.worth.against, unit)
            if assessment.worth and assessment.worth.against
            else "",
            "qini": figures.of_qini(assessment.effect.curves)
            if assessment.effect and assessment.effect.curves
            else "",
        },
    )
    return rendered(Path(__file__).with_name("page.html"), shown, {})


def _declared(sheet: DataSheet) -> dict[str, str]:
    """What a source promises in words; what is checked of it stands in the table of checks."""
    said = {
        name.replace("_", " "): text
        for name, text in sheet.declared.items()
        if isinstance(text, str) and text
    }
    if cost := sheet.declared.get("cost"):
        per = "" if cost.get("per", "run") == "run" else f" per {cost['per']}"
        said["cost"] = f"{cost['amount']:g} {cost.get('currency', 'EUR')}{per}"
    return said


def _curves(found: Assessment, model: Model, unit: str) -> list[str]:
    drawn = [figures.of_confusion(name, one) for name, one in found.confusions.items()]
    if found.answers is not None:
        drawn.append(figures.of_answers(found.answers))
    if found.roc is not None:
        drawn.append(
            figures.of_curve(
                found.roc, "ROC", "false positive rate", "true positive rate", diagonal=True
            )
        )
    if found.precision_recall is not None:
        drawn.append(
            figures.of_curve(found.precision_recall, "Precision and recall", "recall", "precision")
        )
    if found.calibration is not None:
        drawn.append(figures.of_calibration(found.calibration))
    if found.gain is not None:
        drawn.append(figures.of_gain(found.gain))
    if found.profit is not None:
        drawn.append(figures.of_profit(found.profit, model.threshold, unit))
    return drawn
