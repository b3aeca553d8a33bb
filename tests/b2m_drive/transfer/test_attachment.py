from __future__ import annotations

import json
import math
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from b2m_drive.recordings.decision_trials import DecisionTrials
from b2m_drive.recordings.recording import Unit
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.trial_windows import Window
from b2m_drive.teachers.latents import BrainLatents
from b2m_drive.transfer import BrainTargets, WeightSchedule, attach
from b2m_drive.transfer.contrastive import info_nce_loss
from tests.shared.seeded import seeded

pytestmark = pytest.mark.usefixtures("one_thread_and_a_fixed_start")


N_TRIALS, N_STEPS, N_LATENTS = 24, 6, 3


def stimulus_brain(n_latents: int = N_LATENTS) -> BrainTargets:
    values = np.random.default_rng(0).normal(size=(N_TRIALS, n_latents)).astype(np.float32)
    return BrainTargets(values, 100 + np.arange(N_TRIALS), "a test (simulated)")


def trial_brain(valid: np.ndarray | None = None) -> BrainTargets:
    shape = (N_TRIALS, N_STEPS, N_LATENTS)
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    variance = np.array([3, 2, 1], np.float32)
    return BrainTargets(values, 100 + np.arange(N_TRIALS), "a test (simulated)", valid, variance)


def small_cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(80, 2)
    )


class RecurrentClassifier(nn.Module):
    def __init__(self, batch_first: bool = True, bidirectional: bool = False) -> None:
        super().__init__()
        self.rnn = nn.LSTM(4, 7, batch_first=batch_first, bidirectional=bidirectional)
        self.readout = nn.Linear(14 if bidirectional else 7, 2)

    def forward(self, sequence: Tensor) -> Tensor:
        hidden, _ = self.rnn(sequence)
        return self.readout(hidden)


class TwoOutputs(nn.Module):
    def __init__(self, named: bool) -> None:
        super().__init__()
        self.named = named
        self.first, self.second = nn.Linear(4, 6), nn.Linear(4, 9)

    def forward(self, stimulus: Tensor) -> Any:
        first, second = self.first(stimulus), self.second(stimulus)
        return {"first": first, "second": second} if self.named else (first, (second, second))


class Nested(nn.Module):
    def __init__(self, named: bool = False) -> None:
        super().__init__()
        self.body = nn.ModuleDict({"two": TwoOutputs(named)})
        self.readout = nn.Linear(6, 2)

    def forward(self, stimulus: Tensor) -> Tensor:
        output = self.body["two"](stimulus)
        return self.readout(output["first"] if isinstance(output, dict) else output[0])


IDS = torch.arange(100, 100 + N_TRIALS)
SEQUENCES = torch.randn(N_TRIALS, N_STEPS, 4, generator=seeded(2))
STIMULI = torch.randn(N_TRIALS, 4, generator=seeded(3))
IMAGES = torch.randn(N_TRIALS, 1, 6, 6, generator=seeded(4))


def hooks_of(network: nn.Module) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules()
    )


def gradients(network: nn.Module) -> list[Tensor]:
    return [p.grad.clone() for p in network.parameters() if p.grad is not None]


# ---- what the loss is -------------------------------------------------------------------------


@pytest.mark.slow
def test_regression_equals_the_formula_written_out() -> None:
    brain, network = trial_brain(), RecurrentClassifier()
    attachment = attach(network, "rnn", brain)
    network(SEQUENCES)
    loss = attachment.loss(IDS, weight=0.5)
    hidden = network.rnn(SEQUENCES)[0].detach()
    error = attachment.head(hidden) - torch.tensor(brain.values)
    expected = 0.5 * (error.square() * torch.tensor([3 / 6, 2 / 6, 1 / 6])).sum(-1).mean()
    torch.testing.assert_close(loss, expected)


