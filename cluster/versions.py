"""Versions of what the development cluster is made of."""

from __future__ import annotations

KUBERNETES = "v1.34.4"
ETCD = "3.6.5-0"  # the tag that kubeadm of this Kubernetes asks for; the module is v3.6.5
COREDNS = "v1.12.1"
PAUSE = "3.10.1"

KIND = "v0.30.0"
KIND_NODE = "kindest/node:v1.34.0"  # what this kind creates where it can be pulled
HELM = "v3.19.0"
KUBECONFORM = "v0.7.0"
LEAST_KUBECTL = "v1.33.0"  # one minor version below the cluster is supported, no more
