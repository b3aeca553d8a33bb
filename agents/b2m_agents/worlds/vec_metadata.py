"""Metadata of Stable-Baselines3's batches, which it leaves without a speed of pictures."""

from __future__ import annotations

from typing import Any

from gymnasium.vector import VectorEnv


def vec_metadata(batch: VectorEnv[Any, Any, Any]) -> dict[str, Any]:
    """What Stable-Baselines3's recorders ask: how fast pictures go, and which ones there are."""
    modes = [] if batch.render_mode is None else [batch.render_mode]
    return {"render_modes": modes, "render_fps": batch.metadata["render_fps"]}
