from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO
from sb3_contrib.ppo_recurrent import MlpLstmPolicy
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv
from torch import nn

from b2m_agents.episodes.episodes import episode_seed
from b2m_agents.memory.decision_policy import (
    DecisionPolicy,
    act_as_policy,
    check_fits,
    evaluate_supervised,
    trials_of_seeds,
)
from b2m_agents.memory.memory_agent import (
    MemoryAgentSettings,
    evaluate_memory_agent,
    played_text,
    read_memory_policy,
)
from b2m_agents.memory.memory_policy import MemoryLstmPolicy, ScaledObservation
from b2m_agents.memory.memory_training import train_memory_agent
from b2m_agents.memory.memory_trials import held_out_seeds, play_trials
from b2m_agents.memory.memory_vec_env import MemoryVecEnv
from b2m_drive.students.decision_rnn import DecisionRNN, DecisionRNNSettings
from b2m_envs.memory_decision import (
    ContextDecisionSettings,
    MemoryDecisionSettings,
    SternbergSettings,
    task_of,
)
from tests.shared.other_process import ENVIRONMENT

EASY = MemoryDecisionSettings(n_items=2, maintenance=0.5, time_step=0.2)
TASKS = [
    EASY,
    SternbergSettings(n_items=(1, 2), maintenance=0.5, time_step=0.2),
    ContextDecisionSettings(n_items=2, maintenance=0.5, time_step=0.2),
]
# Three legs of two rollouts of 4 x 20 steps.
SHORT = MemoryAgentSettings(
    n_steps=480, n_environments=4, rollout=20, batch_size=40, n_epochs=1, hidden_size=8,
    time_step=0.2, checkpoint_every=160,
)  # fmt: skip

