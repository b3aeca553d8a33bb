"""Where highway-env's steering controller is steady, and where it swings.

The controller turns the distance y [m] from the lane's centre into a wanted heading, -K_y y / v,
and the error of the heading psi [rad] into a rate, K_h (-K_y y / v - psi); the slip angle that
gives this rate is L / (2 v) of it, and moves the vehicle sideways too. For small errors on a
straight lane, a simulation step of t seconds is

    y'   = y + t v (psi + L / (2 v) r),    psi' = psi + t r,    r = K_h (-K_y y / v - psi).

Both errors decay if the eigenvalues of this step are inside the unit circle (Jury's conditions).
The one that fails first, 1 + trace + determinant > 0, reads

    v > (L / 4) K_h K_y t / (1 - K_h t / 2 + K_h K_y t^2 / 4);

its numerator is 10.4 / frequency [m/s]. Slower vehicles overshoot by more in each simulation step.
"""

from __future__ import annotations

from typing import Final

LENGTH: Final = 5.0  # [m] of a vehicle
HEADING_GAIN: Final = 1 / 0.2  # [1/s] K_h, highway-env's KP_HEADING
SIDE_GAIN: Final = 1 / 0.6  # [1/s] K_y, highway-env's KP_LATERAL


def slowest_steady_speed(simulation_frequency: float | int) -> float:
    """Speed [m/s] below which the steering controller swings, at a frequency [Hz]."""
    step = 1 / simulation_frequency
    damping = 1 - HEADING_GAIN * step / 2 + HEADING_GAIN * SIDE_GAIN * step**2 / 4
    return LENGTH / 4 * HEADING_GAIN * SIDE_GAIN * step / damping
