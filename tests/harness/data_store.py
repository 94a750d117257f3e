"""An object store for data sets on the cluster: one pod with S3, on a node that stays.

The rows are made in the pod, and looked into there, so that they need not pass the API server.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.harness import storage_programs
from tests.harness.bento_servers import S3_KEYS
from tests.harness.commands import kubectl
from tests.harness.store_pods import COMPLETE, opened, store_pod

if TYPE_CHECKING:
    from tests.harness.live import Live

NAME = "rows"
CREDENTIALS = "rows-keys"
PORT = 7070
READY_SECONDS = 90
MAKING_SECONDS = 300

_PROGRAM = f"""
import os, subprocess, time
while not os.path.exists("{COMPLETE}"):
    time.sleep(0.1)
os.makedirs("/srv/s3/data", exist_ok=True)
os.makedirs("/srv/metadata", exist_ok=True)
subprocess.run(["/srv/versitygw", "--port", ":{PORT}", "--quiet",
    "--access", "{S3_KEYS["AWS_ACCESS_KEY_ID"]}", "--secret", "{S3_KEYS["AWS_SECRET_ACCESS_KEY"]}",
    "posix", "--sidecar", "/srv/metadata", "/srv/s3"], check=True)
"""

# Measurements near to real ones, file by file and row group by row group.
_MAKE = """
import os, sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from sklearn.datasets import load_breast_cancer
rows, files, group = map(int, sys.argv[1:])
known = load_breast_cancer()
names = [str(each).replace(" ", "_") for each in known.feature_names]
chance = np.random.default_rng(5)
os.makedirs("/srv/s3/data/rows", exist_ok=True)
for number in range(files):
    writer = None
    for start in range(0, rows // files, group):
        chosen = known.data[chance.integers(0, len(known.data), group)]
        columns = dict(zip(names, (chosen * chance.normal(1, 0.01, chosen.shape)).T.copy()))
        columns["hospital"] = chance.choice(["north", "south"], group)
        table = pa.table(columns)
        path = f"/srv/s3/data/rows/part-{number}.parquet"
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()
"""

# All but the ids, which name the run: rows, whether none is missing, and a digest of them in order.
_TELL = """
import glob, hashlib, json, sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
parts = sorted(glob.glob(f"/srv/s3/data/{sys.argv[1]}/part-*.parquet"))
table = pa.concat_tables(pq.read_table(each).drop(["prediction_id"]) for each in parts)
table = table.sort_by("row")
digest = hashlib.sha256()
for name in sorted(table.column_names):
    column = table[name].combine_chunks()
    digest.update(json.dumps([name, str(column.type)]).encode())
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        digest.update(column.to_numpy().tobytes())
    else:
        digest.update("\\n".join(column.to_pylist()).encode())
rows = table["row"].to_numpy()
whole = bool((rows == np.arange(len(rows))).all())
print(json.dumps({"rows": len(rows), "whole": whole, "digest": digest.hexdigest()}))
"""


@dataclass(frozen=True)
class DataStore:
    """A store with a bucket `data`."""

    namespace: str

    def fill(self, rows: int, files: int, group: int) -> None:
        """Makes rows in Parquet files below `s3://data/rows/`."""
        self._python(_MAKE, str(rows), str(files), str(group))

    def tell(self, folder: str) -> dict[str, Any]:
        """What the parts of a run hold: `rows`, whether they are `whole`, and their `digest`."""
        return dict(json.loads(self._python(_TELL, folder)))

    def _python(self, program: str, *arguments: str) -> str:
        command = ("python3", "-c", program, *arguments)
        within = ("--namespace", self.namespace)
        return kubectl("exec", NAME, *within, "--", *command, seconds=MAKING_SECONDS)


def open_data_store(live: Live, namespace: str, node: str) -> DataStore:
    """Makes pod, Service and the Secret for those who read and write; ready when it returns."""
    service = {"selector": {"app": NAME}, "ports": [{"port": PORT}]}
    live.create("Service", namespace, {"metadata": {"name": NAME}, "spec": service})
    pod = store_pod(NAME, _PROGRAM, {}, nodeName=node, enableServiceLinks=False)
    live.create("Pod", namespace, pod)
    texts = {
        **S3_KEYS,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": f"http://{NAME}.{namespace}:{PORT}",
    }
    data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
    live.create("Secret", namespace, {"metadata": {"name": CREDENTIALS}, "data": data})
    opened(namespace, NAME, storage_programs.versitygw(), (PORT,), seconds=READY_SECONDS)
    return DataStore(namespace)