TRAINING = """
import os, signal, sys
from b2m_agents.memory import memory_training
from b2m_drive.files.writing import atomic_write
write = memory_training._write_checkpoint
def die_while_writing(folder, algorithm, curve):
    if algorithm.num_timesteps == 320:
        with atomic_write(folder / "agent.zip") as draft:
            draft.write_bytes(b"half a file")
            os.kill(os.getpid(), signal.SIGKILL)
    write(folder, algorithm, curve)
memory_training._write_checkpoint = die_while_writing
settings = memory_training.MemoryAgentSettings(
    n_steps=480, n_environments=4, rollout=20, batch_size=40, n_epochs=1, hidden_size=8,
    time_step=0.2, checkpoint_every=160,
)
memory_training.train_memory_agent(settings, sys.argv[1], progress=False)
"""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small layers take longer with more threads, much longer on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def agent(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "agent"
    return train_memory_agent(SHORT, folder, progress=False)


@pytest.fixture(scope="module")
def rnn() -> DecisionRNN:
    """A student trained for a few seconds: better than chance, far from perfect."""
    task, generator = task_of(EASY), np.random.default_rng(0)
    student = DecisionRNN(
        DecisionRNNSettings(task.n_features, 32, input_gain=24.0),
        torch.Generator().manual_seed(0),
    )
    optimizer = torch.optim.Adam(student.parameters(), lr=0.006)
    for _ in range(120):
        batch = task.sample(64, generator)
        logits = student(torch.from_numpy(batch.observation)).logits
        weight = torch.from_numpy(np.where(batch.decision, 1.0, 0.1) * batch.mask).flatten()
        target = torch.from_numpy(batch.target).flatten()
        entropy = nn.functional.cross_entropy(logits.flatten(0, 1), target, reduction="none")
        optimizer.zero_grad()
        ((entropy * weight).sum() / weight.sum()).backward()
        optimizer.step()
    return student


@pytest.mark.slow
@pytest.mark.parametrize("settings", TASKS, ids=lambda settings: settings.task_id)
def test_the_batch_gives_stable_baselines3_what_single_environments_give_it(settings) -> None:
    native = MemoryVecEnv(settings, 3)
    name = f"{settings.task_id}-v0"
    keywords = {"n_items": settings.n_items, "maintenance": 0.5, "time_step": 0.2}
    singles = DummyVecEnv([lambda: Monitor(gymnasium.make(name, **keywords))] * 3)
    assert native.observation_space == singles.observation_space
    assert native.action_space == singles.action_space
    singles._seeds = list(native.seed(5))
    np.testing.assert_array_equal(native.reset(), singles.reset())
    generator, n_ended = np.random.default_rng(0), 0
    for _ in range(300):
        actions = np.where(generator.random(3) < 0.05, generator.integers(0, 3, 3), 0)
        ours, theirs = native.step(actions), singles.step(actions)
        for mine, other in zip(ours[:3], theirs[:3], strict=True):
            np.testing.assert_array_equal(mine, other)
            assert mine.dtype == other.dtype
        for mine, other, ended in zip(ours[3], theirs[3], ours[2], strict=True):
            n_ended += ended
            assert bool(mine) == ended
            assert {"terminal_observation", "TimeLimit.truncated", "episode"} <= mine.keys() or (
                not ended
            )
            for key in mine.keys() - {"is_success", "episode"}:
                np.testing.assert_array_equal(mine[key], other[key], err_msg=key)
            if ended:
                assert mine["is_success"] == other["correct"]
                assert {k: mine["episode"][k] for k in "rl"} == {
                    k: other["episode"][k] for k in "rl"
                }
    assert n_ended > 20


def test_a_batch_is_seeded_evenly_and_repeats() -> None:
    venv = MemoryVecEnv(EASY, 3)
    seeds = venv.seed(7)
    assert [seed % 2 for seed in seeds] == [0, 0, 0]
    first = venv.reset()
    assert not np.array_equal(venv.reset(), first)  # without a seed: the next trials
    venv.seed(7)
    np.testing.assert_array_equal(venv.reset(), first)


@pytest.mark.slow
def test_stable_baselines3s_own_evaluation_reads_the_batchs_episodes(agent) -> None:
    algorithm = read_memory_policy(agent).algorithm
    returns, lengths = evaluate_policy(
        algorithm, MemoryVecEnv(EASY, 2), n_eval_episodes=6, return_episode_rewards=True
    )
    assert len(returns) == 6
    assert min(lengths) >= 1
    with pytest.raises(NotImplementedError, match="codes: a batch of memory environments"):
        MemoryVecEnv(EASY, 2).set_attr("codes", 0)


def test_the_screens_of_a_batch_can_be_seen() -> None:
    venv = MemoryVecEnv(EASY, 2, render_mode="rgb_array")
    venv.reset()
    images = venv.get_images()
    assert images[0].shape == images[1].shape
    assert venv.render().ndim == 3


def test_one_pass_over_whole_trials_equals_the_parents_steps() -> None:
    torch.manual_seed(0)
    lstm = nn.LSTM(5, 4)
    features, states = torch.randn(3 * 7, 5), (torch.randn(1, 3, 4), torch.randn(1, 3, 4))
    starts = torch.zeros(3, 7)
    starts[1:, 0] = 1
    within = starts.clone()
    within[0, 4] = 1
    for begins in (starts, within):
        ours = MemoryLstmPolicy._process_sequence(features, states, begins.flatten(), lstm)
        theirs = MlpLstmPolicy._process_sequence(features, states, begins.flatten(), lstm)
        torch.testing.assert_close(ours[0], theirs[0])
        torch.testing.assert_close(ours[1], theirs[1])


def test_an_agent_begins_with_open_gates_and_fixating() -> None:
    venv = MemoryVecEnv(EASY, 2)
    keywords = {
        "features_extractor_class": ScaledObservation, "features_extractor_kwargs": {"gain": 2.0},
        "lstm_hidden_size": 8, "net_arch": [],
    }  # fmt: skip
    biases = []
    for bias in (0.0, 3.0):
        algorithm = RecurrentPPO(
            MemoryLstmPolicy, venv, seed=0, device="cpu", n_steps=4, batch_size=8,
            policy_kwargs=keywords | {"forget_gate_bias": bias, "fixation_bias": bias},
        )  # fmt: skip
        policy = algorithm.policy
        biases.append(policy.lstm_actor.bias_ih_l0.detach())
        assert policy.action_net.bias.tolist() == [bias, 0, 0]
    torch.testing.assert_close(
        biases[1] - biases[0], torch.tensor([0.0, 3.0, 0.0, 0.0]).repeat_interleave(8)
    )
    assert policy.features_extractor(torch.ones(1, 25)).tolist() == [[2.0] * 25]


@pytest.mark.thorough
@pytest.mark.slow
def test_training_killed_while_writing_goes_on_to_the_same_agent(agent, tmp_path) -> None:
    script, folder = tmp_path / "train.py", tmp_path / "agent"
    script.write_text(TRAINING)
    killed = subprocess.run([sys.executable, script, folder], env=ENVIRONMENT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert RecurrentPPO.load(folder / "agent.zip", device="cpu").num_timesteps == 160
    train_memory_agent(SHORT, folder, progress=False)
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "config.json", "agent.zip", "learning_curve.csv", "fingerprints.json"
    }  # fmt: skip
    one, other = (RecurrentPPO.load(each / "agent.zip", device="cpu") for each in (agent, folder))
    assert one.num_timesteps == other.num_timesteps == 480
    for name, values in one.policy.state_dict().items():
        torch.testing.assert_close(other.policy.state_dict()[name], values, rtol=0, atol=0)
    curves = [(each / "learning_curve.csv").read_text() for each in (agent, folder)]
    assert curves[0] == curves[1]
    assert curves[0].count("\n") == 1 + 6


@pytest.mark.slow
def test_a_training_made_longer_goes_on(agent, tmp_path) -> None:
    folder = Path(shutil.copytree(agent, tmp_path / "agent"))
    train_memory_agent(replace(SHORT, n_steps=560), folder, progress=False)
    assert RecurrentPPO.load(folder / "agent.zip", device="cpu").num_timesteps == 560


@pytest.mark.slow
def test_an_evaluation_plays_held_out_trials_and_repeats(agent, tmp_path) -> None:
    folder = Path(shutil.copytree(agent, tmp_path / "agent"))
    played = evaluate_memory_agent(folder, 30, seed=3)
    assert played.seed.tolist() == [episode_seed(3, k, held_out=True) for k in range(30)]
    assert set(played.seed % 2) == {1}
    share = played.share_correct
    assert share.n == 30
    assert share.low <= played.correct.mean() <= share.high
    assert "of 30 held-out trials" in played_text(played)
    rows = (folder / "evaluation.csv").read_text().splitlines()
    assert rows[0] == "seed,action,correct,aborted,length"
    assert len(rows) == 31
    again = evaluate_memory_agent(folder, 30, seed=3)
    np.testing.assert_array_equal(again.length, played.length)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "n_back"}, "task: expected one of memory_decision"),
        ({"n_items": 0}, "n_items: expected a whole number of at least 1, came 0"),
        ({"n_items": 8}, "n_stimuli: expected more than the 8 items"),
        ({"maintenance": -1.0}, "maintenance: expected a duration"),
        ({"time_step": 0.5}, "item: expected a duration"),
        ({"n_steps": True}, "n_steps: expected a whole number"),
        ({"batch_size": 48}, r"batch_size: expected a divisor .*\(80\), came 48"),
        ({"learning_rate": 0.0}, "learning_rate: expected more than 0"),
        ({"discount": 1.5}, "discount: expected 0 to 1"),
        ({"entropy_weight": -1.0}, "entropy_weight: expected at least 0"),
        ({"input_gain": float("nan")}, "input_gain: expected a number, came nan"),
        ({"seed": -1}, "seed: expected a whole number of at least 0"),
    ],
)
def test_impossible_settings_are_named(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SHORT, **changes)