def test_contrastive_equals_info_nce_on_stimuli() -> None:
    brain, network = stimulus_brain(), nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    attachment = attach(network, "0", brain, strategy="contrastive", temperature=0.3)
    network(STIMULI)
    query = attachment.head(network[0](STIMULI)).detach()
    attachment_loss = attachment.loss(IDS)
    expected = info_nce_loss(query, torch.tensor(brain.values), temperature=0.3)
    torch.testing.assert_close(attachment_loss, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("strategy", ["regression", "contrastive"])
def test_pairing_follows_the_id_and_not_the_position(strategy: Any) -> None:
    brain, network = stimulus_brain(), nn.Linear(4, 6)
    attachment = attach(network, "", brain, strategy=strategy)
    order = torch.randperm(N_TRIALS, generator=seeded(5))

    def loss(stimuli: Tensor, ids: Tensor) -> Tensor:
        network(stimuli)
        return attachment.loss(ids)

    straight = loss(STIMULI, IDS)
    torch.testing.assert_close(loss(STIMULI[order], IDS[order]), straight)
    assert not torch.isclose(loss(STIMULI[order], IDS), straight)
    shuffled_brain = BrainTargets(brain.values[order], brain.ids[order.numpy()], "shuffled rows")
    same_head = attach(network, "", shuffled_brain, strategy=strategy)
    same_head.load_state_dict(attachment.state_dict())
    network(STIMULI)
    torch.testing.assert_close(same_head.loss(IDS), straight)


def test_rows_that_the_brain_never_saw_are_left_out() -> None:
    network = nn.Linear(4, 6)
    attachment = attach(network, "", stimulus_brain())
    ids = IDS.clone()
    ids[::3] = 7
    known = torch.arange(N_TRIALS) % 3 != 0
    network(STIMULI)
    with_strangers = attachment.loss(ids)
    network(STIMULI[known])
    torch.testing.assert_close(with_strangers, attachment.loss(ids[known].numpy()))


@pytest.mark.parametrize("strategy", ["regression", "contrastive"])
def test_a_batch_of_strangers_costs_nothing_and_still_trains(strategy: Any) -> None:
    network = RecurrentClassifier()
    attachment = attach(network, "rnn", trial_brain(), strategy=strategy)
    output = network(SEQUENCES)
    with pytest.warns(UserWarning, match=r"none of the 24 .*\(0, 1, 2, 3, \.\.\.\).*a test"):
        loss = attachment.loss(torch.arange(N_TRIALS))
    assert loss.item() == 0
    (output.square().mean() + loss).backward()
    assert all(gradient.isfinite().all() for gradient in gradients(network))


@pytest.mark.parametrize("strategy", ["regression", "contrastive"])
def test_steps_that_are_not_valid_do_not_teach(strategy: Any) -> None:
    valid = np.ones((N_TRIALS, N_STEPS), bool)
    valid[:, 4:] = False
    brain = trial_brain()
    brain.values[:, 4:] = np.nan
    brain = BrainTargets(brain.values, brain.ids, "short trials", valid)
    network = nn.Linear(4, 7)
    attachment = attach(network, "", brain, strategy=strategy, generator=seeded(0))
    changed_end = SEQUENCES.clone()
    changed_end[:, 4:] = 9
    losses = []
    for sequences in (SEQUENCES, changed_end):
        attachment.generator.manual_seed(1)
        network(sequences)
        losses.append(attachment.loss(IDS))
    losses[0].backward()
    assert losses[0] > 0
    torch.testing.assert_close(losses[0], losses[1])
    assert all(gradient.isfinite().all() for gradient in gradients(network))


def test_equal_ids_in_a_batch_are_no_negatives_of_each_other() -> None:
    network = nn.Linear(4, N_LATENTS)
    attachment = attach(network, "", stimulus_brain(), strategy="contrastive")
    network(STIMULI[:1].expand(5, -1))
    assert attachment.loss(IDS[:1].expand(5)).item() == pytest.approx(0, abs=1e-6)


def test_negatives_near_in_time_are_excluded_as_asked() -> None:
    network = nn.Linear(4, 7)
    one_trial = (SEQUENCES[:1], IDS[:1])
    for within, has_negatives in ((None, False), (N_STEPS, False), (0, True)):
        attachment = attach(
            network, "", trial_brain(), strategy="contrastive", exclude_within=within
        )
        network(one_trial[0])
        assert (attachment.loss(one_trial[1]).item() > 1e-3) is has_negatives
        attachment.remove()


def test_a_learned_temperature_is_a_parameter_kept_above_its_bound() -> None:
    network = nn.Linear(4, 6)
    fixed = attach(network, "", stimulus_brain(), strategy="contrastive")
    learned = attach(network, "", stimulus_brain(), strategy="contrastive", learn_temperature=True)
    assert len(list(learned.parameters())) == len(list(fixed.parameters())) + 1
    assert learned.temperature.item() == pytest.approx(0.2)
    network(STIMULI)
    learned.loss(IDS).backward()
    assert learned.log_temperature.grad.abs() > 0


def unit_targets(attachment: Any) -> Tensor:
    """A layer's activity that the head reads as the brain's own latents."""
    with torch.no_grad():
        attachment.head.weight.copy_(torch.eye(N_LATENTS))
        attachment.head.bias.zero_()
    return attachment.values[:, 0].clone().requires_grad_()


@pytest.mark.parametrize(("beyond", "bound"), [(1e-5, 0.01), (1e5, 100.0)])
def test_a_learned_temperature_comes_back_from_beyond_its_bounds(
    beyond: float, bound: float
) -> None:
    options = {"strategy": "contrastive", "learn_temperature": True}
    attachment = attach(network := nn.Identity(), "", stimulus_brain(), example=STIMULI[:, :3],
                        **options)  # fmt: skip
    activity = unit_targets(attachment)
    with torch.no_grad():
        attachment.log_temperature.fill_(math.log(beyond))
    assert attachment.temperature.item() == pytest.approx(bound)
    assert attachment.log_temperature.item() == pytest.approx(math.log(bound))
    optimiser = torch.optim.SGD([attachment.log_temperature], lr=10.0)
    # Aligned pairs ask for a lower temperature, opposed ones for a higher.
    network(activity if beyond > bound else -activity)
    attachment.loss(IDS).backward()
    assert attachment.log_temperature.grad.abs() > 0
    optimiser.step()
    moved = attachment.temperature.item()
    assert moved < bound * 0.999 if beyond > bound else moved > bound * 1.001


@pytest.mark.parametrize("start", [0.009, 101.0])
def test_a_temperature_that_cannot_be_learned_is_refused_as_a_start(start: float) -> None:
    network, options = nn.Linear(4, 6), {"strategy": "contrastive", "temperature": start}
    with pytest.raises(ValueError, match=r"temperature: expected 0\.01 to 100\.0 .* came"):
        attach(network, "", stimulus_brain(), learn_temperature=True, **options)
    attach(network, "", stimulus_brain(), **options).remove()  # fixed, it may be what it likes


# ---- any network ------------------------------------------------------------------------------


def cases() -> list[Any]:
    transformer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
    time_first = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0)
    over_time, still = SEQUENCES, IMAGES
    return [
        pytest.param(small_cnn(), "0", still, {"pool": "spatial_mean"}, 5, id="convolution"),
        pytest.param(small_cnn(), "2", still, {"example": still[:2]}, 80, id="flat convolution"),
        pytest.param(small_cnn(), "4", still, {}, 2, id="output of the network"),
        pytest.param(RecurrentClassifier(), "rnn", over_time, {}, 7, id="lstm"),
        pytest.param(
            RecurrentClassifier(bidirectional=True), "rnn", over_time, {}, 14, id="both directions"
        ),
        pytest.param(
            RecurrentClassifier(batch_first=False),
            "rnn",
            over_time.transpose(0, 1),
            {},
            7,
            id="time first",
        ),
        pytest.param(
            RecurrentClassifier(batch_first=False),
            "readout",
            over_time.transpose(0, 1),
            {"time_axis": 0},
            2,
            id="time first, told",
        ),
        pytest.param(
            nn.Conv1d(4, 3, 1),
            "",
            over_time.mT,
            {"time_axis": 2, "example": over_time.mT[:2]},
            3,
            id="time last",
        ),
        pytest.param(nn.Sequential(transformer), "0", over_time, {}, 4, id="transformer"),
        pytest.param(
            nn.Sequential(time_first), "0", over_time.transpose(0, 1), {}, 4, id="time first tokens"
        ),
        pytest.param(Nested(), "body.two", STIMULI, {"example": STIMULI[:2]}, 6, id="tuple"),
        pytest.param(
            Nested(named=True),
            "body.two",
            STIMULI,
            {"example": (STIMULI[:2],), "output_index": "second"},
            9,
            id="mapping",
        ),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["regression", "contrastive"])
