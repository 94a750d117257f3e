"""The pod that scores a shard or ends a run: restricted, without any right at the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dohyo.contract import KEYS_FOLDER, KEYS_SECRET
from dohyo.contract.batch import (
    BENTOS_FOLDER,
    ENV_KEYS,
    ENV_OUTPUT_OWN,
    ENV_RUN,
    ORDER_FILE,
    OUTPUT_PREFIX,
)
from dohyo.plan.batch_names import LABEL_JOB, SCORE, batch_labels, batch_name
from dohyo.plan.batch_order import CLAIMS, claims
from dohyo.plan.bento_delivery import SECURITY, Delivered, delivered, pod_security
from dohyo.plan.pod_template import merged

if TYPE_CHECKING:
    from dohyo.api.batch_resource import BatchPrediction
    from dohyo.api.batchprediction import BatchPredictionSpec
    from dohyo.api.modeldeployment import Credentials, VersionSpec
    from dohyo.plan.batch_run import Making
    from dohyo.plan.settings import Runtime

CONTAINER: Final = "batch"
_BENTOML_HOME: Final = "/var/run/bentoml"
_DEFAULT_RESOURCES: Final = {
    "requests": {"cpu": "500m", "memory": "512Mi"},
    "limits": {"memory": "1Gi"},
}
# The program writes nothing half; it only has to say its last words.
_GRACE_SECONDS: Final = 20
# Kubernetes waits five minutes for a node that is lost; a shard begins anew at no risk.
_LOST_NODE_SECONDS: Final = 60


def batch_pod(
    bp: BatchPrediction, making: Making, runtime: Runtime, stage: str, run: str = ""
) -> dict[str, Any]:
    """The pod template with the resource's own `podTemplate` laid over it.

    Args:
        bp: the resource.
        making: of the run.
        runtime: that runs bentos.
        stage: `SCORE`, or the end.
        run: the run's name, where it is not that of the pod's own Job.
    """
    labels = batch_labels(bp.metadata.name, stage)
    ways = [_delivered(n, v, bp.spec, runtime) for n, v in enumerate(making.versions)]
    base = {
        "metadata": {"labels": labels},
        "spec": _pod_spec(bp, making, runtime, ways, [stage, run]),
    }
    template = merged(base, bp.spec.pod_template)
    template["metadata"]["labels"] = {**template["metadata"]["labels"], **labels}
    return template


def _pod_spec(
    bp: BatchPrediction,
    making: Making,
    runtime: Runtime,
    ways: list[Delivered],
    task: list[str],
) -> dict[str, Any]:
    stage, run = task
    spec: dict[str, Any] = {
        "serviceAccountName": batch_name(bp.metadata.name),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "tolerations": [_leaves_a_lost_node(state) for state in ("not-ready", "unreachable")],
        "securityContext": {**pod_security(), "fsGroupChangePolicy": "OnRootMismatch"},
        "initContainers": [c for way in ways for c in way.init_containers],
        "containers": [_container(bp.spec, runtime, ways, stage, run)],
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            {"name": "bentoml", "emptyDir": {}},
            {"name": "order", "configMap": {"name": making.order}},
            *(_keys_volume() if runtime.has_keys else ()),
            *_claim_volumes(bp.spec),
            *(volume for way in ways for volume in way.volumes),
        ],
    }
    if stage == SCORE:
        spec["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": batch_labels(bp.metadata.name, stage)},
            }
        ]
    if secrets := [s for way in ways for s in way.pull_secrets]:
        spec["imagePullSecrets"] = secrets
    return spec


def _leaves_a_lost_node(state: str) -> dict[str, Any]:
    return {
        "key": f"node.kubernetes.io/{state}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": _LOST_NODE_SECONDS,
    }


def _delivered(
    number: int, version: VersionSpec, spec: BatchPredictionSpec, runtime: Runtime
) -> Delivered:
    """As in the version's own pods, with names and a folder that no other version has."""
    way = delivered(version.model_copy(update={"resources": spec.resources}), runtime)
    if way is None:
        raise ValueError(f"{version.name} has no uri; chosen_versions lets none of these through")
    mine = {volume["name"]: f"{volume['name']}-{number}" for volume in way.volumes}
    return Delivered(
        image=way.image,
        pull_policy=way.pull_policy,
        init_containers=tuple(
            {
                **container,
                "name": f"{container['name']}-{number}",
                "volumeMounts": [
                    {**mount, "name": mine[mount["name"]]} for mount in container["volumeMounts"]
                ],
            }
            for container in way.init_containers
        ),
        volumes=tuple({**volume, "name": mine[volume["name"]]} for volume in way.volumes),
        mounts=tuple(
            {**mount, "name": mine[mount["name"]], "mountPath": f"{BENTOS_FOLDER}/{version.name}"}
            for mount in way.mounts
        ),
        pull_secrets=way.pull_secrets,
    )


