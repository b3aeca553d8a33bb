"""Batches of driving scenes against single environments of the same seeds."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from b2m_envs.driving import SCENARIOS, SceneSettings
from b2m_envs.driving.environment import DrivingSceneEnv
from b2m_envs.driving.vector_environment import DrivingSceneVectorEnv
from b2m_envs.engine.first_compile import announce_first_compile
from b2m_envs.scenes.observation import finite_state
from b2m_envs.scenes.state import STATE_INDEX
from tests.shared.engine_scenarios import ENGINE_SCENARIOS
from tests.shared.type_checks import without_type_checks

FAST = [name for name, scenario in SCENARIOS.items() if scenario.fast]
SMALL: dict[str, Any] = {"height": 36, "width": 40}
N = 5
MODES = list(AutoresetMode)


def few(scenario: str) -> dict[str, Any]:
    """Settings of short episodes, some of which crash."""
    traffic = {"vehicles_count": 8} if "vehicles_count" in SCENARIOS[scenario].options else {}
    return SMALL | traffic | {"duration": 4 / SCENARIOS[scenario].policy_frequency}


def batch(scenario: str = "highway_fast", n: int = N, **settings: Any) -> DrivingSceneVectorEnv:
    return DrivingSceneVectorEnv(scenario, num_envs=n, **(few(scenario) | settings))


def one_by_one(
    scenario: str = "highway_fast",
    autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    **settings: Any,
) -> SyncVectorEnv:
    """Single environments, batched by Gymnasium."""
    keywords = few(scenario) | settings
    return SyncVectorEnv(
        [lambda: DrivingSceneEnv(scenario, **keywords)] * N, autoreset_mode=autoreset_mode
    )


def assert_equal(ours: Any, theirs: Any) -> None:
    """Equal in keys, types and bits; NaN equals NaN."""
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs)
        for name in theirs:
            assert_equal(ours[name], theirs[name])
    elif theirs is None or isinstance(theirs, str):
        assert ours == theirs
    elif isinstance(theirs, tuple) or theirs.dtype == object:
        assert type(ours) is type(theirs)
        for here, there in zip(ours, theirs, strict=True):
            assert_equal(here, there)
    else:
        np.testing.assert_array_equal(ours, theirs, strict=True)


def drive_both(
    ours: DrivingSceneVectorEnv, theirs: SyncVectorEnv, n_steps: int, seed: int = 3
) -> int:
    """Compare all that a reset and random steps return; gives the number of ended episodes."""
    ended = np.zeros(N, np.bool_)
    n_ended = 0
    assert_equal(ours.reset(seed=seed), theirs.reset(seed=seed))
    ours.action_space.seed(seed)
    for _ in range(n_steps):
        if ours.metadata["autoreset_mode"] is AutoresetMode.DISABLED and ended.any():
            assert_equal(
                ours.reset(options={"reset_mask": ended}),
                theirs.reset(options={"reset_mask": ended}),
            )
        actions = ours.action_space.sample()
        here = ours.step(actions)
        assert_equal(here, theirs.step(actions))
        ended = here[2] | here[3]
        n_ended += int(ended.sum())
    return n_ended


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scenario", FAST)
def test_a_world_of_a_batch_equals_a_single_environment(scenario: str, mode: AutoresetMode) -> None:
    ours = batch(scenario, autoreset_mode=mode)
    assert drive_both(ours, one_by_one(scenario, mode), n_steps=9) >= N


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "settings",
    [
        {"action": "continuous", "observation": "both", "colour": True},
        {"driver": "highway_env", "observation": "state"},
        {"policy_frequency": 5, "frame_interval": 0.4, "n_frames": 3, "duration": 1},
        {"camera": "drivers_eye", "vehicle_mask": True, "n_frames": 1},
    ],
    ids=["continuous", "driver", "sparse-stack", "mask"],
)
def test_so_it_does_under_other_settings(settings: dict[str, Any], mode: AutoresetMode) -> None:
    ours = batch(autoreset_mode=mode, **settings)
    assert drive_both(ours, one_by_one(autoreset_mode=mode, **settings), n_steps=11) > 0


@pytest.mark.slow
def test_another_seed_gives_other_worlds_so_the_comparison_can_fail() -> None:
    first, second = (batch().reset(seed=seed)[0] for seed in (3, 4))
    assert (first[0] != second[0]).any()
    np.testing.assert_array_equal(first[1:], second[:-1])
    apart = batch().reset(seed=[4, None, None, None, None])[0]
    np.testing.assert_array_equal(apart[0], second[0])


@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_change_nothing(n_threads: int) -> None:
    one, many = batch(), batch(n_threads=n_threads)
    assert_equal(many.reset(seed=1), one.reset(seed=1))
    for action in (1, 3, 2, 0, 1, 4):
        actions = np.full(N, action)
        assert_equal(many.step(actions), one.step(actions))


def test_gymnasium_makes_the_batch_and_says_how_it_resets() -> None:
    envs = gymnasium.make_vec("b2m_envs:B2M/MergeScene-v0", num_envs=3, height=40)
    assert isinstance(envs.unwrapped, DrivingSceneVectorEnv)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    observation, info = envs.reset(seed=0)
    assert observation.shape == (3, 40, 64, 2)
    assert observation in envs.observation_space
    assert len(np.unique(observation)) > 10
    assert info["engine"].tolist() == ["b2m"] * 3
    envs.close()


@pytest.mark.parametrize("kind", ["scene", "state", "both"])
def test_observations_lie_in_their_space_and_are_finite(kind: str) -> None:
    envs = batch(observation=kind)
    for observation in (envs.reset(seed=0)[0], envs.step(np.full(N, 3))[0]):
        assert envs.observation_space.contains(observation)
        single = DrivingSceneEnv("highway_fast", observation=kind, **few("highway_fast"))
        assert single.observation_space == envs.single_observation_space
    state = observation["state"] if kind == "both" else observation
    assert np.isfinite(state).all()


def test_what_stands_for_a_variable_without_meaning() -> None:
    state = np.full((2, len(STATE_INDEX)), np.nan, np.float32)
    state[1] = 0.5
    finite = finite_state(SceneSettings("merge", perception=80), state)
    expected = {"lane": -1, "gap": 80, "left_behind": 80, "time_to_collision": 20, "curvature": 0}
    assert {name: finite[0, STATE_INDEX[name]] for name in expected} == expected
    np.testing.assert_array_equal(finite[1], state[1])


def test_an_observation_changes_afterwards_only_if_asked_not_to_be_a_copy() -> None:
    for copy in (True, False):
        envs = batch(copy=copy)
        observation, _ = envs.reset(seed=0)
        before = observation.copy()
        envs.step(np.full(N, 3))
        assert (observation == before).all() == copy


def test_render_draws_every_world_as_the_single_environment_does() -> None:
    envs = batch(render_mode="rgb_array")
    with pytest.raises(gymnasium.error.ResetNeeded):
        envs.render()
    envs.reset(seed=0)
    pictures = envs.render()
    assert pictures is not None
    assert len(pictures) == N
    single = DrivingSceneEnv("highway_fast", render_mode="rgb_array", **few("highway_fast"))
    single.reset(seed=2)
    np.testing.assert_array_equal(pictures[2], single.render())
    assert batch().render() is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 0}, "num_envs: expected a whole number of 1 or more, came 0"),
        ({"n": 2.0}, "num_envs: expected .* came 2.0"),
        ({"n_threads": 0}, "n_threads"),
        ({"colur": True}, "unknown setting: expected one of .*colour.*came 'colur'"),
        ({"autoreset_mode": "Never"}, "autoreset_mode: expected one of 'NextStep'.*came 'Never'"),
        (
            {"observations": "state"},
            "unknown setting: expected one of .*reward, observation, render_mode, num_envs, "
            "autoreset_mode, n_threads, copy, came 'observations'",
        ),
        ({"copy": "no"}, "copy: expected True or False, came 'no'"),
        ({"frame_interval": 1e6}, r"frame_interval: .* up to the duration \(4 s\).*came 1000000.0"),
        (
            {"observation": "pixels"},
            "observation: expected 'scene' or 'state' or 'scaled_",
        ),
        ({"render_mode": "human"}, "render_mode: expected one of"),
        ({"engine": "highway-env"}, '.*came engine="highway-env"; use .*vectorization_mode="sync"'),
    ],
)
@pytest.mark.usefixtures("as_users_run_it")
def test_a_wrong_keyword_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"HighwayFastScene-v0: {message}"):
        batch(**settings)


def test_autoreset_modes_have_names_and_values() -> None:
    for mode in AutoresetMode:
        for word in (mode, mode.name, mode.value):
            assert batch(autoreset_mode=word).metadata["autoreset_mode"] is mode


def test_gymnasiums_own_batch_says_who_has_a_keyword_that_it_lacks() -> None:
    message = r"unknown setting: .*came 'n_threads' \(of the native batch only: .*make_vec without"
    with pytest.raises(ValueError, match=message):
        gymnasium.make_vec("b2m_envs:B2M/MergeScene-v0", vectorization_mode="sync", n_threads=2)


def test_a_scenario_without_the_engine_says_what_to_use() -> None:
    slow = "parking"
    with pytest.raises(ValueError, match=r'engine .*; use gymnasium.make_vec.*mode="sync"'):
        DrivingSceneVectorEnv(slow)
    with pytest.raises(ValueError, match='engine: expected engine="highway-env" for this scenario'):
        SceneSettings(slow, engine="b2m")
    assert SceneSettings(slow).chosen_engine == "highway-env"
    assert SceneSettings("highway").chosen_engine == "b2m"
    assert SceneSettings("highway", engine="highway-env").chosen_engine == "highway-env"


@pytest.mark.parametrize(
    ("kind", "actions"),
    [
        ("discrete", [1] * (N - 1)),
        ("discrete", [1.0] * N),
        ("discrete", [True] * N),
        ("discrete", [1, 1, 1, 1, 5]),
        ("discrete", [1, 1, -1, 1, 1]),
        ("discrete", None),
        ("continuous", [[0.0, 0.0]] * (N - 1)),
        ("continuous", [0.0] * N),
        ("continuous", [[0.0, np.nan]] + [[0.0, 0.0]] * (N - 1)),
        ("continuous", [["a", "b"]] * N),
        ("continuous", [[0.0]] + [[0.0, 0.0]] * (N - 1)),
    ],
)
def test_wrong_actions_are_an_error(kind: str, actions: Any) -> None:
    envs = batch(action=kind)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match=rf"HighwayFastScene-v0: actions: expected {N}"):
        envs.step(actions)


def test_stepping_needs_running_episodes() -> None:
    envs, actions = batch(autoreset_mode="Disabled", duration=1), np.ones(N, np.int64)
    with pytest.raises(gymnasium.error.ResetNeeded):
        envs.step(actions)
    only_first = np.arange(N) == 0
    with pytest.raises(gymnasium.error.ResetNeeded, match=r"leaves out worlds \[1, 2, 3, 4\]"):
        envs.reset(seed=0, options={"reset_mask": only_first})
    envs.reset(seed=0)
    assert envs.step(actions)[3].all()
    with pytest.raises(gymnasium.error.ResetNeeded, match=r"worlds \[0, 1, 2, 3, 4\] have ended"):
        envs.step(actions)
    envs.reset(options={"reset_mask": only_first})
    with pytest.raises(gymnasium.error.ResetNeeded, match=r"worlds \[1, 2, 3, 4\] have ended"):
        envs.step(actions)
    envs.reset()
    envs.close()
    with pytest.raises(gymnasium.error.ResetNeeded):
        envs.step(actions)


@pytest.mark.parametrize("closed", [False, True])
def test_a_refused_reset_changes_nothing(closed: bool) -> None:
    envs, untouched = (batch(autoreset_mode="Disabled") for _ in range(2))
    for each in (envs, untouched):
        each.reset(seed=8)
    only_first = np.arange(N) == 0
    refused: list[dict[str, Any]] = [{"seed": [1, -1, 2, 3, 4]}]
    if closed:
        envs.close()
        refused = [
            {"seed": 0, "options": {"reset_mask": mask}} for mask in (only_first, ~only_first)
        ]
    for arguments in refused:
        with pytest.raises((ValueError, gymnasium.error.ResetNeeded)):
            envs.reset(**arguments)
    assert envs.closed == closed
    assert envs.np_random_seed == untouched.np_random_seed
    assert_equal(envs.reset(), untouched.reset())


def test_masks_of_refused_first_resets_do_not_add_up() -> None:
    envs = batch(autoreset_mode="Disabled")
    only_first = np.arange(N) == 0
    for mask in (only_first, ~only_first):
        with pytest.raises(gymnasium.error.ResetNeeded, match="expected a first reset of every"):
            envs.reset(seed=0, options={"reset_mask": mask})


def test_generators_may_be_set_one_a_world() -> None:
    envs, seeded = batch(), batch()
    envs.np_random = tuple(np.random.default_rng(4 + world) for world in range(N))
    assert envs.np_random_seed == (-1,) * N
    assert_equal(envs.reset(), seeded.reset(seed=4))
    one = np.random.default_rng(0)
    for wrong in (one, [one] * N, [np.random.default_rng(0)], [None] * N):
        with pytest.raises(ValueError, match="np_random: expected 5 generators, each world its"):
            set_generators(envs, wrong)
    assert envs.np_random_seed == (-1,) * N


def set_generators(envs: DrivingSceneVectorEnv, generators: Any) -> None:
    """Set them without the tests' checks of types."""
    with without_type_checks():
        envs.np_random = generators


