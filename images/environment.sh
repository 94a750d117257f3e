#!/bin/sh
# Fills /opt/dohyo with the Python packages of one image, in a stage that the image leaves behind.
# Wheels come from the build context: nothing is fetched, and every one is checked by its hash.
set -eu

environment=/opt/dohyo
python3 -m venv --without-pip "$environment"
python="$environment/bin/python3"
python3 -m pip --disable-pip-version-check --python "$python" install --quiet --no-compile \
  --no-index --find-links /wheels --require-hashes --requirement /requirements.txt

# A third of the scientific libraries is their own tests.
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
for library in numpy scipy sklearn pandas xgboost; do
  if [ -d "$packages/$library" ]; then
    find "$packages/$library" -type d -name tests -prune -exec rm -rf {} +
  fi
done

# The root is read-only later on, so nothing could be compiled then; hashes keep it from being
# compared with the sources at every start.
"$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$packages"
