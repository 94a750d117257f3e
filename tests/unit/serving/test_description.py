"""What `/docs.json` says of a model: the fields of its contract and its answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import bentoml

from dohyo_form.contract import Contract, Field
from dohyo_serving.description import described, schema_of
from dohyo_serving.endpoint import Endpoint
from tests.unit.serving.serving_in_process import ask, settle, started

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

CONTRACT = Contract(
    (
        Field("age", "number", nullable=True, hard=(0, 130), unit="years"),
        Field("visits", "integer", default=0),
        Field("member", "boolean"),
        Field("plan", "category", categories=("basic", "pro"), unknown="reject", nullable=True),
        Field("country", "category", categories=("de", "fr"), case="lower"),
        Field("grade", "category", categories=(1, 2), unknown="reject"),
        Field("since", "date", time_zone="Europe/Berlin", description="first order"),
    )
)


def test_a_contract_is_a_schema() -> None:
    schema = schema_of(CONTRACT)
    fields = schema["properties"]
    assert list(fields) == list(CONTRACT.names)
    assert schema["required"] == ["age", "member", "plan", "country", "grade", "since"]
    assert schema["additionalProperties"] is False
    age = {"type": "number", "minimum": 0, "maximum": 130, "nullable": True}
    assert fields["age"] == {**age, "description": "in years"}
    assert fields["visits"]["default"] == 0
    assert fields["visits"]["maximum"] == 3.4e38
    assert fields["member"] == {"type": "boolean"}
    plan = {"type": "string", "enum": ["basic", "pro", None], "nullable": True}
    assert fields["plan"] == plan
    assert fields["grade"] == {"type": "integer", "enum": [1, 2]}
    assert "enum" not in fields["country"]
    assert fields["country"]["description"] == "known are de, fr; others are allowed"
    assert fields["since"]["description"].startswith("first order; a date such as 2026-11-25")
    assert schema_of(Contract(CONTRACT.fields, "ignore"))["additionalProperties"] is True
    json.dumps(schema)


def test_a_service_that_says_nothing_of_the_path_is_left_alone() -> None:
    document: dict[str, Any] = {"paths": {"/other": {"post": {}}}}
    assert described(document, "/predict", CONTRACT, ()) == {"paths": {"/other": {"post": {}}}}


async def test_the_description_of_a_service_holds_the_contract_of_its_model(
    customers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, None, DOHYO_GRPC_PORT="off")
    endpoint = Endpoint("customers")

    @endpoint.attached
    @bentoml.service(name="customers")
    class Customers:
        @bentoml.api(route="/predict")  # type: ignore[untyped-decorator]
        async def predict(self, records: list[dict[str, Any]]) -> dict[str, Any]:
            return await endpoint.predict(records)

    endpoint.load(customers)
    reply = await ask(endpoint, "/docs.json")
    assert reply.status == 200
    assert reply.headers["x-dohyo-version"] == "v2"
    operation = reply.document["paths"]["/predict"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    fields = content["schema"]["properties"]["records"]["items"]["properties"]
    assert fields["age"]["nullable"] is True
    assert fields["plan"]["description"].startswith("known are basic, pro, team")
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    label = answer["properties"]["predictions"]["items"]["properties"]["label"]
    assert label["enum"] == ["0", "1"]
    assert {"400", "422"} < set(operation["responses"])
    # Without a service there is nothing to describe.
    async with started(customers) as alone:
        assert alone.http is not None
        assert not alone.http.takes("/docs.json")