@pytest.mark.parametrize(("network", "layer", "batch", "options", "size"), cases())
def test_a_foreign_network_is_taught_without_being_changed(
    network: nn.Module, layer: str, batch: Tensor, options: Any, size: int, strategy: Any
) -> None:
    network = deepcopy(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    brain = trial_brain() if batch.ndim == 3 else stimulus_brain()
    attachment = attach(network, layer, brain, strategy=strategy, **options)
    assert attachment.head.in_features == size
    for name, value in network.state_dict().items():
        assert torch.equal(value, before.pop(name))
    assert not before
    network(batch)
    loss = attachment.loss(IDS)
    loss.backward()
    assert loss.isfinite()
    assert any(gradient.abs().sum() > 0 for gradient in gradients(network))
    assert hooks_of(network) > 0
    attachment.remove()
    assert hooks_of(network) == 0


def test_tokens_are_averaged_when_asked() -> None:
    network = nn.Sequential(nn.Linear(4, 5))
    attachment = attach(network, "0", stimulus_brain(), pool="token_mean")
    network(SEQUENCES)
    token_mean = network[0](SEQUENCES).mean(1).detach()
    expected = (attachment(token_mean) - attachment.values[:, 0]).square().mean()
    network(SEQUENCES)
    torch.testing.assert_close(attachment.loss(IDS), expected)


def test_what_a_later_layer_writes_in_place_does_not_reach_the_attachment() -> None:
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=True))
    attachment = attach(network, "0", stimulus_brain())
    network(STIMULI)
    expected = (attachment(network[0](STIMULI)) - attachment.values[:, 0]).square().mean()
    network(STIMULI)
    torch.testing.assert_close(attachment.loss(IDS), expected)


