from __future__ import annotations

import numpy as np
import pytest

from b2m_envs.memory_decision.context_environment import ContextDecisionEnv
from b2m_envs.memory_decision.drawing import GREY, SubjectWindow, outlines
from b2m_envs.memory_decision.environment import MemoryDecisionEnv
from b2m_envs.memory_decision.sternberg_environment import SternbergEnv
from b2m_envs.memory_decision.trial_environment import TrialEnv
from b2m_envs.memory_decision.vector_environment import (
    ContextDecisionVectorEnv,
    MemoryDecisionVectorEnv,
)


def without_caption(frame: np.ndarray) -> np.ndarray:
    return frame[: int(frame.shape[0] * 0.85)]


def frames_by_period(env: TrialEnv) -> dict[str, np.ndarray]:
    """The first frame of every period, caption left out, and the last of the trial."""
    _, info = env.reset(seed=0)
    frames: dict[str, np.ndarray] = {}
    terminated = False
    while not terminated:
        frame = env.render()
        assert frame is not None
        frames.setdefault(info["period"], without_caption(frame))
        _, _, terminated, _, info = env.step(0)
    frame = env.render()
    assert frame is not None
    return frames | {"end": without_caption(frame)}


def test_each_period_looks_different_and_only_the_end_is_empty():
    frames = frames_by_period(MemoryDecisionEnv(render_mode="rgb_array", n_items=4))
    assert frames["fixation"].dtype == np.uint8
    assert frames["fixation"].shape[2] == 3
    empty = {name for name, frame in frames.items() if (frame == GREY).all()}
    assert empty == {"end"}
    np.testing.assert_array_equal(frames.pop("maintenance"), frames["fixation"])  # both a cross
    looks = {frame.tobytes() for frame in frames.values()}
    assert len(looks) == len(frames)


def test_probes_are_drawn_left_and_right_of_an_empty_centre():
    probe = frames_by_period(MemoryDecisionEnv(render_mode="rgb_array"))["probe"]
    drawn = (probe != GREY).any(axis=(0, 2))
    width = len(drawn)
    assert drawn[: width // 2 - 20].any()
    assert drawn[width // 2 + 20 :].any()
    assert not drawn[width // 2 - 10 : width // 2 + 10].any()


def test_similar_codes_have_similar_outlines():
    generator = np.random.default_rng(0)
    code = generator.standard_normal(8)
    near, far = code + 0.1 * generator.standard_normal(8), generator.standard_normal(8)
    shape = outlines(np.stack((code, near, far)).astype(np.float32))
    assert np.abs(shape[0] - shape[1]).mean() < 0.3 * np.abs(shape[0] - shape[2]).mean()


def test_a_batch_draws_what_the_single_environment_draws():
    batch = MemoryDecisionVectorEnv(num_envs=2, render_mode="rgb_array")
    single = MemoryDecisionEnv(render_mode="rgb_array")
    batch.reset(seed=0)
    single.reset(seed=1)
    for _ in range(8):
        batch.step(np.zeros(2, dtype=np.int64))
        single.step(0)
    frames = batch.render()
    assert frames is not None
    np.testing.assert_array_equal(frames[1], single.render())


def test_an_unknown_render_mode_is_refused():
    with pytest.raises(ValueError, match=r"render_mode: expected one of .* came 'ascii'"):
        MemoryDecisionEnv(render_mode="ascii")
    with pytest.raises(ValueError, match=r"render_mode: expected one of .* came 'human'"):
        MemoryDecisionVectorEnv(num_envs=2, render_mode="human")


def test_frames_per_second_follow_the_time_step_of_each_instance():
    assert MemoryDecisionEnv(time_step=0.05).metadata["render_fps"] == 20
    assert MemoryDecisionEnv.metadata["render_fps"] == 10


def test_the_human_mode_draws_by_itself_and_closes_its_window(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    import pygame

    env = MemoryDecisionEnv(render_mode="human", time_step=0.05)
    env.reset(seed=0)
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    env.render_mode = "rgb_array"
    np.testing.assert_array_equal(shown, env.render())
    env.close()
    assert pygame.display.get_surface() is None


def test_the_human_mode_without_a_display_says_what_to_do(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SDL_VIDEODRIVER", "no_such_driver")
    with pytest.raises(RuntimeError, match=r'expected a display .* use render_mode="rgb_array"'):
        SubjectWindow(10.0)


def test_the_probe_of_the_sternberg_task_is_drawn_at_the_centre_alone():
    frames = frames_by_period(SternbergEnv(render_mode="rgb_array", n_items=2))
    drawn = (frames["probe"] != GREY).any(axis=(0, 2))
    columns = np.flatnonzero(drawn)
    width = len(drawn)
    assert drawn[width // 2]
    assert width // 4 < columns.min() < columns.max() < 3 * width // 4
    np.testing.assert_array_equal(frames["maintenance"], frames["fixation"])


def test_the_rule_is_drawn_during_fixation_only_and_each_rule_differently():
    looks = {}
    for seed in range(8):
        env = ContextDecisionEnv(render_mode="rgb_array")
        _, info = env.reset(seed=seed)
        looks.setdefault(info["rule"], set()).add(without_caption(env.render()).tobytes())
    assert set(looks) == {0, 1}
    assert all(len(seen) == 1 for seen in looks.values())
    assert looks[0] != looks[1]
    frames = frames_by_period(ContextDecisionEnv(render_mode="rgb_array"))
    cross = frames_by_period(MemoryDecisionEnv(render_mode="rgb_array"))["maintenance"]
    assert not np.array_equal(frames["fixation"], cross)
    np.testing.assert_array_equal(frames["maintenance"], cross)


def test_a_batch_draws_the_rule_that_the_single_environment_draws():
    batch = ContextDecisionVectorEnv(num_envs=2, render_mode="rgb_array")
    single = ContextDecisionEnv(render_mode="rgb_array")
    batch.reset(seed=0)
    single.reset(seed=1)
    np.testing.assert_array_equal(batch.render()[1], single.render())


def test_a_distractor_is_drawn_in_place_of_the_cross():
    env = MemoryDecisionEnv(render_mode="rgb_array", n_distractors=1)
    _, info = env.reset(seed=0)
    looks = set()
    while info["period"] != "probe":
        if info["period"] == "maintenance":
            looks.add(without_caption(env.render()).tobytes())
        info = env.step(0)[4]
    assert len(looks) == 2


def test_errors_about_drawing_name_the_task():
    with pytest.raises(ValueError, match=r"B2M/Sternberg: render_mode: .* came 'ascii'"):
        SternbergEnv(render_mode="ascii")
