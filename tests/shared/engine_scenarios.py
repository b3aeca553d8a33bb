"""The scenarios that the fast engine has."""

from __future__ import annotations

from b2m_envs.engine.rewards import SCORING

ENGINE_SCENARIOS = tuple(SCORING)