def test_an_example_leaves_statistics_modes_and_random_numbers_alone() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(), nn.Flatten())
    network[1].eval()
    random_state = torch.get_rng_state()
    attach(network, "3", stimulus_brain(), example=IMAGES[:3], generator=seeded(0))
    assert int(network[1].num_batches_tracked) == 0
    assert [module.training for module in network] == [True, False, True, True]
    assert torch.equal(torch.get_rng_state(), random_state)


def test_equal_generators_give_equal_heads() -> None:
    first, again, other = (
        attach(nn.Linear(4, 6), "", stimulus_brain(), generator=seeded(seed)).head.weight
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.abs().max().item() <= 6**-0.5


def test_half_precision_activations_are_taught() -> None:
    network = nn.Linear(4, 6)
    attachment = attach(network, "", stimulus_brain())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(STIMULI).dtype is torch.bfloat16
    attachment.loss(IDS).backward()
    assert network.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("narrow", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("strategy", ["regression", "contrastive"])
def test_microvolts_are_taught_under_autocast(strategy: Any, narrow: torch.dtype) -> None:
    """The square of 300 is beyond float16."""
    values = 300 * np.random.default_rng(0).normal(size=(N_TRIALS, 3)).astype(np.float32)
    brain = BrainTargets(values, 100 + np.arange(N_TRIALS), "an EEG [uV]")
    network = nn.Linear(4, 6)
    attachment = attach(network, "", brain, strategy=strategy, generator=seeded(0))
    network(STIMULI)
    whole = attachment.loss(IDS)
    with torch.autocast("cpu", dtype=narrow):
        network(STIMULI)
        loss = attachment.loss(IDS)
    loss.backward()
    assert loss.dtype is torch.float32
    torch.testing.assert_close(loss, whole, rtol=0.02, atol=0.02)
    assert network.weight.grad.isfinite().all()


# ---- compiled networks ------------------------------------------------------------------------


# Dynamo hides this warning of its own from users, but not from a filter that makes it an error.
quiet_dynamo = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")


def check_compiled(network: nn.Module, layer: str, batch: Tensor, backend: str, **options) -> None:
    """Loss and gradients equal the eager ones, batch after batch, until the hook is removed."""
    brain = trial_brain() if batch.ndim == 3 else stimulus_brain()
    attachment = attach(network, layer, brain, generator=seeded(0))
    compiled = torch.compile(network, backend=backend, **options)
    for n in (N_TRIALS, N_TRIALS, N_TRIALS // 2):
        results = []
        for run in (network, compiled):
            network.zero_grad()
            task = run(batch[:n]).square().mean()
            loss = attachment.loss(IDS[:n])
            (task + loss).backward()
            results.append((loss.detach(), gradients(network)))
        torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-5)
        assert any(gradient.abs().sum() > 0 for gradient in results[1][1])
    with torch.no_grad():
        compiled(batch)
    with pytest.raises(RuntimeError, match="forward call was without gradients"):
        attachment.loss(IDS)
    attachment.remove()
    assert hooks_of(network) == 0
    compiled(batch)
    with pytest.raises(RuntimeError, match="was removed"):
        attachment.loss(IDS)
    torch._dynamo.reset()


def stacked_layers() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(inplace=True), nn.Sequential(nn.Linear(8, 6), nn.Tanh()),
        nn.Linear(6, 2),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["0", "2.0", "3"])
def test_a_compiled_network_learns_as_the_eager_one_without_a_graph_break(layer: str) -> None:
    check_compiled(stacked_layers(), layer, STIMULI, "eager", fullgraph=True)


@pytest.mark.thorough
@pytest.mark.slow
@quiet_dynamo
def test_a_compiled_recurrent_network_learns_as_the_eager_one() -> None:
    check_compiled(RecurrentClassifier(), "rnn", SEQUENCES, "eager")


@pytest.mark.slow
@quiet_dynamo
@pytest.mark.filterwarnings("ignore:`torch.jit.*:DeprecationWarning")  # of inductor's own imports
@pytest.mark.thorough
def test_inductor_learns_as_the_eager_network() -> None:
    check_compiled(stacked_layers(), "2.0", STIMULI, "inductor", fullgraph=True)
    check_compiled(RecurrentClassifier(), "rnn", SEQUENCES, "inductor")


@pytest.mark.slow
def test_attaching_to_the_compiled_wrapper_uses_the_paths_of_the_network() -> None:
    network = stacked_layers()
    compiled = torch.compile(network, backend="eager")
    attachment = attach(compiled, "2.0", stimulus_brain())
    compiled(STIMULI)
    assert attachment.loss(IDS).item() > 0
    torch._dynamo.reset()


@pytest.mark.slow
def test_a_compiled_network_is_not_run_with_the_hooks_of_another_one_of_its_class() -> None:
    taught, untaught = stacked_layers(), stacked_layers()
    compiled = [torch.compile(network, backend="eager") for network in (taught, untaught)]
    compiled[1](STIMULI)
    attachment = attach(taught, "2.0", stimulus_brain())
    for _ in range(2):
        compiled[0](STIMULI)
        compiled[1](SEQUENCES[:5, 0])
        assert attachment.loss(IDS).item() > 0
    later = attach(taught, "3", stimulus_brain())
    attachment.remove()
    compiled[0](STIMULI)
    assert later.loss(IDS).item() > 0
    torch._dynamo.reset()


# ---- coming and going -------------------------------------------------------------------------


def test_the_end_of_a_with_block_removes_the_hook_even_after_an_error() -> None:
    network = nn.Sequential(nn.Linear(4, 6))
    with attach(network, "0", stimulus_brain()) as attachment:
        network(STIMULI)
        assert attachment.loss(IDS).item() > 0
    assert hooks_of(network) == 0
    with pytest.raises(ZeroDivisionError), attach(network, "0", stimulus_brain()):
        1 / 0  # noqa: B018
    assert hooks_of(network) == 0


def test_two_attachments_on_one_network_do_not_disturb_each_other() -> None:
    network = stacked_layers()
    first = attach(network, "0", stimulus_brain())
    second = attach(network, "2", stimulus_brain(), strategy="contrastive", example=STIMULI)
    network(STIMULI)
    assert first.loss(IDS).item() > 0
    of_both = hooks_of(network)
    first.remove()
    assert second.loss(IDS).item() > 0
    assert hooks_of(network) == of_both / 2


def test_a_copied_network_does_not_answer_for_its_original() -> None:
    network = nn.Sequential(nn.Linear(4, 6))
    attachment = attach(network, "0", stimulus_brain())
    network(STIMULI)
    copy = deepcopy(network)
    attachment.loss(IDS)
    copy(STIMULI)
    (hook_of_the_copy,) = copy[0]._forward_hooks.values()
    assert hook_of_the_copy.collected is None
    with pytest.raises(RuntimeError, match="no forward call"):
        attachment.loss(IDS)


def test_a_saved_head_comes_back_with_equal_predictions(tmp_path) -> None:
    network = nn.Linear(4, 6)
    options = {"strategy": "contrastive", "learn_temperature": True}
    attachment = attach(network, "", stimulus_brain(), generator=seeded(1), **options)
    attachment.save(tmp_path / "student")
    written = sorted(path.name for path in (tmp_path / "student").iterdir())
    assert written == ["attachment.json", "attachment.safetensors"]
    back = attach(network, "", stimulus_brain(), generator=seeded(2), **options)
    features = torch.randn(5, 6, generator=seeded(3))
    assert not torch.equal(back(features), attachment(features))
    back.load(tmp_path / "student")
    assert torch.equal(back(features), attachment(features))


def test_a_missing_damaged_or_foreign_head_is_refused_by_name(tmp_path) -> None:
    network = nn.Linear(4, 6)
    attachment = attach(network, "", stimulus_brain())
    with pytest.raises(FileNotFoundError, match=r"attachment\.json"):
        attachment.load(tmp_path)
    attachment.save(tmp_path)
    start = attachment.head.weight.clone()
    with pytest.raises(ValueError, match=r"n_latents: expected 5, came 3"):
        attach(network, "", stimulus_brain(5)).load(tmp_path)
    with pytest.raises(ValueError, match=r"settings: expected .*contrastive"):
        attach(network, "", stimulus_brain(), strategy="contrastive").load(tmp_path)
    weights, settings = tmp_path / "attachment.safetensors", tmp_path / "attachment.json"
    weights.write_bytes(weights.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"attachment\.safetensors"):
        attachment.load(tmp_path)
    settings.write_text("{")
    with pytest.raises(ValueError, match=r"attachment\.json: expected JSON"):
        attachment.load(tmp_path)
    settings.write_text(json.dumps([]))
    with pytest.raises(ValueError, match=r"attachment\.json"):
        attachment.load(tmp_path)
    assert torch.equal(attachment.head.weight, start)


# ---- teaching works ---------------------------------------------------------------------------


def predictivity(features: Tensor, target: Tensor) -> float:
    """Share of variance that a ridge fitted on the first half predicts in the second."""
    half = len(features) // 2
    inputs = torch.cat([features, torch.ones(len(features), 1)], 1).double()
    gram = inputs[:half].mT @ inputs[:half] + 1e-3 * torch.eye(inputs.shape[1])
    slope = torch.linalg.solve(gram, inputs[:half].mT @ target[:half].double())
    residual = target[half:] - inputs[half:] @ slope
    return 1 - float(residual.var() / target[half:].var())


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["regression", "contrastive"])
def test_a_taught_layer_predicts_the_brain_better_than_its_untaught_copy(strategy: Any) -> None:
    stimuli = torch.randn(400, 6, generator=seeded(0))
    mixing = torch.randn(6, 4, generator=seeded(1))
    brain_values = torch.sin(0.7 * stimuli @ mixing)
    taught_rows, held_out = slice(0, 300), slice(300, 400)
    brain = BrainTargets(brain_values[taught_rows].numpy(), np.arange(300), "sines (simulated)")
    network = nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 8), nn.Linear(8, 2))
    untaught = deepcopy(network)
    attachment = attach(network, "2", brain, strategy=strategy, generator=seeded(2))
    schedule = WeightSchedule(1.0, falls_to_zero_at=1.0)
    parameters = [*network.parameters(), *attachment.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-2)
    losses = []
    for step in range(300):
        network(stimuli[taught_rows])
        loss = attachment.loss(np.arange(300), weight=schedule(step, 300))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item() / schedule(step, 300))
    assert losses[-1] < 0.7 * losses[0]
    attachment.remove()
    with torch.no_grad():
        scores = [
            predictivity(student[:3](stimuli[held_out]), brain_values[held_out])
            for student in (network, untaught)
        ]
    assert scores[0] > scores[1] + 0.2