def test_another_training_in_the_folder_is_refused(agent, tmp_path) -> None:
    with pytest.raises(ValueError, match="n_items: there 2, now 3; seed: there 0, now 1"):
        train_memory_agent(replace(SHORT, seed=1, n_items=3), agent)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="expected an empty folder or an agent's"):
        train_memory_agent(SHORT, tmp_path)
    with pytest.raises(ValueError, match="expected a folder, came a file"):
        train_memory_agent(SHORT, tmp_path / "letter.txt")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", b"{", r"config\.json: expected JSON"),
        ("config.json", b'{"scenario": "merge"}', "expected the configuration of a memory agent"),
        ("config.json", b'{"class": "MemoryAgent", "settings": {"items": 2}}', "'items'"),
        ("agent.zip", b"half", r"agent\.zip: expected an agent of Stable"),
    ],
)
def test_a_damaged_agent_is_named(agent, tmp_path, name, content, message) -> None:
    folder = Path(shutil.copytree(agent, tmp_path / "agent"))
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        evaluate_memory_agent(folder, 2)


def test_a_damaged_curve_is_named(agent, tmp_path) -> None:
    folder = Path(shutil.copytree(agent, tmp_path / "agent"))
    (folder / "learning_curve.csv").write_text("step,trials,correct,aborted\n80,x,1,0\n")
    with pytest.raises(ValueError, match=re.escape("learning_curve.csv: line 2")):
        train_memory_agent(replace(SHORT, n_steps=560), folder, progress=False)