def _container(
    spec: BatchPredictionSpec, runtime: Runtime, ways: list[Delivered], stage: str, run: str
) -> dict[str, Any]:
    own_job = {"fieldRef": {"fieldPath": f"metadata.labels['{LABEL_JOB}']"}}
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": runtime.image,
        "imagePullPolicy": runtime.pull_policy,
        "command": ["dohyo-batch"],
        "args": [stage, "--order", ORDER_FILE],
        "env": [
            {"name": "BENTOML_HOME", "value": _BENTOML_HOME},
            {"name": "BENTOML_DO_NOT_TRACK", "value": "True"},
            {"name": ENV_RUN, **({"value": run} if run else {"valueFrom": own_job})},
            *({"name": ENV_KEYS, "value": KEYS_FOLDER} for _ in range(runtime.has_keys)),
            *({"name": ENV_OUTPUT_OWN, "value": "true"} for _ in range(_output_has_own(spec))),
        ],
        "resources": spec.resources or _DEFAULT_RESOURCES,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": SECURITY,
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
            {"name": "bentoml", "mountPath": _BENTOML_HOME},
            {"name": "order", "mountPath": ORDER_FILE.rpartition("/")[0], "readOnly": True},
            *(_keys_mount() if runtime.has_keys else ()),
            *_claim_mounts(spec),
            *(mount for way in ways for mount in way.mounts),
        ],
    }
    if sources := _credentials(spec):
        container["envFrom"] = sources
    return container


def _credentials(spec: BatchPredictionSpec) -> list[dict[str, Any]]:
    """The Secrets whose entries are variables: the input's by their names, the output's apart.

    Optional, because a pod that waits for a Secret ends nothing; the program says what it lacks.
    """
    sources = []
    if spec.input.credentials is not None:
        sources.append(_entries_of(spec.input.credentials))
    if spec.output.credentials is not None and _output_has_own(spec):
        sources.append({"prefix": OUTPUT_PREFIX, **_entries_of(spec.output.credentials)})
    return sources


def _entries_of(credentials: Credentials) -> dict[str, Any]:
    return {"secretRef": {"name": credentials.secret_ref.name, "optional": True}}


def _output_has_own(spec: BatchPredictionSpec) -> bool:
    """Whether the output is written with another Secret than the input is read with."""
    return spec.output.credentials not in (None, spec.input.credentials)


def _claim_volumes(spec: BatchPredictionSpec) -> list[dict[str, Any]]:
    return [
        {
            "name": f"data-{number}",
            "persistentVolumeClaim": {"claimName": name, **({"readOnly": True} if read else {})},
        }
        for number, (name, read) in enumerate(claims(spec).items())
    ]


def _claim_mounts(spec: BatchPredictionSpec) -> list[dict[str, Any]]:
    return [
        {
            "name": f"data-{number}",
            "mountPath": f"{CLAIMS}/{name}",
            **({"readOnly": True} if read else {}),
        }
        for number, (name, read) in enumerate(claims(spec).items())
    ]


def _keys_volume() -> tuple[dict[str, Any], ...]:
    source = {"secretName": KEYS_SECRET, "optional": True, "defaultMode": 0o440}
    return ({"name": KEYS_SECRET, "secret": source},)


def _keys_mount() -> tuple[dict[str, Any], ...]:
    return ({"name": KEYS_SECRET, "mountPath": KEYS_FOLDER, "readOnly": True},)