# ---- errors -----------------------------------------------------------------------------------


def test_an_unknown_layer_is_refused_with_the_nearest_paths() -> None:
    network = RecurrentClassifier()
    with pytest.raises(ValueError, match=r"'readuot'.*did you mean \['readout'\].*rnn, readout"):
        attach(network, "readuot", trial_brain())
    assert hooks_of(network) == 0


def test_a_loss_without_a_new_forward_call_is_refused() -> None:
    network = nn.Linear(4, 6)
    attachment = attach(network, "", stimulus_brain())
    with pytest.raises(RuntimeError, match="no forward call"):
        attachment.loss(IDS)
    with torch.no_grad():
        network(STIMULI)
    with pytest.raises(RuntimeError, match="forward call was without gradients"):
        attachment.loss(IDS)
    network(STIMULI)
    attachment.loss(IDS)
    with pytest.raises(RuntimeError, match="no forward call"):
        attachment.loss(IDS)


def forwarded(network: nn.Module, layer: str, brain: BrainTargets, batch: Tensor, **options):
    attachment = attach(network, layer, brain, **options)
    network(batch)
    return attachment


def test_a_batch_that_does_not_fit_is_refused_with_what_was_expected() -> None:
    cnn, rnn, convolution = small_cnn(), RecurrentClassifier(), nn.Sequential(nn.Conv2d(1, 5, 3))
    larger = torch.randn(N_TRIALS, 1, 8, 8)
    with pytest.raises(ValueError, match=r"ids: expected 24, .*layer '4', came shape \(23,\)"):
        forwarded(cnn, "4", stimulus_brain(), IMAGES).loss(IDS[1:])
    with pytest.raises(ValueError, match=r"'rnn': expected 6 time steps, .*came 5"):
        forwarded(rnn, "rnn", trial_brain(), SEQUENCES[:, 1:]).loss(IDS)
    with pytest.raises(ValueError, match=r"'0': expected 80 features, came 180"):
        forwarded(convolution, "0", stimulus_brain(), larger, example=IMAGES).loss(IDS)
    with pytest.raises(ValueError, match=r"axes for batch, time and features.*\(24, 2\)"):
        forwarded(cnn, "4", trial_brain(), IMAGES).loss(IDS)
    with pytest.raises(ValueError, match=r"time_axis=3.*\(24, 6, 7\)"):
        forwarded(rnn, "rnn", trial_brain(), SEQUENCES, time_axis=3).loss(IDS)


