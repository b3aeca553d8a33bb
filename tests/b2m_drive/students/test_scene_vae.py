from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from b2m_drive.students.decision_rnn import DecisionRNN, DecisionRNNSettings
from b2m_drive.students.fitting import FittingSettings
from b2m_drive.students.frame_batches import FramesFromMemory
from b2m_drive.students.scene_vae import (
    Posterior,
    SceneVAE,
    SceneVAESettings,
    kl_of_latents,
)
from b2m_drive.students.scene_vae_fitting import encode_frames, fit_scene_vae
from b2m_drive.transfer import BrainTargets, attach
from tests.shared.seeded import seeded

pytestmark = pytest.mark.usefixtures("one_thread_and_a_fixed_start")


SMALL = SceneVAESettings(height=40, width=36, channels=2, latent_size=8, widths=(8, 16))
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]


def student(settings: SceneVAESettings = SMALL, seed: int = 0) -> SceneVAE:
    return SceneVAE(settings, seeded(seed)).eval()


def roads(n_frames: int, seed: int = 0, settings: SceneVAESettings = SMALL) -> np.ndarray:
    """A dark road with an edge line and one vehicle of 5 x 3 pixels, which moves by 2 pixels."""
    generator = np.random.default_rng(seed)
    frames = np.full((n_frames, settings.height, settings.width, 2), 60, dtype=np.uint8)
    frames[:, :, 4] = 180
    for image in frames:
        row = generator.integers(2, settings.height - 5)
        column = generator.integers(6, settings.width - 3)
        image[row : row + 5, column : column + 3, 1] = 250
        image[row - 2 : row + 3, column : column + 3, 0] = 250
    return frames


def noise(n_frames: int, settings: SceneVAESettings = SMALL, seed: int = 0) -> Tensor:
    shape = (n_frames, settings.height, settings.width, settings.channels)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=seeded(seed))


@pytest.mark.parametrize(
    ("height", "width", "channels"), [(36, 36, 1), (37, 101, 6), (64, 32, 2), (512, 300, 3)]
)
@pytest.mark.parametrize("device", DEVICES)
def test_frames_of_any_size_come_back_in_their_size(
    height: int, width: int, channels: int, device: str
) -> None:
    settings = SceneVAESettings(height, width, channels, latent_size=5)
    vae = student(settings).to(device)
    frames = noise(2, settings).to(device)
    posterior, loss = vae(frames)
    assert posterior.mean.shape == posterior.logvar.shape == (2, 5)
    assert vae.decode(posterior.latent).shape == (2, channels, height, width)
    assert vae.reconstruct(frames).shape == frames.shape
    assert loss.total.isfinite()


def test_every_pixel_reaches_the_posterior() -> None:
    settings = SceneVAESettings(height=37, width=41, channels=1)
    vae = student(settings)
    plain = torch.full((1, 37, 41, 1), 100, dtype=torch.uint8)
    before = vae.encode(plain).mean
    for row, column in ((0, 0), (36, 40), (36, 0), (0, 40), (18, 3)):
        changed = plain.clone()
        changed[0, row, column] = 200
        assert not torch.equal(vae.encode(changed).mean, before)


@torch.no_grad()
def test_the_loss_is_the_evidence_lower_bound_as_distributions_compute_it() -> None:
    frames = noise(6)
    for variance in (None, 0.03):
        vae = student(replace(SMALL, pixel_variance=variance, beta=2.0, free_bits=0.0))
        posterior = vae.encode(frames, seeded(3))
        loss = vae.loss(frames, posterior)
        pixels = frames.permute(0, 3, 1, 2) / 255
        decoded = vae.decode(posterior.latent)
        likeliest = (decoded - pixels).square().mean() + (1 / 255) ** 2
        scale = torch.tensor(variance or float(likeliest)).sqrt()
        nats = -torch.distributions.Normal(decoded, scale).log_prob(pixels).flatten(1).sum(1)
        torch.testing.assert_close(loss.reconstruction, nats.mean(), rtol=1e-4, atol=0.5)
        believed = torch.distributions.Normal(posterior.mean, (0.5 * posterior.logvar).exp())
        kl = torch.distributions.kl_divergence(believed, torch.distributions.Normal(0, 1))
        torch.testing.assert_close(loss.kl, kl.sum(1).mean())
        total = (loss.reconstruction + 2 * loss.kl) / SMALL.n_values
        torch.testing.assert_close(loss.total, total)


def test_a_posterior_equal_to_the_prior_costs_nothing_but_its_free_bits() -> None:
    vae = student(replace(SMALL, free_bits=0.25))
    frames, zero = noise(3), torch.zeros(3, 8)
    loss = vae.loss(frames, Posterior(zero, zero, zero))
    assert loss.kl == 0
    expected = (loss.reconstruction + 8 * 0.25) / SMALL.n_values
    torch.testing.assert_close(loss.total, expected)


