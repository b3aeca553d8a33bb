"""Ray as an executor: a cluster that runs somewhere, or one of this machine alone."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import Executor, Future
from types import TracebackType
from typing import Any

import numpy as np

from b2m_drive.executors.cancellable import CancellableFuture
from b2m_drive.executors.resources import Resources
from b2m_drive.executors.sent_files import SentFiles
from b2m_drive.executors.tasks import Outcome, Task
from b2m_drive.files.missing_packages import needing

_CONNECT = 5.0  # [s] that an address may take to answer
_GIB = 2**30
_MOST_SUBMITTED = 4  # tasks for each processor of the cluster


class RayCluster(Executor):
    """Send tasks to Ray. Large inputs go to each node once; what tasks write comes back.

    Nothing needs to be shared between the machines but the packages that are installed.

    Args:
        address: ``HOST:PORT`` of a cluster, or ``ray://HOST:PORT`` of its client server. None: the
            cluster that ``RAY_ADDRESS`` names or that runs on this machine, else a new one of this
            machine alone, which ends with this process.
        resources: That each task is given.
        n_workers: Processors of a new cluster.

    Raises:
        MissingPackageError: If Ray is not installed.
        ValueError: If nobody listens at the address, or no node has what a task needs.
    """

    name = "ray"

    def __init__(
        self,
        address: str | None = None,
        resources: Resources | None = None,
        n_workers: int | None = None,
    ) -> None:
        with needing("an executor of Ray", "ray"):
            import ray

            from b2m_drive.executors.parcels import LargeInputs, run_parcel
        self._ray: Any = ray
        self.resources = resources or Resources()
        self._began = not ray.is_initialized()
        if self._began:
            _connect(address, n_workers)
        elif address is not None:
            _refuse_another_cluster(address, ray.get_runtime_context().gcs_address)
        try:
            self._refuse_too_much()
        except ValueError:
            self._leave()
            raise
        self._references: dict[str, Any] = {}  # of large inputs, by key
        self._large = LargeInputs(self._put)
        needs = self.resources
        self._run: Any = ray.remote(_run_sent)
        self._needs: dict[str, Any] = {
            "num_cpus": needs.n_cpus,
            "num_gpus": needs.n_gpus,
            "memory": None if needs.memory is None else int(needs.memory * _GIB),
            "max_retries": 0,  # we count tries ourselves
        }
        self._unfinished: set[CancellableFuture] = set()
        self._function = run_parcel
        n_cpus = self._ray.cluster_resources().get("CPU", 1)
        self.most_submitted = max(64, int(_MOST_SUBMITTED * n_cpus))

    def submit_task(self, task: Task) -> Future[Outcome]:
        """Run a task on a node that has room."""
        from b2m_drive.executors.parcels import pack

        parcel = pack(task, self._large, with_files=True)
        values = [self._references[key] for key in parcel.keys]
        return self._sent(task.name, self._function, parcel, *values)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function on a node that has room."""
        return self._sent(getattr(fn, "__name__", "call"), _called, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; one that was begun here ends."""
        for future in tuple(self._unfinished):
            if cancel_futures:
                future.cancel()
            elif wait:
                future.exception()
        self._leave()

    def _leave(self) -> None:
        if self._began and self._ray.is_initialized():
            self._ray.shutdown()
            self._began = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        self.shutdown(cancel_futures=kind is not None)
        return None

    def _sent(self, name: str, function: Callable[..., Any], *args: Any) -> Future[Any]:
        reference = self._run.options(name=name, **self._needs).remote(function, *args)
        future = CancellableFuture(lambda: self._ray.cancel(reference, force=True))
        self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        reference.future().add_done_callback(future.take_from)
        return future

    def _put(self, key: str, value: np.ndarray | SentFiles) -> None:
        self._references[key] = self._ray.put(value)

    def _refuse_too_much(self) -> None:
        """Refuse what no node has: Ray itself would wait for such a node for ever."""
        needs = self.resources
        nodes = [each["Resources"] for each in self._ray.nodes() if each["Alive"]]
        if not any(
            node.get("CPU", 0) >= needs.n_cpus
            and node.get("GPU", 0) >= needs.n_gpus
            and node.get("memory", 0) >= (needs.memory or 0) * _GIB
            for node in nodes
        ):
            have = "; ".join(
                f"{node.get('CPU', 0):g} CPUs, {node.get('GPU', 0):g} GPUs, "
                f"{node.get('memory', 0) / _GIB:.1f} GiB"
                for node in nodes
            )
            raise ValueError(
                f"resources: expected some node of the Ray cluster to have {needs}, came {have}"
            )


def _run_sent(function: Callable[..., Any], first: Any, *rest: Any) -> Any:
    """Where it runs: what was put into the cluster's store is there, read-only."""
    if function is _called:
        args, kwargs = rest
        return first(*args, **kwargs)
    return function(first, rest)


def _called() -> None:
    """Stands for a plain call of a function."""


def _connect(address: str | None, n_workers: int | None) -> None:
    import ray

    how: dict[str, Any] = {
        "log_to_driver": False, "configure_logging": False, "include_dashboard": False,
    }  # fmt: skip
    if address is None:
        try:
            ray.init("auto", **how)
        except ConnectionError:
            ray.init("local", num_cpus=n_workers, **how)
        return
    _refuse_silent(address)
    try:
        ray.init(address, **how)
    except (ConnectionError, RuntimeError, ValueError) as error:
        line = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{address}: expected a Ray cluster of version {ray.__version__} there, came: {line}"
        ) from error


def _refuse_another_cluster(address: str, connected: str) -> None:
    """Refuse to send elsewhere than was asked: this process is in a cluster already."""
    if address != connected and not address.startswith("ray://"):
        raise ValueError(
            f"{address}: expected this process to be in no other Ray cluster, came one that is in "
            f"{connected}; call ray.shutdown() first"
        )


def _refuse_silent(address: str) -> None:
    """Refuse an address that nobody listens at, in seconds; Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"address: expected HOST:PORT or ray://HOST:PORT, came {address!r}")
    try:
        socket.create_connection((host, int(port)), _CONNECT).close()
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"{address}: expected a Ray cluster there, came nobody who listens ({error})"
        ) from error
    _refuse_another_server(address, f"{host}:{port}")


def _refuse_another_server(address: str, place: str) -> None:
    """Refuse a server that does not speak gRPC, at which Ray would end this process."""
    import grpc

    with grpc.insecure_channel(place) as channel:
        try:
            grpc.channel_ready_future(channel).result(_CONNECT)
        except grpc.FutureTimeoutError:
            raise ValueError(
                f"{address}: expected a Ray cluster there, came a server of another kind"
            ) from None
