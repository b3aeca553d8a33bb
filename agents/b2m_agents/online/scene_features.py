"""An encoder inside a Stable-Baselines3 policy, reached by the policy's gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import gymnasium
import numpy as np
import torch
from jaxtyping import Float
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from b2m_agents.worlds.latent_observation import check_frame_size
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings

_LARGEST_PIXEL = 255.0


class SceneFeatures(BaseFeaturesExtractor):
    """Scenes become the posterior means of a `SceneVAE` that learns with the policy.

    For the ``CnnPolicy`` of any of Stable-Baselines3's algorithms, which are saved and loaded as
    usual: its arguments are plain numbers, and the weights are tensors of the policy's state.
    Stable-Baselines3 draws new weights for what it builds, so give it those of an encoder after:

    ```python
    policy = PPO("CnnPolicy", envs, policy_kwargs=scene_policy(encoder.settings))
    put_encoder(policy.policy, encoder)
    ```

    The latents are means in training too. Decoder and variances get no gradient and stay as they
    were; they are kept so that the encoder can be written as a whole `SceneVAE`.

    Args:
        observation_space: Scenes of uint8, `[height width channel]` or, as `VecChannelsFirst`
            gives them, `[channel height width]`. ``normalize_images`` stays at its default, True.
        encoder: Fields of `SceneVAESettings`, as plain data.
        channels_first: Which of the two it is. None: the encoder's sizes tell, unless all three
            are one.

    Raises:
        ValueError: If the observation is no scene, or one of another size than the encoder's; or
            if the sizes do not tell where the channels are.
    """

    def __init__(
        self,
        observation_space: gymnasium.Space[Any],
        encoder: Mapping[str, Any],
        channels_first: bool | None = None,
    ) -> None:
        if (
            not isinstance(observation_space, gymnasium.spaces.Box)
            or observation_space.dtype != np.uint8
            or len(observation_space.shape) != 3
        ):
            raise ValueError(f"observation: expected scenes of uint8, came {observation_space}")
        settings = _settings(encoder)
        super().__init__(observation_space, settings.latent_size)
        self.vae = SceneVAE(settings)
        shape = observation_space.shape
        sizes = (settings.height, settings.width, settings.channels)
        self._channels_first = (
            _told_by_sizes(shape, sizes) if channels_first is None else channels_first
        )
        check_frame_size(self.vae, (*shape[1:], shape[0]) if self._channels_first else shape)
        for part in (self.vae.decoder, self.vae.from_latent, self.vae.to_logvar):
            part.requires_grad_(False)
        self.vae.eval()

    def forward(self, observations: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch latent"]:
        """The latents of scenes.

        Args:
            observations: Pixels of 0 to 1, as Stable-Baselines3 prepares images.

        Raises:
            ValueError: For pixels beyond 1, which come with ``normalize_images=False``.
        """
        if observations.max() > 1:
            raise ValueError(
                f"normalize_images: expected True and so pixels of 0 to 1, came pixels of up to "
                f"{float(observations.max()):g}"
            )
        frames = (observations * _LARGEST_PIXEL).round().to(torch.uint8)
        if self._channels_first:
            frames = frames.permute(0, 2, 3, 1)
        return self.vae.encode(frames).mean

    def train(self, mode: bool = True) -> SceneFeatures:
        """Switch the mode of all but the encoder, which never draws latents."""
        super().train(mode)
        self.vae.eval()
        return self


def scene_policy(
    settings: SceneVAESettings, *, channels_first: bool | None = None
) -> dict[str, Any]:
    """Keywords of a ``CnnPolicy`` that reads scenes through an encoder of these settings.

    Args:
        settings: Of the encoder.
        channels_first: See `SceneFeatures`; None: the sizes tell.
    """
    given = {} if channels_first is None else {"channels_first": channels_first}
    return {
        "features_extractor_class": SceneFeatures,
        "features_extractor_kwargs": {"encoder": asdict(settings), **given},
    }


def put_encoder(policy: nn.Module, encoder: SceneVAE) -> None:
    """Give every `SceneFeatures` of a policy, those of target networks too, an encoder's weights.

    Raises:
        ValueError: If there is none, or one of other settings.
    """
    extractors = extractors_of(policy)
    for each in extractors:
        if each.vae.settings != encoder.settings:
            raise ValueError(
                f"encoder: expected {each.vae.settings} as the policy was built, "
                f"came {encoder.settings}"
            )
    for each in extractors:
        each.vae.load_state_dict(encoder.state_dict())


def extractors_of(policy: nn.Module) -> list[SceneFeatures]:
    """Every `SceneFeatures` of a policy, each once.

    Raises:
        ValueError: If there is none.
    """
    found = [module for module in policy.modules() if isinstance(module, SceneFeatures)]
    if not found:
        raise ValueError(
            f"policy: expected one with SceneFeatures, came {type(policy).__name__} without"
        )
    return found


def _told_by_sizes(shape: tuple[int, ...], sizes: tuple[int, int, int]) -> bool:
    """Whether channels come first in a shape that is not the encoder's height, width, channels."""
    if shape == sizes and len(set(sizes)) == 1:
        raise ValueError(
            f"channels_first: expected True or False, since a scene of {sizes} does not tell "
            "which axis its channels are, came None"
        )
    return shape != sizes and shape == (sizes[2], *sizes[:2])


def _settings(entries: Mapping[str, Any]) -> SceneVAESettings:
    values: dict[str, Any] = dict(entries)
    if "widths" in values:
        values["widths"] = tuple(values["widths"])  # a list, if they came through JSON
    try:
        return SceneVAESettings(**values)
    except TypeError as error:
        raise ValueError(f"encoder: expected fields of SceneVAESettings, came {error}") from error
