"""Many driving scenes as one Gymnasium vector environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jaxtyping import Bool, Float64, Int64, UInt8

from b2m_envs.driving.batch_checks import (
    as_autoreset_mode,
    check_batch,
    check_flag,
    check_number,
)
from b2m_envs.driving.checks import check_id, check_render_mode, valid_actions, valid_seeds
from b2m_envs.driving.faults import warn_of_faults
from b2m_envs.driving.masked_actions import require_masks
from b2m_envs.fixed_once_made import FixedOnceMade
from b2m_envs.rendering import make_camera
from b2m_envs.scenes.highway_env_names import hint_of_options
from b2m_envs.scenes.observation import ObservationChoice, action_space, observation_kind
from b2m_envs.scenes.seen import Seen
from b2m_envs.scenes.settings import (
    BATCH_KEYWORDS,
    ENGINE,
    ENVIRONMENT_KEYWORDS,
    settings_from_keywords,
)
from b2m_envs.scenes.view import camera_settings, enlarged

if TYPE_CHECKING:
    from b2m_envs.engine.observed_traffic import ObservedTraffic

Mask = Bool[np.ndarray, " world"]


class DrivingSceneVectorEnv(FixedOnceMade, VectorEnv[Any, Any, np.ndarray]):
    """Native batch of `DrivingSceneEnv` on our engine; see there for scenes, actions and `info`.

    World *k* of `reset(seed=s)` goes through the very episodes of a single environment after
    `reset(seed=s + k)`: observations, rewards, ends and `info`, bit for bit. Its `info` is laid out
    as Gymnasium's `SyncVectorEnv` lays it out: an array a key, and a mask `_key` of the worlds
    that have it.

    ```python
    >>> import gymnasium
    >>> envs = gymnasium.make_vec("b2m_envs:B2M/HighwayFastScene-v0", num_envs=256)
    >>> observations, infos = envs.reset(seed=0)
    >>> observations.shape
    (256, 64, 64, 2)

    ```

    | Parameter        | Type                 | Default      | Description                              |
    |------------------|----------------------|--------------|------------------------------------------|
    | `num_envs`       | **int**              | `1`          | Number of worlds                         |
    | `observation`    | **str**, object, **tuple**, **dict** | `"scene"` | As of `DrivingSceneEnv`     |
    | `autoreset_mode` | **AutoresetMode** or **str** | `NEXT_STEP` | See Gymnasium; `SAME_STEP` gives `final_obs` and `final_info`; `DISABLED` waits for `reset(options={"reset_mask": mask})` |
    | `n_threads`      | **int**              | `1`          | Threads that share the worlds; changes no result |
    | `copy`           | **bool**             | `True`       | Whether observations are copies; otherwise the next step writes over them |

    and those of `DrivingSceneEnv`. A scenario that the engine does not have is a `ValueError`, which
    `gymnasium.make_vec(..., vectorization_mode="sync")` or `"async"` runs. Lane keeping, whose single
    environment runs highway-env, is here on our engine, to rounding the same, under
    `observation="state"` and what else is made of the state; with `engine="b2m"`, which a single
    environment takes too, also under pictures of the engine's cameras. The first use on a
    machine compiles the engine, which the standard error says.
    """  # noqa: E501  (table)

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": ["rgb_array"],
        "render_fps": 1,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        scenario: str,
        num_envs: int = 1,
        render_mode: str | None = None,
        observation: ObservationChoice = "scene",
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        n_threads: int = 1,
        copy: bool = True,
        **settings: Any,
    ) -> None:
        """Take the settings of `SceneSettings` as keywords.

        Raises:
            ValueError: for an unknown setting, observation, render or autoreset mode, a value that
                does not fit, or a scenario that the engine does not have.
        """
        also = (*ENVIRONMENT_KEYWORDS, *BATCH_KEYWORDS)
        self.settings = settings_from_keywords(scenario, settings, also)
        warn_of_faults(self.settings)
        self._title = self.settings.of.id
        for name, value in (("num_envs", num_envs), ("n_threads", n_threads)):
            check_number(self.settings, name, value)
        self._copies = check_flag(self.settings, "copy", copy)
        self._mode = as_autoreset_mode(self.settings, autoreset_mode)
        self._kind = observation_kind(self.settings, observation)
        self.metadata = type(self).metadata | {  # type: ignore[misc]
            "autoreset_mode": self._mode,
            "render_fps": self.settings.steps_per_second,
        }
        modes = self.metadata["render_modes"]
        self.render_mode = check_render_mode(self.settings, render_mode, modes)
        self.num_envs = int(num_envs)
        self.single_action_space = action_space(self.settings)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.single_observation_space = self._kind.space(self.settings)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        check_batch(self.settings, self._kind)
        from b2m_envs.driving.scene_batch import SceneBatch  # compiled code: only where it is used

        self._batch = SceneBatch(
            self.settings, self.num_envs, int(n_threads), draws=self._kind.draws
        )
        self._render_camera = make_camera(enlarged(camera_settings(self.settings)))
        self._engine_name = np.full(self.num_envs, ENGINE, dtype=object)
        self._generators: list[np.random.Generator | None] = [None] * self.num_envs
        self._seeds = [-1] * self.num_envs
        self._runs = np.zeros(self.num_envs, np.bool_)
        self._ended = np.zeros(self.num_envs, np.bool_)  # and were not begun again
        self._made = True

    @property  # type: ignore[override]
    def np_random(self) -> tuple[np.random.Generator, ...]:
        """The generators of the worlds, as `SyncVectorEnv` gives them.

        Others may be set, one a world: the next episodes draw from them, and the seeds are then
        unknown (-1).

        Raises:
            ValueError: for another number of generators, or one for two worlds.
        """
        return tuple(self._generator(world) for world in range(self.num_envs))

    @np_random.setter  # type: ignore[override]
    def np_random(self, value: Sequence[np.random.Generator]) -> None:
        given = list(value) if isinstance(value, Sequence) else []
        valid = len({id(each) for each in given}) == len(given) == self.num_envs
        if not valid or not all(isinstance(each, np.random.Generator) for each in given):
            raise ValueError(
                f"{self._title}: np_random: expected {self.num_envs} generators, "
                f"each world its own, came {value!r}"
            )
        self._generators = [*given]
        self._seeds = [-1] * self.num_envs

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The seeds of the worlds' generators."""
        _ = self.np_random
        return tuple(self._seeds)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every world, or in those of `options["reset_mask"]`.

        Args:
            seed: `s` seeds world *k* with `s + k`; or one seed (or None) a world. Without a seed a
                world goes on drawing from its generator.
            options: `{"reset_mask": mask}`, a boolean array of the worlds to begin; the other
                worlds stay as they are, and their `info` is empty.

        Raises:
            ValueError: for other options, a mask, seed or number of seeds that does not fit, or a
                scenario given to `gymnasium.make_vec` that is not the id's.
            TypeError: for a mask that is no boolean array.
            gymnasium.error.ResetNeeded: for a mask that leaves out a world without an episode.

        A reset that is refused changes nothing.
        """
        check_id(self.spec, self.settings)
        seeds = valid_seeds(self.settings, seed, self.num_envs)
        chosen = self._reset_mask(options)
        waiting = np.flatnonzero(~(self._runs | chosen)).tolist()
        if waiting:
            raise gymnasium.error.ResetNeeded(
                f"{self._title}: reset: expected a first reset of every world, "
                f"reset_mask leaves out worlds {waiting}"
            )
        for world in np.flatnonzero(chosen):
            if seeds[world] is not None:
                self._seed(int(world), seeds[world])
        self.closed = False
        self._begin(chosen)
        return self._observation(), self._info(chosen, np.zeros_like(chosen))

    def step(
        self, actions: Any
    ) -> tuple[Any, Float64[np.ndarray, " world"], Mask, Mask, dict[str, Any]]:
        """Drive on for one policy step.

        A world whose episode ended in the last step begins the next one instead, under
        `NEXT_STEP`: its action is ignored (yet has to be a valid one) and it earns nothing.

        Raises:
            ValueError: for actions outside the action space (continuous actions beyond -1 and 1
                are clipped).
            gymnasium.error.ResetNeeded: before the first reset, after `close`, or, under
                `DISABLED`, for worlds whose episode has ended.
        """
        if not self._runs.all():
            raise gymnasium.error.ResetNeeded(f"{self._title}: no episodes run: call reset()")
        if self._mode is AutoresetMode.DISABLED and self._ended.any():
            ended = np.flatnonzero(self._ended).tolist()
            raise gymnasium.error.ResetNeeded(
                f"{self._title}: the episodes of worlds {ended} have ended: "
                'call reset(options={"reset_mask": mask}) for them'
            )
        if self.settings.driver == "agent":
            actions = valid_actions(self.settings, actions, self.num_envs)
        driven = ~self._ended
        self._batch.drive(actions, np.flatnonzero(driven))
        worlds = self._batch.worlds
        reward = np.where(driven, worlds.reward, 0.0)
        terminated = worlds.terminated & driven
        truncated = self._batch.truncated & driven
        info = self._begin_again(driven, terminated | truncated)
        return self._observation(), reward, terminated, truncated, info

    def action_masks(self) -> Bool[np.ndarray, "world action"]:
        """Whether each action is possible, see `DrivingSceneEnv.action_masks`."""
        require_masks(self.settings)
        if not self._runs.all():
            raise gymnasium.error.ResetNeeded(f"{self._title}: call reset() before action_masks()")
        return self._batch.worlds.action_masks()

    def render(self) -> tuple[UInt8[np.ndarray, "height width channel"], ...] | None:
        """A larger picture in colour of each world, in mode "rgb_array"."""
        if self.render_mode is None:
            return None
        if not self._runs.all():
            raise gymnasium.error.ResetNeeded(f"{self._title}: call reset() before render()")
        road, draw = self._batch.worlds.geometry, self._render_camera.draw
        return tuple(draw(road, self._batch.traffic(world)) for world in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """End the episodes and the threads; a reset starts both again."""
        self._runs[:] = False
        self._batch.close()

    def _begin_again(self, driven: Mask, ended: Mask) -> dict[str, Any]:
        """Begin the episodes that are to begin after this step; returns its `info`."""
        if self._mode is AutoresetMode.SAME_STEP and ended.any():
            final = self._final(ended)
            self._begin(ended)
            return self._info(self._runs, ~ended) | final
        if self._mode is AutoresetMode.NEXT_STEP:
            self._begin(~driven)
        self._ended = ended if self._mode is not AutoresetMode.SAME_STEP else self._ended
        return self._info(self._runs, driven)

    def _begin(self, chosen: Mask) -> None:
        which = np.flatnonzero(chosen)
        self._batch.begin(which, [self._generator(int(world)) for world in which])
        self._runs |= chosen
        self._ended = self._ended & ~chosen

    def _generator(self, world: int) -> np.random.Generator:
        generator = self._generators[world]
        return self._seed(world, None) if generator is None else generator

    def _seed(self, world: int, seed: int | None) -> np.random.Generator:
        generator, self._seeds[world] = seeding.np_random(seed)
        self._generators[world] = generator
        return generator

    def _reset_mask(self, options: Mapping[str, Any] | None) -> Mask:
        if options is not None and not isinstance(options, Mapping):
            expected = "None or a dictionary with reset_mask"
            raise ValueError(
                f"{self._title}: reset: options: expected {expected}, came {options!r}"
            )
        given = dict(options or {})
        mask = given.pop("reset_mask", np.ones(self.num_envs, np.bool_))
        if given:
            raise ValueError(
                f"{self._title}: reset: expected no options but reset_mask, came {given}"
                f"{hint_of_options(given)}"
            )
        expected = f"{self.num_envs} booleans in an array, one of them true"
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
            raise TypeError(f"{self._title}: reset: reset_mask: expected {expected}, came {mask!r}")
        if mask.shape != (self.num_envs,) or not mask.any():
            raise ValueError(
                f"{self._title}: reset: reset_mask: expected {expected}, came {mask!r}"
            )
        return mask

    def _observation(self) -> Any:
        scene = self._batch.scenes if self._kind.draws else None
        state = self._batch.state
        if self._copies:  # an observation may be a view of either
            scene, state = None if scene is None else scene.copy(), state.copy()
        traffic = self._traffic(np.arange(self.num_envs))
        return self._kind.of(
            self.settings, Seen(state=state, scene=scene, traffic=traffic, many=True)
        )

    def _traffic(self, which: Int64[np.ndarray, " chosen"]) -> ObservedTraffic | None:
        return self._batch.observed(which) if self._kind.of_traffic else None

    def _final(self, ended: Mask) -> dict[str, Any]:
        """What the worlds whose episode has ended looked like at its end."""
        which = np.flatnonzero(ended)
        scenes = self._batch.scenes[which] if self._kind.draws else [None] * len(which)
        observations = np.full(self.num_envs, None, dtype=object)
        for world, scene in zip(which, scenes, strict=True):
            state, traffic = self._batch.state[world].copy(), self._traffic(np.array([world]))
            seen = Seen(state=state, scene=scene, traffic=traffic)
            observations[world] = self._kind.of(self.settings, seen)
        final = {"final_obs": observations, "final_info": self._info(ended, ended)}
        return final | {f"_{name}": ended.copy() for name in final}

    def _info(self, here: Mask, driven: Mask) -> dict[str, Any]:
        """Gymnasium's layout.

        Args:
            here: The worlds that have an `info`.
            driven: Those in which it is that of a step and not of a reset.
        """
        batch = self._batch
        always = {
            "state": batch.state,
            "speed": batch.speed,
            "crashed": batch.crashed,
            "time": batch.step / self.settings.steps_per_second,
            "engine": self._engine_name,
        }
        if self.settings.vehicle_mask:
            always["vehicle_mask"] = batch.masks
        if self.settings.action == "discrete":
            always["action_mask"] = batch.worlds.action_masks().astype(np.int8)
        info = with_masks(always, here)
        if not driven.any():
            return info
        worlds = batch.worlds
        stepped = {"action": worlds.did}
        if worlds.has_success:
            stepped["is_success"] = worlds.success
        terms = dict(zip(worlds.term_names, worlds.terms.T, strict=True))
        rewards = {"rewards": with_masks(terms, driven), "_rewards": driven.copy()}
        return info | with_masks(stepped, driven) | rewards


def with_masks(values: Mapping[str, np.ndarray], here: Mask) -> dict[str, Any]:
    """Copies of arrays, nothing where a world has no value, each beside the mask that says so."""
    info: dict[str, Any] = {}
    everywhere = bool(here.all())
    for name, array in values.items():
        info[name] = array.copy()
        if not everywhere:
            info[name][~here] = None if array.dtype == object else 0
        info[f"_{name}"] = here.copy()
    return info
