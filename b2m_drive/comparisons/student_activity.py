"""What a student sees, and what its taught layer does, for given ids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Int64
from torch import Tensor, nn

from b2m_drive.students.devices import brought, device_of_network
from b2m_drive.students.student import SeesById, Student
from b2m_drive.transfer.layer_activity import output_for

_ROWS_TOGETHER = 256  # through a network at once


def activity_of(
    student: Student, network: nn.Module, ids: Int64[np.ndarray, " row"]
) -> Float32[np.ndarray, "row time feature"]:
    """The taught layer's activity for given ids, as a trained network has it.

    Raises:
        TypeError: If the student cannot say what it sees.
    """
    if not isinstance(student, SeesById):
        raise TypeError(f"student {student.name}: expected a method seen(ids), came none")
    device = device_of_network(network)
    parts = [
        _rows_of(output_for(network, student.layer, 0, brought(student.seen(some), device)))
        for some in _parts(ids)
    ]
    return np.concatenate(parts).astype(np.float32)


def seen_by(
    student: Student, ids: Int64[np.ndarray, " row"]
) -> Float32[np.ndarray, "row time feature"]:
    """The student's inputs for given ids as rows of numbers.

    Raises:
        TypeError: If the student cannot say what it sees.
    """
    if not isinstance(student, SeesById):
        raise TypeError(f"student {student.name}: expected a method seen(ids), came none")
    found = [student.seen(some) for some in _parts(ids)]
    inputs = [each[0] if isinstance(each, tuple) else each for each in found]
    rows = [each.detach().cpu().flatten(1).numpy() for each in inputs]
    return np.concatenate(rows)[:, None].astype(np.float32)


def _parts(ids: Int64[np.ndarray, " row"]) -> Sequence[Int64[np.ndarray, " part"]]:
    return [ids[k : k + _ROWS_TOGETHER] for k in range(0, len(ids), _ROWS_TOGETHER)]


def _rows_of(output: Tensor) -> np.ndarray:
    """(row, feature) of one time each; (row, time, feature) as it is; other axes joined."""
    values = output.detach().cpu().float()
    kept = values if values.ndim == 3 else values.flatten(1)[:, None]
    found: np.ndarray = kept.numpy()
    return found
