"""sb3-contrib's MaskablePPO finds the masks, and takes no action that they forbid."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.vec_env import DummyVecEnv

from b2m_agents.worlds.scene_vec_env import make_scene_vec_env
from b2m_envs.scenes.settings import SceneSettings

SCENE = SceneSettings("two_way", duration=3)


def single() -> gymnasium.Env:
    return gymnasium.make("b2m_envs:B2M/TwoWayScene-v0", observation="scaled_state", duration=3)


def test_both_kinds_of_worlds_offer_their_masks():
    ours = make_scene_vec_env(SCENE, 3, seed=0, observation="scaled_state")
    theirs = DummyVecEnv([single] * 3)
    theirs.seed(0)
    for worlds in (ours, theirs):
        worlds.reset()
        assert is_masking_supported(worlds)
    assert get_action_masks(ours).shape == (3, 5)
    assert np.array_equal(get_action_masks(ours), get_action_masks(theirs))


@pytest.mark.slow
def test_a_policy_learns_and_takes_possible_actions_only():
    worlds = make_scene_vec_env(SCENE, 2, seed=0, observation="scaled_state")
    policy = MaskablePPO("MlpPolicy", worlds, n_steps=8, batch_size=16, n_epochs=1, device="cpu")
    policy.learn(32)
    seen = worlds.reset()
    for _ in range(6):
        masks = get_action_masks(worlds)
        actions, _ = policy.predict(seen, action_masks=masks)
        assert masks[np.arange(2), actions].all()
        seen = worlds.step(actions)[0]