def test_features_on_another_device_are_refused_by_device() -> None:
    network = nn.Linear(4, 6)
    attachment = attach(network, "", stimulus_brain())
    network.to("meta")(STIMULI.to("meta"))
    with pytest.raises(ValueError, match=r"device cpu, came meta.*\.to\('meta'\)"):
        attachment.loss(IDS)


def test_a_layer_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match=r"example: expected .*layer '2' \(ReLU"):
        attach(small_cnn(), "2", stimulus_brain())
    for index in (1, 5, "name"):
        network = Nested()
        with pytest.raises(ValueError, match=rf"'body\.two'.*output_index={index!r}, came tuple"):
            attach(network, "body.two", stimulus_brain(), example=STIMULI, output_index=index)
        assert hooks_of(network) == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("temperature", 0.0),
        ("temperature", math.nan),
        ("positions_per_trial", 0),
        ("exclude_within", -1),
    ],
)
def test_an_impossible_setting_is_refused_by_name(option: str, value: float) -> None:
    network = nn.Linear(4, 6)
    with pytest.raises(ValueError, match=option):
        attach(network, "", stimulus_brain(), **{option: value})
    assert hooks_of(network) == 0


VALUES = np.zeros((3, 2, 2), np.float32)
TRIALS = np.arange(3)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"values": VALUES[:, :0]}, "none of them 0"),
        ({"ids": np.arange(4)}, r"ids of session 7: expected shape \(3,\), came \(4,\)"),
        ({"ids": np.array([4, 5, 4])}, r"came repeated \[4\]"),
        ({"values": np.full((3, 2, 2), np.nan, np.float32)}, "12 are NaN or infinite"),
        ({"valid": np.ones((3, 3), bool)}, r"valid of session 7: expected shape \(3, 2\)"),
        ({"valid": np.eye(3, 2, dtype=bool)}, r"no valid step in trials \[2\]"),
        ({"values": VALUES[:, 0], "valid": np.ones((3, 2), bool)}, "without a time axis"),
        ({"variance": np.ones(3, np.float32)}, r"variance of session 7: expected shape \(2,\)"),
        ({"variance": np.array([1, -1], np.float32)}, "finite values of at least 0"),
        ({"variance": np.zeros(2, np.float32)}, "all are 0"),
    ],
)
def test_an_impossible_brain_is_refused_by_field(
    fields: dict[str, Any], message: str, as_users_run_it: None
) -> None:
    whole = {"values": VALUES, "ids": TRIALS, "origin": "session 7"}
    BrainTargets(**whole)
    with pytest.raises(ValueError, match=message):
        BrainTargets(**{**whole, **fields})