def test_closing_ends_the_threads_and_a_reset_starts_them_again() -> None:
    before = threading.active_count()
    envs = batch(n_threads=2)
    first = envs.reset(seed=0)
    assert threading.active_count() > before
    envs.close()
    assert threading.active_count() == before
    assert_equal(envs.reset(seed=0), first)
    envs.step(np.ones(N, np.int64))
    envs.close()
    envs.close()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"seed": [1, 2]}, ValueError, "seed: expected None, a whole .* or 5 of them, came 2 of"),
        ({"seed": -1}, ValueError, "seed: expected None or a whole number of 0 or more, came -1"),
        ({"seed": [1, 2, -3, 4, 5]}, ValueError, "seed: expected .* came -3"),
        ({"seed": 1.5}, ValueError, "seed: expected None, a whole number .* came 1.5"),
        ({"seed": "abcde"}, ValueError, "seed: expected None, a whole number .* came 'abcde'"),
        ({"seed": [1.5] * N}, ValueError, "seed: expected None or a whole number .* came 1.5"),
        ({"seed": np.full(N, 1.5)}, ValueError, "seed: expected None or a whole .* came 1.5"),
        ({"seed": True}, ValueError, "seed: expected None, a whole number .* came True"),
        ({"seed": [True] * N}, ValueError, "seed: expected None or a whole .* came True"),
        ({"options": "hello"}, ValueError, "options: expected None or a dictionary .* 'hello'"),
        ({"options": []}, ValueError, r"options: expected None or a dictionary .* came \[\]"),
        ({"options": {"config": {}}}, ValueError, "expected no options but reset_mask"),
        ({"options": {"reset_mask": [True] * N}}, TypeError, "reset_mask: expected 5 booleans"),
        ({"options": {"reset_mask": np.ones(N)}}, TypeError, "reset_mask: expected 5 booleans"),
        ({"options": {"reset_mask": np.zeros(N, np.bool_)}}, ValueError, "one of them true"),
        ({"options": {"reset_mask": np.ones(2, np.bool_)}}, ValueError, "reset_mask"),
    ],
)
@pytest.mark.usefixtures("as_users_run_it")
def test_a_wrong_reset_is_named(arguments: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        batch().reset(**arguments)


def test_an_id_makes_no_batch_of_another_scenario() -> None:
    envs = gymnasium.make_vec("b2m_envs:B2M/HighwayFastScene-v0", num_envs=2, scenario="merge")
    with pytest.raises(ValueError, match=r"HighwayFastScene-v0: scenario: expected none.*'merge'"):
        envs.reset()


def test_highway_env_is_not_underneath_the_engine() -> None:
    env = DrivingSceneEnv("merge")
    with pytest.raises(AttributeError, match="expected engine=\"highway-env\", came 'b2m'"):
        _ = env.highway_env
    assert env.reset(seed=0)[1]["engine"] == "b2m"
    assert env.step(1)[4]["engine"] == "b2m"
    other = DrivingSceneEnv("merge", engine="highway-env")
    assert other.reset(seed=0)[1]["engine"] == "highway-env"
    assert other.highway_env.road.vehicles


@pytest.mark.slow
@pytest.mark.parametrize("scenario", FAST)
def test_both_engines_begin_alike_and_look_alike(scenario: str) -> None:
    ours, theirs = (
        DrivingSceneEnv(scenario, engine=engine, n_frames=1) for engine in ("b2m", "highway-env")
    )
    for seed in range(3):
        (our_frame, our_info), (frame, info) = ours.reset(seed=seed), theirs.reset(seed=seed)
        for action in (1, ours.action_space.n - 2):
            np.testing.assert_allclose(our_info["state"], info["state"], atol=1e-5)
            assert np.abs(our_frame.astype(int) - frame).mean() < 2
            our_frame, our_reward, *our_ends, our_info = ours.step(action)
            frame, reward, *ends, info = theirs.step(action)
            assert our_reward == pytest.approx(reward, abs=1e-9)
            assert (our_ends, set(our_info)) == (ends, set(info))
            if any(ends):
                break


def test_every_scenario_said_to_be_fast_is_one_of_the_engine() -> None:
    assert set(FAST) <= set(ENGINE_SCENARIOS)


def test_a_compile_is_announced_only_where_it_is_going_to_happen(monkeypatch, capsys) -> None:
    monkeypatch.setattr("b2m_envs.engine.first_compile._told", [])
    on_disk: dict[str, Any] = {}

    class Kernel:  # what numba's compiled functions have
        signatures: ClassVar[list[Any]] = []
        _cache = SimpleNamespace(_cache_file=SimpleNamespace(_load_index=lambda: on_disk))

    def plain() -> None:
        """What numba leaves where it is switched off."""

    on_disk["a signature"] = "a file"
    assert not announce_first_compile([Kernel(), plain])
    assert capsys.readouterr().err == ""
    on_disk.clear()
    assert announce_first_compile([plain, Kernel()])
    assert not announce_first_compile([Kernel()])  # once is enough
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("b2m_envs: compiling the driving engine")
    assert printed.err.count("\n") == 1


def test_importing_the_package_and_the_settings_compiles_nothing() -> None:
    code = (
        "import sys, b2m_envs; "
        "print([m for m in ('numba', 'cv2', 'highway_env') if m in sys.modules]); "
        "import b2m_envs.scenes.settings as settings; "
        "assert settings.SceneSettings('highway').chosen_engine == 'b2m'; "
        "print([m for m in ('numba', 'highway_env') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]
