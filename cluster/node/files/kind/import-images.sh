#!/bin/bash
# Imports an archive of images from standard input into the node's own containerd.
set -euo pipefail
containerd >/var/log/import.log 2>&1 &
for _ in $(seq 300); do
  ctr version >/dev/null 2>&1 && break
  sleep 0.1
done
ctr --namespace k8s.io images import --no-unpack --all-platforms --digests -
kill %1
wait %1 || true
rm -rf /run/containerd /var/log/import.log
