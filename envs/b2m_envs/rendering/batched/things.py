"""What a batched camera draws: one row a vehicle or obstacle, for many worlds at once."""

from __future__ import annotations

import numpy as np

# The columns are those of `b2m_envs.rendering.geometry.Traffic`. In every world row 0 is the ego
# vehicle, other vehicles follow, then obstacles.
THING = np.dtype(
    [
        ("x", "f8"),  # [m] of the centre
        ("y", "f8"),  # [m]
        ("heading", "f8"),  # [rad]
        ("length", "f8"),  # [m]
        ("width", "f8"),  # [m]
        ("braking", "?"),  # brake lights are on
        ("obstacle", "?"),  # something in the way that is no vehicle
    ],
    align=True,
)
