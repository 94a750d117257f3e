#!/bin/sh
# Installs the project's own wheel below /project, so that a change of it makes one small layer.
set -eu

python=/opt/dohyo/bin/python3
python3 -m pip --disable-pip-version-check --python "$python" install --quiet --no-compile \
  --no-index --no-deps --root /project /project-wheel/*.whl
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$python" -m compileall -q --invalidation-mode unchecked-hash "/project$packages"