def test_an_agent_of_another_algorithm_or_task_is_named(agent, tmp_path) -> None:
    folder = Path(shutil.copytree(agent, tmp_path / "agent"))
    venv = MemoryVecEnv(EASY, 2)
    for algorithm, policy, message in (
        (PPO, "MlpPolicy", r"agent\.zip: expected a recurrent agent .*came .*common\.policies"),
        (RecurrentPPO, "MlpLstmPolicy", r"the policy MemoryLstmPolicy, came .*recurrent\.policies"),
    ):
        other = algorithm(policy, venv, n_steps=4, batch_size=8, device="cpu")
        other.save(folder / "agent.zip")
        with pytest.raises(ValueError, match=message):
            evaluate_memory_agent(folder, 2)
    shutil.copy(agent / "agent.zip", folder)
    entries = json.loads((folder / "config.json").read_text())
    entries["settings"]["task"] = "sternberg"
    (folder / "config.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=r"observes \(9,\) numbers .*came one of \(25,\)"):
        evaluate_memory_agent(folder, 2)
    with pytest.raises(FileNotFoundError, match=r"expected a file config\.json"):
        evaluate_memory_agent(tmp_path / "nowhere", 2)
    (folder / "agent.zip").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected a file agent\.zip"):
        evaluate_memory_agent(folder, 2)
    with pytest.raises(ValueError, match="n_trials: expected a whole number of 1 or more, came 0"):
        evaluate_memory_agent(agent, 0)


@pytest.mark.slow
def test_a_trained_network_is_as_right_in_the_environment_as_in_its_evaluation(rnn) -> None:
    seeds = held_out_seeds(600, 0)  # more than are played together
    shares = {}
    for answer in ("when_ready", "at_window_end"):
        acted = act_as_policy(rnn, EASY, seeds, answer)
        judged = evaluate_supervised(rnn, EASY, seeds, answer)
        for name in ("seed", "action", "correct", "aborted", "length"):
            np.testing.assert_array_equal(
                getattr(acted, name), getattr(judged, name), err_msg=f"{answer}: {name}"
            )
        shares[answer] = acted.share_correct
        assert acted.share_correct.low > 0.55
        assert acted.share_correct.mean < 1
    # The choice at the last step of the window, as the memory study evaluates its students.
    batch = trials_of_seeds(EASY, seeds)
    with torch.no_grad():
        logits = rnn(torch.from_numpy(batch.observation)).logits.numpy()
    last = batch.mask.sum(axis=1).astype(int) - 1
    row = np.arange(len(seeds))
    chosen = logits[row, last, 1:].argmax(axis=1) + 1
    assert shares["at_window_end"].mean == (chosen == batch.target[row, last]).mean()


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["gru", "lstm", "leaky"])
@pytest.mark.parametrize("settings", TASKS, ids=lambda settings: settings.task_id)
def test_every_cell_acts_in_every_task_as_it_is_judged(cell, settings) -> None:
    clock = {"tau": 0.4, "time_step": 0.2, "recurrent_noise": 0.1} if cell == "leaky" else {}
    student = DecisionRNN(
        DecisionRNNSettings(task_of(settings).n_features, 16, cell=cell, input_gain=24.0, **clock),
        torch.Generator().manual_seed(0),
    )
    with torch.no_grad():
        student.readout.bias[0] += 0.3  # so that some trials are broken early, some late
    for given in (settings, replace(settings, abort_on_break=False, response=0.5)):
        acted = act_as_policy(student, given, range(60))
        judged = evaluate_supervised(student, given, range(60))
        np.testing.assert_array_equal(acted.length, judged.length)
        np.testing.assert_array_equal(acted.correct, judged.correct)
        np.testing.assert_array_equal(acted.aborted, judged.aborted)
        late = act_as_policy(student, given, range(60), "at_window_end")
        np.testing.assert_array_equal(
            late.correct, evaluate_supervised(student, given, range(60), "at_window_end").correct
        )
        assert not late.aborted.any()
    assert student.training


