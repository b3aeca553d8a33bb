"""Settings that a user gives are of the types that their fields declare, or refused by name."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from b2m_agents.evaluation.evaluate import EvaluationSettings
from b2m_agents.learning.agent_settings import TrainingSettings, settings_for
from b2m_agents.learning.algorithm_settings import (
    DQNSettings,
    HERSettings,
    PPOSettings,
    RecurrentPPOSettings,
    SACSettings,
)
from b2m_agents.learning.settings_json import training_from_json, training_json
from b2m_agents.memory.memory_agent import MemoryAgentSettings
from b2m_agents.studies.agents.plan import AgentsStudySettings
from b2m_agents.studies.driving.plan import DrivingStudySettings
from b2m_agents.studies.memory.plan import MemoryStudySettings
from b2m_agents.videos.video import VideoSettings
from b2m_drive.students.scene_vae import SceneVAESettings
from b2m_drive.transfer.schedule import WeightSchedule
from b2m_envs.memory_decision import ContextDecisionSettings, MemoryDecisionSettings
from b2m_envs.scenes.settings import SceneSettings

pytestmark = pytest.mark.usefixtures("as_users_run_it")


GIVEN: dict[type, dict[str, Any]] = {
    **{
        kind: {}
        for kind in (
            PPOSettings, RecurrentPPOSettings, DQNSettings, SACSettings, HERSettings,
            TrainingSettings, EvaluationSettings, MemoryAgentSettings, AgentsStudySettings,
            DrivingStudySettings, MemoryStudySettings, VideoSettings, WeightSchedule,
            MemoryDecisionSettings, ContextDecisionSettings,
        )
    },
    SceneSettings: {"scenario": "merge"},
    SceneVAESettings: {"height": 36, "width": 40, "channels": 2},
}  # fmt: skip
OTHER_TYPES: tuple[Any, ...] = ("wrong", [1, "a"], {}, object(), lambda step: 1.0, math.nan)


@pytest.mark.slow
@pytest.mark.parametrize("kind", GIVEN, ids=lambda kind: kind.__name__)
def test_a_value_of_another_type_is_refused_by_the_name_of_its_field(kind: type):
    for field in fields(kind):  # type: ignore[arg-type]
        for wrong in OTHER_TYPES:
            if isinstance(wrong, str) and field.name in ("codes", "preset", "device"):
                continue
            if field.name == "reward" and (callable(wrong) or wrong == {}):
                continue  # a function of one's own, and no settings but highway-env's
            if field.name == "observation_options" and wrong == {}:
                continue  # none
            with pytest.raises(ValueError, match=field.name):
                kind(**{**GIVEN[kind], field.name: wrong})


def test_lists_and_numpys_numbers_are_taken():
    settings = settings_for("highway_fast", hidden_sizes=[64, np.int64(32)], n_steps=np.int64(4096))
    assert settings.algorithm.hidden_sizes == (64, 32)
    assert type(settings.n_steps) is int
    assert training_from_json(training_json(settings)) == settings
    assert AgentsStudySettings(seeds=[0, 1]).seeds == (0, 1)


def test_a_schedule_of_the_learning_rate_is_refused_for_what_it_is():
    for kind in (PPOSettings, DQNSettings, SACSettings, MemoryAgentSettings):
        with pytest.raises(ValueError, match=r"learning_rate: expected a number, .*a schedule"):
            kind(learning_rate=lambda left: 3e-4 * left)