@pytest.fixture(scope="module")
def trained() -> SceneVAE:
    torch.set_num_threads(1)
    vae = SceneVAE(replace(SMALL, widths=(16, 32)), seeded(0))
    batches = FramesFromMemory(roads(1500), 32, seed=0)
    fit_scene_vae(vae, batches, FittingSettings(200, 3e-3), generator=seeded(1))
    return vae


@pytest.mark.slow
def test_a_small_vehicle_is_reconstructed_and_not_averaged_away(trained: SceneVAE) -> None:
    frames = roads(200, seed=9)
    rebuilt = trained.reconstruct(torch.from_numpy(frames)).numpy()
    vehicles = frames == 250
    mean_image = np.broadcast_to(roads(1500).mean(0), frames.shape)
    errors = [
        np.square((each.astype(float) - frames)[vehicles] / 255).mean()
        for each in (rebuilt, mean_image)
    ]
    assert errors[0] < 0.6 * errors[1]


@pytest.mark.slow
def test_the_posterior_does_not_collapse_at_beta_one(trained: SceneVAE) -> None:
    with torch.no_grad():
        kl = kl_of_latents(trained.encode(torch.from_numpy(roads(200, seed=9))))
    assert trained.settings.beta == 1
    assert kl.sum() > 8  # nats: of 34 x 30 places, ln 1020 = 6.9 nats, and how exactly
    assert (kl > 0.1).sum() >= 4


def test_equal_seeds_give_equal_students_and_draws() -> None:
    frames = noise(2)
    for name, value in student(seed=1).state_dict().items():
        assert torch.equal(value, student(seed=1).state_dict()[name])
    assert not torch.equal(student(seed=1).to_mean.weight, student(seed=2).to_mean.weight)
    vae = student()
    assert torch.equal(vae.encode(frames).latent, vae.encode(frames).mean)
    draws = [vae.encode(frames, seeded(seed)).latent for seed in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    vae.train()
    assert not torch.equal(vae.encode(frames).latent, vae.encode(frames).mean)
    assert torch.equal(vae.sample(3, seeded(4)), vae.sample(3, seeded(4)))


@torch.no_grad()
@pytest.mark.slow
def test_a_traversal_passes_through_the_reconstruction(trained: SceneVAE) -> None:
    frame = torch.from_numpy(roads(1, seed=5)[0])
    own = float(trained.encode(frame[None]).mean[0, 2])
    steps = trained.traverse(frame, 2, [own - 3, own, own + 3])
    difference = steps.int() - trained.reconstruct(frame[None]).int()
    assert difference[1].abs().max() <= 1  # grey level
    assert difference[0].abs().max() > 5 < difference[2].abs().max()
    with pytest.raises(ValueError, match="index: expected a latent, 0 to 7, came 8"):
        trained.traverse(frame, 8, [0.0])


@pytest.mark.slow
def test_a_teacher_attaches_to_the_posterior_mean_and_is_learned() -> None:
    frames = roads(64)
    vae = SceneVAE(SMALL, seeded(0))
    values = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    targets = BrainTargets(values, np.arange(50), "a test (simulated)")
    terms = []
    with attach(vae, "to_mean", targets, generator=seeded(1)) as attachment:

        def taught(step: int, batch) -> Tensor:
            terms.append(attachment.loss(batch.frame_id))
            return terms[-1]

        fit_scene_vae(
            vae,
            FramesFromMemory(frames, 16, seed=0),
            FittingSettings(60, 3e-3, evaluate_every=20),
            generator=seeded(2),
            extra_loss=taught,
            extra_parameters=list(attachment.parameters()),
            precision="bfloat16",
        )
    first, last = (float(torch.stack(each).detach().mean()) for each in (terms[:4], terms[-4:]))
    assert last < 0.8 * first
    assert not vae.training


def test_fitting_is_the_loop_one_would_write() -> None:
    frames = roads(48)
    vae, by_hand = SceneVAE(SMALL, seeded(0)), SceneVAE(SMALL, seeded(0))
    seen = []
    fit_scene_vae(
        vae,
        FramesFromMemory(frames, 16, seed=0),
        FittingSettings(4, 1e-2, evaluate_every=2),
        generator=seeded(1),
        evaluate=lambda step: seen.append((step, vae.training)),
    )
    optimizer = torch.optim.Adam(by_hand.parameters(), 1e-2)
    batches, draws = FramesFromMemory(frames, 16, seed=0), seeded(1)
    for _ in range(4):
        optimizer.zero_grad()
        by_hand(next(batches).frames, draws)[1].total.backward()
        nn.utils.clip_grad_norm_(by_hand.parameters(), 1.0)
        optimizer.step()
    for name, value in vae.state_dict().items():
        torch.testing.assert_close(value, by_hand.state_dict()[name])
    assert seen == [(0, False), (2, False), (4, False)]


def test_mixed_precision_encodes_nearly_as_full_precision(trained: SceneVAE) -> None:
    frames = roads(60, seed=2)
    full = encode_frames(trained, frames, batch_size=16)
    mixed = encode_frames(trained, frames, precision="bfloat16")
    assert full.dtype == mixed.dtype == np.float32
    assert np.corrcoef(full.ravel(), mixed.ravel())[0, 1] > 0.999
    np.testing.assert_allclose(
        full[[7, 3]], encode_frames(trained, frames, np.array([7, 3])), atol=1e-5
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # PyTorch's own compiler
def test_a_compiled_student_learns_the_same() -> None:
    frames = roads(48)
    students = []
    for compiled in (False, True):
        vae = SceneVAE(SMALL, seeded(0))
        batches = FramesFromMemory(frames, 16, seed=0)
        settings = FittingSettings(3, 1e-3, evaluate_every=3)
        fit_scene_vae(vae, batches, settings, generator=seeded(1), compiled=compiled)
        students.append(vae.state_dict())
    for name, value in students[0].items():
        torch.testing.assert_close(value, students[1][name], rtol=1e-3, atol=1e-4)


def test_a_saved_student_comes_back_equal(tmp_path) -> None:
    vae = student()
    vae.save_pretrained(tmp_path / "vae")
    modes = {path.name: path.stat().st_mode for path in (tmp_path / "vae").iterdir()}
    assert modes["model.safetensors"] == modes["config.json"]
    names = sorted(path.name for path in (tmp_path / "vae").iterdir())
    assert names == ["README.md", "config.json", "model.safetensors"]
    back = SceneVAE.from_pretrained(tmp_path / "vae")
    assert back.settings == vae.settings
    assert torch.equal(back.encode(noise(2)).mean, vae.encode(noise(2)).mean)


def test_a_checkpoint_damaged_or_of_another_architecture_is_refused_by_name(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"config\.json of a saved SceneVAE"):
        SceneVAE.from_pretrained(tmp_path)
    DecisionRNN(DecisionRNNSettings(3)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="settings of a SceneVAE, came 'DecisionRNN'"):
        SceneVAE.from_pretrained(tmp_path)
    student().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    settings = json.loads(path.read_text())
    for change, message in (
        ({"widths": [8, 8]}, r"model\.safetensors: expected the weights of"),
        ({"height": 80}, r"model\.safetensors: expected the weights of"),
        ({"latent": 8}, "expected the fields"),
        ({"width": 15}, r"config\.json: width: expected a whole number of 16 to 512"),
    ):
        path.write_text(json.dumps({**settings, **change}))
        with pytest.raises(ValueError, match=message):
            SceneVAE.from_pretrained(tmp_path)
    path.write_text(json.dumps(settings))
    weights = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[:1000])
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        SceneVAE.from_pretrained(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path, value) -> None:
    vae = SceneVAE(SMALL, torch.Generator().manual_seed(0))
    name, parameter = list(vae.named_parameters())[3]
    with torch.no_grad():
        parameter.view(-1)[-1] = value
    vae.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=rf"model\.safetensors: {name}: expected finite"):
        SceneVAE.from_pretrained(tmp_path)


