"""What the definition must be so that a small API server carries it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dohyo.api.batch_status import BatchPredictionStatus
from dohyo.api.batchprediction import BatchPredictionSpec
from dohyo.api.crd import MAX_BYTES, crd, crd_template, crd_yaml, root_schema
from dohyo.api.intake import Findings, taken_in
from dohyo.api.modeldeployment import ModelDeploymentSpec
from dohyo.api.schema import PRESERVES, spec_schema, status_schema
from dohyo.api.status import ModelDeploymentStatus, VersionStatus, summary_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dohyo.api.schema import Schema


def nodes(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{path}[]")


SPEC = list(nodes(spec_schema(), "spec"))
ALL = [
    *SPEC,
    *nodes(status_schema(), "status"),
    *nodes(spec_schema(BatchPredictionSpec), "BatchPrediction.spec"),
    *nodes(status_schema(BatchPredictionStatus), "BatchPrediction.status"),
]


def test_every_value_is_bounded() -> None:
    unbounded = [
        path
        for path, node in ALL
        if (node.get("type") == "string" and not {"maxLength", "enum"} & set(node))
        or (node.get("type") == "array" and "maxItems" not in node)
        or ("additionalProperties" in node and "maxProperties" not in node)
    ]
    assert unbounded == []


def test_every_field_is_described() -> None:
    nameless = {path for path, node in ALL if "description" not in node}
    assert {path for path in nameless if not path.endswith("[]")} == set()


def test_overrides_have_no_defaults() -> None:
    overrides = [(path, node) for path, node in SPEC if path.startswith("spec.champion.scaling.")]
    assert overrides
    assert [path for path, node in overrides if "default" in node] == []


def test_the_definition_is_small() -> None:
    assert len(crd_yaml().encode()) < MAX_BYTES
    # Client-side apply keeps the whole object as JSON in one annotation.
    assert len(json.dumps(crd())) < 262_144


def test_helm_keeps_the_definition_and_takes_nothing_in_it_for_its_own() -> None:
    assert "helm.sh/resource-policy: keep" in crd_template()
    assert "helm.sh/resource-policy" not in crd_yaml()
    assert "{{" not in crd_template()


def test_rules_stand_where_they_can_be_read() -> None:
    placed = [path for path, node in nodes(root_schema(), "") if "x-kubernetes-validations" in node]
    assert "" in placed
    assert ".spec.challengers[].bento" in placed


def values(schema: Schema) -> st.SearchStrategy[Any]:
    """Values that are mostly of the schema's shape, and sometimes not."""
    right = _of_shape(schema)
    return right | st.sampled_from([None, "", "x", -1, 0, 1.5, True, [], {}, [None], {"a": 1}])


def _of_shape(schema: Schema) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one for each shape
    if schema.get(PRESERVES):
        return st.just({"spec": {}})
    if schema.get("x-kubernetes-int-or-string"):
        return st.sampled_from([1, "500m", "nonsense"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema["type"]
    if kind == "object" and "properties" in schema:
        required = set(schema.get("required", ()))
        fields = {name: values(child) for name, child in schema["properties"].items()}
        return st.fixed_dictionaries(
            {name: field for name, field in fields.items() if name in required},
            optional={name: field for name, field in fields.items() if name not in required},
        )
    if kind == "object":
        return st.dictionaries(st.sampled_from("abc"), values(schema["additionalProperties"]))
    if kind == "array":
        return st.lists(values(schema["items"]), max_size=2)
    if kind == "string":
        return st.text("abc:1", min_size=1, max_size=5)
    if kind == "boolean":
        return st.booleans()
    low, high = schema.get("minimum", -1e6), schema.get("maximum", 1e6)
    whole = st.integers(int(low), int(high))
    return whole if kind == "integer" else whole | st.floats(low, high)


@settings(max_examples=200, deadline=None)
@given(values(spec_schema()))
def test_what_the_schema_takes_the_models_take(value: Any) -> None:
    findings = Findings()
    taken = taken_in(value, spec_schema(), ("spec",), findings)
    if findings.shapes:
        return
    spec = ModelDeploymentSpec.model_validate_json(json.dumps(taken), strict=True)
    again = Findings()
    written = taken_in(spec.as_raw(), spec_schema(), ("spec",), again)
    assert ModelDeploymentSpec.model_validate_json(json.dumps(written), strict=True) == spec
    assert (again.shapes, again.unknown) == ([], [])


def test_a_status_comes_back_as_it_was() -> None:
    raw = {
        "observedGeneration": 3,
        "champion": "v12",
        "versions": [
            {
                "name": "v13",
                "role": "challenger",
                "bento": "m:v13",
                "weight": 12.5,
                "shadow": 0,
                "replicas": 2,
                "readyReplicas": 1,
                "state": "Degraded",
            }
        ],
        "retiring": [{"name": "v11", "service": "s", "sinceEpoch": 4}],
        "rollouts": [],
        "history": [],
        "conditions": [],
        "routing": {"epoch": 1},
    }
    assert ModelDeploymentStatus.model_validate(raw).as_raw() == raw


def test_the_line_for_kubectl_names_all_challengers_or_says_how_many_more() -> None:
    def challengers(*names: str) -> tuple[VersionStatus, ...]:
        return tuple(
            VersionStatus(name=n, role="challenger", bento="m:v", weight=12.5, state="Ready")
            for n in names
        )

    assert summary_of(challengers("v13", "v14")).challengers == "v13,v14"
    assert summary_of(challengers("v13", "v14")).weights == "12.5,12.5"
    assert summary_of(()).challengers == ""
    long = summary_of(challengers(*(c * 40 for c in "abc"))).challengers
    assert long == f"{'a' * 40},+2"
