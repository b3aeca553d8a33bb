"""A network over time that is also heard in the windows in which a brain was read."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from b2m_drive.students.decision_rnn import DecisionOutput
from b2m_drive.transfer.layer_activity import LayerActivity, features_of, time_axis_of

TAUGHT = "windows"  # the path of what a brain teaches in a `NetworkInWindows`


class NetworkInWindows(nn.Module):
    """Decides at every step of a trial; one layer's activity is averaged in the trial's windows.

    Trials differ in their timing, and a brain is read in windows that each trial's own events
    place. So the layer's steps are averaged in the windows, and their averages pass through
    `windows`, where a brain can teach.

    Args:
        network: Takes observations [batch time feature], gives logits [batch time action].
        layer: Of it: a path of ``network.named_modules()``, with an output at every step.

    Raises:
        ValueError: If there is no such layer.
    """

    def __init__(self, network: nn.Module, layer: str) -> None:
        super().__init__()
        self.network, self.layer = network, layer
        self.windows = nn.Identity()
        self._activity = LayerActivity(network, layer)
        self._activity.keeps_all = True  # to be averaged without gradients, too

    def forward(
        self,
        observation: Float[Tensor, "batch time feature"],
        shares: Float[Tensor, "batch window time"] | None = None,
    ) -> Float[Tensor, "batch time action"]:
        """Decide at every step.

        Args:
            observation: Of whole trials.
            shares: Of each step in a window's average; None: no windows are wanted.

        Raises:
            ValueError: If the network's output, or its layer's, is not one for each step.
        """
        logits = self._logits(self.network(observation), observation)
        if shares is not None:
            self.windows(torch.bmm(shares, self._steps(observation)))
        return logits

    def _logits(self, output: Any, observation: Tensor) -> Tensor:
        logits = output.logits if isinstance(output, DecisionOutput) else output
        if not isinstance(logits, Tensor) or logits.shape[:-1] != observation.shape[:-1]:
            came = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ValueError(
                f"network {type(self.network).__name__}: expected logits [batch time action] for "
                f"observations {list(observation.shape)}, came {came}"
            )
        return logits

    def _steps(self, observation: Tensor) -> Tensor:
        output = self._activity.take(to_train=False)
        axis = time_axis_of(self.network.get_submodule(self.layer))
        steps = features_of(output, time_axis=axis, over_time=True, pool="flatten")
        if steps.shape[:2] != observation.shape[:2]:
            raise ValueError(
                f"layer {self.layer}: expected an output for each of {observation.shape[1]} steps "
                f"of {len(observation)} trials, came the shape {list(output.shape)}"
            )
        return steps
