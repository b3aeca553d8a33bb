"""What stands between an observation and the policy's layers: scales of a state, or a small CNN."""

from __future__ import annotations

from collections.abc import Sequence

import gymnasium
import torch
from jaxtyping import Float, Float32
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

_WIDTHS = (16, 32, 32)


class ScaledState(BaseFeaturesExtractor):
    """A finite state whose variables are of order 1, see `b2m_envs.scenes.observation`.

    Args:
        observation_space: One number a variable.
        scales: See `b2m_envs.scenes.observation.state_scales`.

    Raises:
        ValueError: For another number of scales.
    """

    def __init__(self, observation_space: gymnasium.spaces.Box, scales: Sequence[float]) -> None:
        if observation_space.shape != (len(scales),):
            raise ValueError(
                f"observation: expected a state of {len(scales)} variables, "
                f"came {observation_space.shape}"
            )
        super().__init__(observation_space, len(scales))
        self.factors: Float32[Tensor, " variable"]
        self.register_buffer("factors", 1.0 / torch.tensor(scales, dtype=torch.float32))

    def forward(
        self, observations: Float[Tensor, "batch variable"]
    ) -> Float[Tensor, "batch variable"]:
        """The variables, scaled."""
        return observations * self.factors


class SceneCNN(BaseFeaturesExtractor):
    """A convolutional network of scenes that is quick on a processor.

    The first layer looks at patches of 4 x 4 pixels that hardly overlap, so that the layers
    after it are small: about a fifth of the work of `NatureCNN` (Mnih et al. 2015).

    Args:
        observation_space: Scenes `[channel height width]`, as `VecChannelsFirst` gives them.
        features_dim: Outputs.
    """

    def __init__(self, observation_space: gymnasium.spaces.Box, features_dim: int = 128) -> None:
        super().__init__(observation_space, features_dim)
        n_channels = observation_space.shape[0]
        first, second, third = _WIDTHS
        self.layers = nn.Sequential(
            nn.Conv2d(n_channels, first, kernel_size=5, stride=4, padding=2),
            nn.ReLU(),
            nn.Conv2d(first, second, kernel_size=3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(second, third, kernel_size=3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        with torch.no_grad():
            n_flat = self.layers(torch.zeros(1, *observation_space.shape)).shape[1]
        self.layers.append(nn.Linear(n_flat, features_dim))
        self.layers.append(nn.ReLU())

    def forward(
        self, observations: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch feature"]:
        """Features of scenes whose pixels are 0 to 1, as Stable-Baselines3 prepares images."""
        features: Tensor = self.layers(observations)
        return features
