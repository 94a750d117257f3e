"""The service of every bento that training builds; it stands in the bento as `service.py`.

It answers by the serving form, which replays its golden rows before it is ready, or by the
pipeline itself where a form was refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import bentoml
from bentoml.models import BentoModel
from bentoml.validators import ContentType
from pydantic import BaseModel, Field

from dohyo_form.form import FOLDER
from dohyo_serving.endpoint import Endpoint

MOST_RECORDS = 10_000


class Arguments(BaseModel):
    """Chosen when the bento is built, and kept in it."""

    model: str


class Answer(BaseModel):
    """One prediction for each record, in their order, and who made them."""

    version: str
    predictions: list[Any]


arguments = bentoml.use_arguments(Arguments)
# Answers /predict and the Open Inference Protocol, over HTTP and gRPC.
endpoint = Endpoint(arguments.model.partition(":")[0])


# Access logs and traces cost more than the prediction itself; the gateway counts and times
# every request anyway. BENTOML_CONFIG turns them on again without a new bento.
@endpoint.attached
@bentoml.service(
    name="trained-model",
    workers=1,
    traffic={"timeout": 30},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
    metrics={"enabled": True},
)
class TrainedModel:
    """A model with its contract."""

    stored = BentoModel(arguments.model)

    def __init__(self) -> None:
        folder = Path(self.stored.path)
        if (folder / FOLDER).is_dir():
            endpoint.load(folder)
            return
        # Training's own code is in the bento only where it is needed.
        from dohyo_training.package.pipeline import contract_in, pipeline_in  # noqa: PLC0415

        endpoint.load(pipeline_in(folder), contract=contract_in(folder))

    # The endpoint answers this path before BentoML does; what stands here is its documentation,
    # and how Python calls the service without a server.
    @bentoml.api(route="/predict")  # type: ignore[untyped-decorator]
    async def predict(
        self,
        records: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_RECORDS)],
    ) -> Annotated[Answer, ContentType("application/json")]:
        """Predicts records; `contract.json` of the model says what one may hold."""
        return Answer.model_validate(await endpoint.predict(records))
