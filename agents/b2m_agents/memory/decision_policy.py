"""A trained `DecisionRNN` as a policy of the memory environments, and the same on whole trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from gymnasium.utils import seeding
from jaxtyping import Float32, Int64
from torch import Tensor

from b2m_agents.memory.memory_trials import PlayedTrials, check_seeds, play_trials
from b2m_drive.students.decision_rnn import DecisionRNN, State
from b2m_drive.students.devices import device_of_network
from b2m_envs.memory_decision import FIXATE, TrialBatch, task_of
from b2m_envs.memory_decision.randomness import draw_words
from b2m_envs.memory_decision.settings import TrialSettings

Answer = Literal["when_ready", "at_window_end"]
_ROUNDING_TOLERANCE = 1e-6  # [steps]


class DecisionPolicy:
    """Steps a `DecisionRNN` through trials with its hidden state; nothing is drawn at random.

    Recurrent noise is off, as in the supervised evaluation.

    Args:
        rnn: Trained.
        settings: Of the task.
        answer: ``"when_ready"``: the action of the largest logit at every step, so the first step
            at which that is not to fixate ends the trial, before the probes as an abort.
            ``"at_window_end"``: the memory study's supervised evaluation. It fixates until the
            last step of the response window and then takes the larger logit of the two choices.
            If the window is no whole number of time steps, it lasts a step longer in some trials,
            and the answer comes before that step.

    Raises:
        ValueError: If the network is of another observation or number of actions than the task,
            or the rule is unknown; names both.
    """

    def __init__(
        self, rnn: DecisionRNN, settings: TrialSettings, answer: Answer = "when_ready"
    ) -> None:
        check_fits(rnn, settings, answer)
        self.rnn = rnn
        self.answer = answer
        self.window = whole_window(settings)
        self._state: State | None = None
        self._probed: Int64[np.ndarray, " trial"] = np.zeros(0, dtype=np.int64)

    def begin(self, n_trials: int) -> None:
        """Start so many trials from a hidden state of zero."""
        self._state = None
        self._probed = np.zeros(n_trials, dtype=np.int64)  # steps with probes seen so far

    def act(self, observation: Float32[np.ndarray, "trial feature"]) -> Int64[np.ndarray, " trial"]:
        """The action of this step of every trial."""
        training = self.rnn.training
        self.rnn.eval()
        with torch.no_grad():
            seen = torch.from_numpy(observation).to(device_of_network(self.rnn))
            logits, self._state = self.rnn.step(seen, self._state)
        self.rnn.train(training)
        if self.answer == "when_ready":
            return _largest(logits)
        self._probed += observation[:, 0] == 0  # the fixation cue goes when the probes come
        return np.where(self._probed == self.window, _larger_choice(logits), FIXATE)


def act_as_policy(
    rnn: DecisionRNN,
    settings: TrialSettings,
    seeds: Sequence[int],
    answer: Answer = "when_ready",
) -> PlayedTrials:
    """Let a trained network act in the task's environment, one trial a seed.

    Args:
        rnn: Trained.
        settings: Of the task.
        seeds: One a trial, see `b2m_agents.memory.memory_trials.held_out_seeds`.
        answer: When and how it chooses, see `DecisionPolicy`.

    Returns:
        How each trial ended; ``share_correct`` is the accuracy with its interval.

    Raises:
        ValueError: As `DecisionPolicy` and `play_trials`.
    """
    return play_trials(DecisionPolicy(rnn, settings, answer), settings, seeds)


def evaluate_supervised(
    rnn: DecisionRNN,
    settings: TrialSettings,
    seeds: Sequence[int],
    answer: Answer = "when_ready",
) -> PlayedTrials:
    """The same trials as whole sequences, as in supervised training, judged by the same rule.

    Equals `act_as_policy` trial by trial, but where two logits differ by no more than the rounding
    of one pass over a sequence against one pass a step.

    Args:
        rnn: Trained.
        settings: Of the task.
        seeds: One a trial.
        answer: See `DecisionPolicy`.

    Raises:
        ValueError: As `act_as_policy`.
    """
    check_fits(rnn, settings, answer)
    check_seeds(settings, seeds)
    batch = trials_of_seeds(settings, seeds)
    training = rnn.training
    rnn.eval()
    with torch.no_grad():
        logits = rnn(torch.from_numpy(batch.observation).to(device_of_network(rnn))).logits
    rnn.train(training)
    if answer == "when_ready":
        action = _largest(logits)
        ends = batch.mask > 0 if settings.abort_on_break else batch.decision
        acted = (action != FIXATE) & ends
        window_ends = batch.mask.sum(axis=1).astype(np.int64) - 1
        last = np.where(acted.any(axis=1), acted.argmax(axis=1), window_ends)
    else:
        action = _larger_choice(logits)
        last = batch.decision.argmax(axis=1) + whole_window(settings) - 1
    row = np.arange(len(seeds))
    chosen, target = action[row, last], batch.target[row, last]
    return PlayedTrials(
        seed=np.array(seeds, dtype=np.int64),
        action=chosen,
        correct=(chosen == target) & (target != FIXATE),
        aborted=(chosen != FIXATE) & (target == FIXATE),
        length=last + 1,
    )


def trials_of_seeds(settings: TrialSettings, seeds: Sequence[int]) -> TrialBatch:
    """The trial that an environment begins after each ``reset(seed=...)``, noise included."""
    task = task_of(settings)
    words = [draw_words(1, task.n_words, seeding.np_random(int(seed))[0]) for seed in seeds]
    return task.from_words(np.concatenate(words), np.zeros(len(seeds), dtype=np.int64))


def whole_window(settings: TrialSettings) -> int:
    """Whole steps of the response window."""
    return int(settings.response / settings.time_step + _ROUNDING_TOLERANCE)


def check_fits(rnn: DecisionRNN, settings: TrialSettings, answer: Answer) -> None:
    """Check that a network can act in a task by a rule.

    Raises:
        ValueError: Naming what was expected and what came.
    """
    if answer not in get_args(Answer):
        raise ValueError(f"answer: expected one of {get_args(Answer)}, came {answer!r}")
    expected = task_of(settings).n_features
    for name, needed, came in (
        ("observation_size", expected, rnn.settings.observation_size),
        ("n_actions", 3, rnn.settings.n_actions),
    ):
        if came != needed:
            raise ValueError(
                f"rnn: {name}: expected {needed} as {settings.task_id} has with these settings, "
                f"came {came}"
            )
    clock = rnn.settings.time_step
    if clock is not None and clock != settings.time_step:
        raise ValueError(
            f"time_step: expected {clock} s, the clock of the leaky network, came "
            f"{settings.time_step} s"
        )


def _largest(logits: Tensor) -> Int64[np.ndarray, "*axes"]:
    return np.asarray(logits.argmax(dim=-1).cpu().numpy())


def _larger_choice(logits: Tensor) -> Int64[np.ndarray, "*axes"]:
    return np.asarray(logits[..., 1:].argmax(dim=-1).cpu().numpy() + 1)
