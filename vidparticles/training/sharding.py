"""Devices and processes: one mesh with one axis, 'data'.

The batch lies over 'data', everything else is on every device. A loss that is a mean over the
global batch is then the same number on one device, on many and on many processes; XLA adds the
sums over devices.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from vidparticles.errors import InputError
from vidparticles.training import peers


def initialize(
    *, coordinator: str | None = None, processes: int | None = None, process: int | None = None
) -> None:
    """Join the other processes of the run, when there are any; call it before any other jax.

    Args:
        coordinator: host:port of process 0. Without it, and without JAX_COORDINATOR_ADDRESS
            in the environment, this is a run of one process and nothing is done. "auto" lets
            jax ask the cluster (TPU pods, Slurm, Open MPI, Kubernetes).
        processes: how many there are.
        process: which of them this is, from 0.

    Raises:
        InputError: some of the three are missing or do not fit.
    """
    if coordinator is None and "JAX_COORDINATOR_ADDRESS" not in os.environ:
        if processes is not None or process is not None:
            raise InputError(
                "--processes and --process were given without --coordinator; give all three, "
                "for example --coordinator=localhost:1234 --processes=2 --process=0."
            )
        return
    # Collectives between CPU processes; ignored on other devices.
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    if coordinator in (None, "auto"):
        with peers.joining():
            jax.distributed.initialize()
        peers.report()
        return
    if processes is None or process is None or not 0 <= process < processes:
        raise InputError(
            f"--coordinator={coordinator} came with --processes={processes} and "
            f"--process={process}; expected the number of processes and which of them this is, "
            "from 0."
        )
    peers.call_roll(coordinator, processes=processes, process=process)
    jax.distributed.initialize(coordinator, num_processes=processes, process_id=process)
    peers.report()


def data_mesh() -> Mesh:
    """All devices of all processes along one axis, 'data'."""
    return jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))


def over_data(mesh: Mesh) -> NamedSharding:
    """Leading axis over 'data'."""
    return NamedSharding(mesh, PartitionSpec("data"))


def everywhere(mesh: Mesh) -> NamedSharding:
    """The same on every device."""
    return NamedSharding(mesh, PartitionSpec())


def check_batch_size(batch_size: int, mesh: Mesh) -> None:
    """Raise InputError unless the global batch divides evenly over the devices."""
    devices = mesh.size
    if batch_size < 1 or batch_size % devices:
        near = max(devices, round(batch_size / devices) * devices)
        raise InputError(
            f"batch_size is {batch_size}; expected a positive multiple of the {devices} devices "
            f"of this run, for example {near}."
        )


def global_batch(batch: Mapping[str, np.ndarray], mesh: Mesh) -> dict[str, Any]:
    """The global arrays of a batch, from the rows that this process read.

    Args:
        batch: arrays [rows of this process, ...]; process p holds the p-th block of rows.
        mesh: what `data_mesh` gives.

    Returns:
        The same keys, arrays [B, ...] laid over 'data'; int64 becomes int32.
    """
    sharding = over_data(mesh)
    return {
        name: jax.make_array_from_process_local_data(
            sharding, rows.astype(np.int32) if rows.dtype == np.int64 else rows
        )
        for name, rows in batch.items()
    }


def first_then_all(work: Callable[[], Any]) -> None:
    """Let the first process do work on shared files while the others wait for it."""
    if jax.process_index() == 0:
        work()
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        with peers.meeting():
            multihost_utils.sync_global_devices("first_then_all")
