"""The connection to Dask: a scheduler that somebody started, or a small cluster on this machine."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hifisr_cli.batch.workers.cluster import AGAIN, Dask, Heard
from hifisr_cli.errors import ClusterError, UsageError
from hifisr_cli.system.children import deaf_to_ctrl_c

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

logger = logging.getLogger(__name__)

_LOCAL = re.compile(r"local:([1-9]\d{0,2})", re.ASCII)
_REMOTE = re.compile(r"(tcp|tls)://\S+:\d+", re.ASCII)
# Seconds, chosen by hand. What is fetched from a node, and the end of a connection, hold up a run that is ending.
_CONNECTS_WITHIN = 10.0
_FETCHED_WITHIN = 2.0
_CLOSES_WITHIN = 2.0

_STARTS = 3
"""Times that a cluster of ours is started, until one comes up whole."""

_QUIET = {"logging": {"distributed": "critical", "distributed.client": "critical", "tornado.application": "critical"}}
"""What Dask says of nodes that come and go, the run says itself."""

_SMALL: dict[str, object] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.gil.enabled": False,
}
"""A cluster of ours has no dashboard, and Dask measures nothing for one: that took 7 % of a core for each node."""


def check_address(text: str) -> None:
    """Whether `connect` may be able to make something of an address.

    Raises:
        UsageError: it is none, or Dask is not installed.
    """
    if not (_LOCAL.fullmatch(text) or _REMOTE.fullmatch(text) or text.endswith(".json")):
        raise UsageError(
            f"--cluster {text!r} is no cluster", hint="say tcp://HOST:PORT, tls://HOST:PORT, SCHEDULER.json or local:2"
        )
    if importlib.util.find_spec("distributed") is None:
        raise UsageError("--cluster needs Dask", hint="pip install 'hifisr[cluster]'")


def connect(address: str, topic: str, told: Callable[[Mapping[str, Any]], None]) -> Dask:
    """Connects to the cluster `address`, or starts it.

    Args:
        told: called in another thread with what is told to `topic`.

    Raises:
        ClusterError: there is no such scheduler.
    """
    import dask.config

    dask.config.set(_QUIET)  # to be said before distributed is imported
    from distributed import Client

    local, cluster = _LOCAL.fullmatch(address), None
    try:
        if local is not None:
            cluster = _start(int(local[1]))
        client = Client(cluster or _remote(address), set_as_default=False, timeout=_CONNECTS_WITHIN)
    except (OSError, ValueError, RuntimeError) as error:
        if cluster is not None:
            cluster.close()
        reason = str(error).strip().splitlines()
        raise ClusterError(f"cannot connect to {address}: {reason[0] if reason else type(error).__name__}") from error
    client.subscribe_topic(topic, lambda event: told(event[1]))
    return DaskClient(client, cluster)


def _start(workers: int) -> LocalCluster:
    """Dask workers of one thread on this machine. One that dies while it starts is no reason to give up.

    Raises:
        RuntimeError: it keeps happening.
    """
    import dask.config
    from distributed import LocalCluster

    # Ctrl-C goes to all processes of a terminal: the run ends its cluster itself.
    with deaf_to_ctrl_c(), dask.config.set(_SMALL):
        failed = 0
        while True:
            try:
                return LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address=None,
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                    memory_limit=0,  # of a process that holds next to nothing
                    silence_logs=logging.CRITICAL,
                )
            except RuntimeError:
                failed += 1
                if failed == _STARTS:
                    raise


def _remote(address: str) -> str:
    """The address of a scheduler that somebody started.

    Raises:
        ClusterError: it wants a key, and there is none.
        OSError, ValueError: its file does not say it, or the key cannot be read.
    """
    from distributed.security import Security

    if address.endswith(".json"):
        said = json.loads(Path(address).read_text(encoding="utf-8"))
        address = str(said["address"] if isinstance(said, dict) and "address" in said else "")
        if not address:
            raise ValueError("it is not the file of a scheduler")
    if address.startswith("tls://") and Security().get_connection_args("client").get("ssl_context") is None:
        raise ClusterError(
            f"no key for {address}", hint="distributed.comm.tls in Dask's configuration says where one is"
        )
    if address.startswith("tcp://") and not re.match(r"tcp://(127\.|localhost:|\[::1\])", address):
        logger.warning("whoever reaches %s can run programs as you do; with tls:// only those with a key", address)
    return address


class DaskClient:
    """What a run needs of Dask."""

    def __init__(self, client: Client, cluster: LocalCluster | None) -> None:
        self._client, self._cluster = client, cluster
        self._futures: dict[str, Future] = {}

    def nodes(self) -> Mapping[str, int]:
        """The threads of every Dask worker, by its address.

        Raises:
            ClusterError: the scheduler is gone.
        """
        try:
            if self._client.status == "running":
                workers = self._client.scheduler_info()["workers"]
                return {address: int(worker["nthreads"]) for address, worker in workers.items()}
        except (OSError, ValueError, RuntimeError):
            pass
        raise ClusterError("the scheduler of the cluster is gone", hint=AGAIN)

    def call(self, ticket: str, address: str, heard: Heard, function: Callable[..., object], *given: object) -> None:
        """Call a function on one Dask worker and nowhere else. `ticket` names the call."""
        future = self._client.submit(function, *given, key=ticket, workers=[address], allow_other_workers=False)
        self._futures[ticket] = future
        future.add_done_callback(partial(_ended, heard))

    def forget(self, ticket: str) -> None:
        """Nobody wants to hear of a call any more; what has not begun is not done."""
        future = self._futures.pop(ticket, None)
        if future is not None:
            with contextlib.suppress(Exception):  # the scheduler may be gone
                future.release()

    def close(self) -> None:
        """End the cluster, too, if it was started for this run. Never raises."""
        for ticket in list(self._futures):
            self.forget(ticket)
        for closed in (self._client, self._cluster):
            if closed is not None:
                with contextlib.suppress(Exception):
                    closed.close(timeout=_CLOSES_WITHIN)


def _ended(heard: Heard, future: Future) -> None:
    """A call has come to its end; what it returned is fetched from the node through the scheduler."""
    if future.status not in ("finished", "error"):
        return  # forgotten, or the scheduler is gone: `nodes` says so
    try:
        result = future.result(timeout=_FETCHED_WITHIN)
    except TimeoutError:  # the node is lost, and with it what it returned, or slow
        future.add_done_callback(partial(_ended, heard))
        return
    except Exception as error:
        result = error
    heard(result)
