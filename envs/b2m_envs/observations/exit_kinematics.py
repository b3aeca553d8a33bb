"""highway-env's ExitObservation: a table of the nearest vehicles that says where the exit is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gymnasium import spaces

from b2m_envs.observations.checks import refuse
from b2m_envs.observations.exit_place import check_has_exit
from b2m_envs.observations.kinematics import Kinematics
from b2m_envs.scenes.settings import SceneSettings

if TYPE_CHECKING:
    from b2m_envs.engine.observed_traffic import ObservedTraffic


@dataclass(frozen=True)
class ExitKinematics(Kinematics):
    """`Kinematics` whose x of the ego vehicle is along the lane to the exit, as highway-env's.

    It is negative before that lane begins and above 100 m behind its end; the others' rows are
    those of `Kinematics`. highway-env calls it ExitObservation, and it is its usual one there, with
    ``ExitKinematics(("presence", "x", "y", "vx", "vy", "cos_h", "sin_h"), 15, clip=False)``.

    ```python
    >>> import gymnasium
    >>> from b2m_envs import ExitKinematics
    >>> env = gymnasium.make(
    ...     "b2m_envs:B2M/ExitScene-v0", observation=ExitKinematics(("x", "y"), normalize=False)
    ... )
    >>> bool(-400 < env.reset(seed=0)[0][0, 0] < 0)
    True

    ```

    Args are those of `Kinematics`. highway-env sorts these rows always, and shows no obstacles: an
    exit has none.

    Raises:
        ValueError: For a setting that does not fit, or a scenario without an exit.
    """

    def space(self, settings: SceneSettings) -> spaces.Box:
        """The space of one world's table.

        Raises:
            ValueError: For another scenario than the exit.
        """
        check_has_exit(settings, type(self).__name__)
        return super().space(settings)

    def _check_order(self) -> None:
        super()._check_order()
        if self.order != "sorted":
            refuse(self, "order", "'sorted', as highway-env does always here", self.order)

    def _lane_of_x(self, traffic: ObservedTraffic) -> int:
        from b2m_envs.engine.rewards import exit_lane_number

        return exit_lane_number(traffic.table)
