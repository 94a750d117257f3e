"""How well a fitted classifier does on rows that it has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

if TYPE_CHECKING:
    from dohyo_training.breast_cancer import Split


def assess(model: Any, data: Split) -> dict[str, float]:
    """Accuracy, area under the ROC curve and logarithmic loss on the rows held back."""
    probabilities = model.predict_proba(data.test_x)
    return {
        "accuracy": round(float(accuracy_score(data.test_y, model.predict(data.test_x))), 6),
        "roc_auc": round(float(roc_auc_score(data.test_y, probabilities[:, 1])), 6),
        "log_loss": round(float(log_loss(data.test_y, probabilities, labels=model.classes_)), 6),
    }
