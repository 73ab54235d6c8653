"""A cluster of this machine comes up whole, or not at all."""

from __future__ import annotations

import time

import pytest

from hifisr_cli.batch.workers.dask_client import connect
from hifisr_cli.errors import ClusterError

distributed = pytest.importorskip("distributed")


@pytest.mark.parametrize("deaths", [1, 3])
def test_a_worker_that_dies_while_its_cluster_starts(monkeypatch: pytest.MonkeyPatch, deaths: int) -> None:
    """Once is no reason to give up; a machine on which it always happens is named in one line."""
    real, left = distributed.LocalCluster, [deaths]

    def start(**how: object) -> object:
        if left[0]:
            left[0] -= 1
            raise RuntimeError("Nanny failed to start.")
        return real(**how)

    monkeypatch.setattr(distributed, "LocalCluster", start)
    if deaths == 3:
        with pytest.raises(ClusterError, match="cannot connect to local:1: Nanny failed to start"):
            connect("local:1", "topic", lambda _: None)
        return
    dask = connect("local:1", "topic", lambda _: None)
    try:
        until = time.monotonic() + 30.0
        while not dask.nodes() and time.monotonic() < until:
            time.sleep(0.1)
        assert list(dask.nodes().values()) == [1]
    finally:
        dask.close()