@pytest.mark.usefixtures("as_users_run_it")
def test_frames_of_the_wrong_shape_or_type_are_refused() -> None:
    vae = student()
    for frames, came in (
        (torch.zeros(2, 40, 36, 3, dtype=torch.uint8), r"torch.uint8 \(2, 40, 36, 3\)"),
        (torch.zeros(40, 36, 2, dtype=torch.uint8), r"torch.uint8 \(40, 36, 2\)"),
        (torch.zeros(2, 40, 36, 2), r"torch.float32 \(2, 40, 36, 2\)"),
    ):
        with pytest.raises(
            ValueError, match=rf"frames: expected torch.uint8 \(batch, 40, 36, 2\), came {came}"
        ):
            vae.encode(frames)
    with pytest.raises(ValueError, match=r"precision: expected one of .*came 'float16'"):
        encode_frames(vae, roads(2), precision="float16")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": 15}, "height: expected a whole number of 16 to 512 pixels, came 15"),
        ({"width": 513}, "width"),
        ({"channels": 0}, "channels"),
        ({"widths": ()}, "widths: expected at least one"),
        ({"widths": (8, 0)}, "widths"),
        ({"beta": -1.0}, "beta"),
        ({"free_bits": math.nan}, "free_bits"),
        ({"pixel_variance": 0.0}, "pixel_variance"),
    ],
)
def test_impossible_settings_are_refused_by_name(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)


@pytest.mark.parametrize("narrow", [torch.float16, torch.bfloat16])
@pytest.mark.slow
def test_a_student_in_half_precision_has_a_finite_loss_in_float32(narrow: torch.dtype) -> None:
    settings = SceneVAESettings(24, 20, 2, latent_size=4, widths=(8, 8))
    frames, vae = noise(3, settings), student(settings)
    whole = vae.eval()(frames)[1]
    loss = vae.to(narrow)(frames)[1]
    for name in ("reconstruction", "kl", "total"):
        narrowed = getattr(loss, name)
        assert narrowed.dtype is torch.float32
        torch.testing.assert_close(narrowed, getattr(whole, name), rtol=0.05, atol=0.05)
    far = torch.full((2, 4), 300.0, dtype=narrow)  # whose square is beyond float16
    assert kl_of_latents(Posterior(far, far.new_zeros(2, 4), far)).isfinite().all()
