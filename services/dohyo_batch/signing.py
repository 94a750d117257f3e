"""The id of each prediction of a run: signed where there are keys, and never part of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dohyo.contract import MODE_PINNED, batch
from dohyo.contract.batch_evidence import MOST_RUN_BYTES, trial_of_run
from dohyo.contract.keys import KeysError, read_keys
from dohyo.contract.prediction_id import MOST_NUMBERS, NO_ARM, PredictionId, encode_rows
from dohyo_batch.complaint import BatchError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dohyo.contract.batch import BatchOrder
    from dohyo.contract.keys import Keys


def keys_in(folder: Path | None, namespace: str) -> Keys | None:
    """The namespace's keys; None where no folder is given.

    Raises:
        BatchError: there is a folder, and it holds none.
    """
    if folder is None:
        return None
    try:
        return read_keys(folder, namespace).for_namespace(namespace)
    except KeysError as error:
        # The Secret may come after the pod.
        raise BatchError(batch.UNAVAILABLE, f"{folder}: {error}") from error


class Signer:
    """Makes ids that are the same whenever the same run scores the same row."""

    def __init__(self, order: BatchOrder, run: str, started: int, keys: Keys | None) -> None:
        """Takes who signs.

        Args:
            order: names namespace and deployment.
            run: by which labels find it.
            started: microseconds; the time of all predictions.
            keys: of the namespace; None signs nothing, and ids only tell predictions apart.

        Raises:
            BatchError: the run's name is longer than an id holds.
        """
        if keys is not None and len(run.encode()) > MOST_RUN_BYTES:
            raise BatchError(
                batch.INVALID_ORDER,
                f"run: {run!r} is longer than the {MOST_RUN_BYTES} bytes that prediction ids "
                "hold of it; choose a shorter name",
            )
        self._order = order
        self._run = run
        self._started = started
        self._keys = keys

    def ids(self, version: str, rows: NDArray[np.int64], outputs: NDArray[np.float64]) -> pa.Array:
        """One for each row.

        Two versions' ids of one row have time and nonce in common: that makes them a pair.

        Args:
            version: who predicts.
            rows: numbers in the whole input.
            outputs: [n_rows, n_outputs].
        """
        keys = self._keys
        if keys is None:
            return pc.binary_join_element_wise(
                f"{self._run}.{version}", pc.cast(pa.array(rows), pa.string()), "."
            )
        key = keys.signing_key(keys.current, self._order.namespace)
        assert key is not None, "the current key is one of the keys"
        few = outputs.shape[1] <= MOST_NUMBERS
        numbers = outputs if few else outputs[:, :0]
        first = PredictionId(
            namespace=self._order.namespace,
            deployment=self._order.deployment,
            version=version,
            # Of no split: its labels are told apart by the run, and rows were not drawn by chance.
            trial=trial_of_run(self._run),
            epoch=0,
            mode=MODE_PINNED,
            arm=NO_ARM,
            shares=(),
            entity=None,
            bucket=None,
            microseconds=self._started,
            rows=1,
            numbers=tuple(numbers[0].tolist()),
            shadow=False,
            nonce=int(rows[0]).to_bytes(8),
        )
        nonces, values = rows.astype(">u8").tobytes(), numbers.astype(">f8").tobytes()
        text = encode_rows(first, keys.current, key, nonces, values)
        size = len(text) // len(rows)
        places = np.arange(0, len(text) + 1, size, dtype=np.int32)
        return pa.Array.from_buffers(
            pa.string(), len(rows), [None, pa.py_buffer(places), pa.py_buffer(text)]
        )
