"""What the installation says of bentos, and the keys it is given."""

from __future__ import annotations

import base64
import json
from typing import Any

from dohyo.configuration import configuration
from dohyo.contract.keys import parse_keys
from tests.charts.rendering import DOHYO, Object, container, every_option, one, plain_environment


def operator(values: dict[str, Any]) -> Object:
    deployment = one(DOHYO.render(values), "Deployment", "dohyo-operator")
    pod: Object = deployment["spec"]["template"]["spec"]
    return pod


def test_the_operator_reads_what_the_chart_says_of_bentos() -> None:
    values = {"runtime": every_option()["runtime"], "imageRegistry": "registry.example"}
    environment = plain_environment(container(operator(values), "operator"))
    runtime = configuration([], environment).settings.runtime
    image = values["runtime"]["image"]
    assert runtime.image == f"{image['registry']}/{image['repository']}@{image['digest']}"
    assert runtime.pull_policy == "Always"
    assert runtime.cache == values["runtime"]["cache"]["volume"]
    assert (runtime.cache_gigabytes, runtime.most_bento_gigabytes) == (50, 4)
    assert runtime.image_volumes
    assert runtime.plain_registries == ("registry.tools:5000", "10.0.0.1:5000")
    assert runtime.has_keys


def test_by_default_the_runtime_is_of_the_same_release() -> None:
    environment = plain_environment(container(operator({}), "operator"))
    runtime = configuration([], environment).settings.runtime
    version = DOHYO.render()[0]["metadata"]["labels"]["app.kubernetes.io/version"]
    assert runtime.image == f"dohyo/runtime:{version}"
    assert (runtime.cache, runtime.plain_registries, runtime.image_volumes) == ({}, (), False)


def test_the_master_keys_are_random_and_stay() -> None:
    secret = one(DOHYO.render(), "Secret", "dohyo-master-keys")
    files = {name: base64.b64decode(text).decode() for name, text in secret["data"].items()}
    keys = parse_keys(files)
    assert (keys.current, list(keys.keys)) == ("k1", ["k1"])
    assert keys.entity != keys.keys["k1"]
    assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    again = one(DOHYO.render({"logLevel": "debug"}), "Secret", "dohyo-master-keys")
    assert again["data"]["k1"] != secret["data"]["k1"]


def test_a_secret_of_ones_own_is_mounted_and_not_made() -> None:
    objects = DOHYO.render({"keys": {"create": False, "secretName": "given"}})
    assert [o for o in objects if o["kind"] == "Secret"] == []
    pod = one(objects, "Deployment", "dohyo-operator")["spec"]["template"]["spec"]
    volumes = {v["name"]: v for v in pod["volumes"]}
    assert volumes["master-keys"]["secret"]["secretName"] == "given"
    mounts = {m["name"]: m["mountPath"] for m in container(pod, "operator")["volumeMounts"]}
    environment = plain_environment(container(pod, "operator"))
    assert environment["DOHYO_MASTER_KEYS"] == mounts["master-keys"]
    assert json.loads(environment["DOHYO_BENTO_CACHE"]) == {}
