"""The sample bento: benign or malignant, answered by the model version it was packed with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import bentoml
from bentoml.models import BentoModel
from bentoml.validators import ContentType
from pydantic import BaseModel, Field

from dohyo_serving.endpoint import Endpoint

from .records import MOST_RECORDS, Predictions, Record


class Arguments(BaseModel):
    """Chosen by `bentoml build --arg model=…` and kept in the bento."""

    model: str


arguments = bentoml.use_arguments(Arguments)
# Answers /predict and the Open Inference Protocol, over HTTP and gRPC.
endpoint = Endpoint("breast-cancer")


# Access logs and traces cost more than the prediction itself; the gateway counts and times
# every request anyway. BENTOML_CONFIG turns them on again without a new bento.
@endpoint.attached
@bentoml.service(
    name="breast-cancer",
    workers=1,
    traffic={"timeout": 30},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
    metrics={"enabled": True},
)
class BreastCancer:
    stored = BentoModel(f"breast-cancer:{arguments.model}")

    def __init__(self) -> None:
        # The model as data; without it the pipeline itself would answer.
        folder = Path(self.stored.path)
        endpoint.load(folder, fallback=lambda: bentoml.sklearn.load_model(self.stored))

    # The endpoint answers this path before BentoML does; what stands here is its documentation,
    # and how Python calls the service without a server.
    @bentoml.api(route="/predict")  # type: ignore[untyped-decorator]
    async def predict(
        self, records: Annotated[list[Record], Field(min_length=1, max_length=MOST_RECORDS)]
    ) -> Annotated[Predictions, ContentType("application/json")]:
        """Classifies tumours by thirty measurements of their cell nuclei."""
        asked: list[dict[str, Any]] = [record.model_dump() for record in records]
        return Predictions.model_validate(await endpoint.predict(asked))