def test_the_trial_of_a_seed_is_the_one_that_reset_begins() -> None:
    batch = trials_of_seeds(EASY, [5, 11])
    env = gymnasium.make("B2M/MemoryDecision-v0", n_items=2, maintenance=0.5, time_step=0.2)
    for row, seed in enumerate((5, 11)):
        np.testing.assert_array_equal(env.reset(seed=seed)[0], batch.observation[row, 0])
        np.testing.assert_array_equal(env.step(0)[0], batch.observation[row, 1])


def test_a_network_that_does_not_fit_the_task_is_named() -> None:
    features = task_of(EASY).n_features
    with pytest.raises(ValueError, match=r"observation_size: expected 25 .*came 24"):
        act_as_policy(DecisionRNN(DecisionRNNSettings(24, 4)), EASY, [1])
    with pytest.raises(ValueError, match=r"n_actions: expected 3 .*came 2"):
        act_as_policy(DecisionRNN(DecisionRNNSettings(features, 4, n_actions=2)), EASY, [1])
    leaky = DecisionRNN(DecisionRNNSettings(features, 4, cell="leaky", tau=0.4, time_step=0.1))
    with pytest.raises(ValueError, match=r"time_step: expected 0\.1 s.*came 0\.2 s"):
        act_as_policy(leaky, EASY, [1])
    fitting = DecisionRNN(DecisionRNNSettings(features, 4))
    # jaxtyping's checker, on in tests only, refuses it before the function does.
    with pytest.raises((ValueError, TypeError), match=r"when_ready.*at_window_end[^#]*'?soon"):
        check_fits(fitting, EASY, "soon")  # type: ignore[arg-type]


def test_trials_without_seeds_of_their_own_are_refused() -> None:
    policy = DecisionPolicy(DecisionRNN(DecisionRNNSettings(task_of(EASY).n_features, 4)), EASY)
    for seeds in ([], [3, -1]):
        with pytest.raises(ValueError, match="seeds: expected one or more whole numbers from 0"):
            play_trials(policy, EASY, seeds)
    trials = task_of(EASY).draw_trials(2, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"trial_list: expected None.*came 2 trials"):
        play_trials(policy, replace(EASY, trial_list=trials), [1])


@pytest.mark.slow
@pytest.mark.thorough
def test_reward_alone_teaches_an_agent_to_remember(as_users_run_it, tmp_path) -> None:
    settings = MemoryAgentSettings(time_step=0.2, rollout=48, n_steps=245_760, seed=1000)
    folder = train_memory_agent(settings, tmp_path / "agent", progress=False)
    played = evaluate_memory_agent(folder, 400)
    assert played.share_correct.low > 0.6
    assert played.share_aborted.mean < 0.05