def test_missing_values_are_allowed_where_a_brain_is_not_valid() -> None:
    values = VALUES.copy()
    values[1, 1] = np.nan
    valid = np.ones((3, 2), bool)
    valid[1, 1] = False
    assert BrainTargets(values, TRIALS, "session 7", valid).over_time


def test_ids_are_found_in_any_order_and_strangers_are_marked() -> None:
    brain = BrainTargets(VALUES, np.array([30, 10, 20]), "session 7")
    assert brain.rows_of(np.array([10, 20, 30, 10, 5, 99, 25])).tolist() == [1, 2, 0, 1, -1, -1, -1]


def test_a_recording_teaches_in_three_lines_each_unit_weighted_by_its_variance() -> None:
    rng = np.random.default_rng(0)
    activity = rng.poisson([0.5, 2, 8], (N_TRIALS, N_STEPS, 3)).astype(np.float32)
    ids, index, times = np.arange(N_TRIALS) + 100, np.zeros(N_TRIALS, np.int64), np.zeros(N_TRIALS)
    items = np.zeros((N_TRIALS, 1))
    steps = (np.arange(N_STEPS) * 0.4).tolist()
    recording = TrialResponses(
        values=activity,
        windows=tuple(Window("maintenance", each, each + 0.4) for each in steps),
        trials=DecisionTrials(
            ids, items.astype(np.int64), items, times, times, times, index, index, index,
            np.ones(N_TRIALS, bool), 1,
        ),
        units=tuple(Unit(f"unit {n}", "hippocampus", "simulated") for n in range(3)),
        session="session 7", simulated=True,
    )  # fmt: skip
    network = RecurrentClassifier()

    brain = BrainTargets.from_recording(recording)
    attachment = attach(network, "rnn", brain)
    network(SEQUENCES)
    attachment.loss(IDS).backward()

    assert brain.origin == "session 7 (simulated)"
    assert brain.variance.argsort().tolist() == [0, 1, 2]
    assert network.rnn.weight_hh_l0.grad.abs().sum() > 0


def test_latents_teach_one_step_a_window_weighted_by_their_share_of_variance() -> None:
    latents = BrainLatents(
        np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32),
        (Window("item1", 0.1, 0.5), Window("maintenance", 0.1, 0.5)),
        np.arange(5),
        np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]]),
        "pca",
        "carried",
    )
    brain = BrainTargets.from_latents(latents, "session 7 (recorded)")
    assert brain.origin == "session 7 (recorded), pca latents, carried"
    np.testing.assert_allclose(brain.variance, latents.share_of_variance, rtol=1e-6)
    np.testing.assert_array_equal(brain.phase, latents.phase)
    assert brain.over_time
