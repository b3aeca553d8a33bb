"""A user's own encoder on frames from anywhere, from a module here to verdict and report."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import b2m_drive as b2m
from b2m_agents.commands import app
from b2m_drive.students.frame_vae import FACTORY
from b2m_drive.students.frame_vae import LAYER as VAE_LAYER
from b2m_drive.students.frames import opening
from tests.extending.own_autoencoders import (
    N_FRAMES,
    SIZE,
    Autoencoder,
    Denoising,
    Variational,
    bars,
    grey,
    recording,
    write_hdf5,
    write_pictures,
)
from tests.extending.own_executor import OneAfterAnother
from tests.extending.own_scenes import write_scenes

SHORT = b2m.Budget(n_steps=4, evaluate_every=2, n_latents=3)
ENCODER = "tests.extending.own_autoencoders:Autoencoder"
LAYER = "encoder.5"


def command(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["b2m-drive", *arguments])
    code: Any = 0
    try:
        app.main()
    except SystemExit as ended:
        code = ended.code or 0
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def refused(*lines: str) -> Any:
    return pytest.raises((ValueError, FileNotFoundError), match=".*".join(lines))


# --- frames -----------------------------------------------------------------------------------


def test_frames_of_a_data_set_have_its_rows_as_ids(tmp_path: Path) -> None:
    frames = b2m.open_frames(write_hdf5(tmp_path / "mine.h5"))
    np.testing.assert_array_equal(frames.ids, np.arange(N_FRAMES))
    np.testing.assert_array_equal(frames.read(np.array([7, 3, 7])), bars()[[7, 3, 7]])
    far = np.array([0, N_FRAMES - 1])
    np.testing.assert_array_equal(frames.read(far), bars()[far])
    assert frames.shape == (SIZE, SIZE, 1)


def test_pictures_go_by_the_number_in_their_name_and_not_by_its_place(tmp_path: Path) -> None:
    frames = b2m.open_frames(write_pictures(tmp_path / "p", name="run1_f{}.png"))
    np.testing.assert_array_equal(frames.ids, np.arange(N_FRAMES))  # f10 stands before f2 by name
    np.testing.assert_array_equal(frames.read(np.array([10, 2])), bars()[[10, 2]])
    (tmp_path / "p" / "run1_f0.png").unlink()
    fewer = b2m.open_frames(tmp_path / "p")
    assert fewer.ids[0] == 1  # and no other picture takes its id
    np.testing.assert_array_equal(fewer.read(np.array([0])), bars()[[1]])


def test_pictures_without_numbers_go_by_their_place(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "p", bars(2, 3), "{}.jpg")
    for old, new in (("0", "b"), ("1", "a")):
        (folder / f"{old}.jpg").rename(folder / f"{new}.JPG")
    frames = b2m.open_frames(folder)
    assert frames.ids.tolist() == [0, 1]
    assert frames.shape == (SIZE, SIZE, 3)
    with Image.open(folder / "a.JPG") as first:
        np.testing.assert_array_equal(frames.read(np.array([0]))[0], np.asarray(first))


def _add(name: str, pixels: np.ndarray) -> Callable[[Path], None]:
    return lambda folder: Image.fromarray(pixels).save(folder / name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_add("last.png", bars(1)[0, ..., 0]), r"a number in every .*f0\.png and last\.png"),
        (_add("g1.png", bars(1)[0, ..., 0]), r"another last number .*f1\.png and g1\.png"),
        (_add("f3.png", bars(1)[0, ..., 0][:9]), r"one size, came f0\.png \(16 x 16 .*f3\.png"),
        (_add("f3.png", bars(1, 3)[0]), r"one size, came f0\.png .* grey\) and f3\.png .* RGB"),
        (_add("f3.png", bars(1, 4)[0]), r"f3\.png: expected a grey or RGB picture .* mode RGBA"),
        (lambda folder: (folder / "f3.png").write_bytes(b"none"), r"f3\.png: expected a picture"),
        (lambda folder: [each.unlink() for each in folder.iterdir()], "expected pictures"),
    ],
)  # fmt: skip
def test_pictures_that_do_not_fit_are_refused_by_name(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    change(write_pictures(tmp_path / "p", bars(3)))
    with refused(message):
        b2m.open_frames(tmp_path / "p")


def test_a_picture_that_is_damaged_further_on_is_named_when_it_is_read(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "p", bars(3))
    (folder / "f2.png").write_bytes((folder / "f2.png").read_bytes()[:-40])
    frames = b2m.open_frames(folder)
    with refused(r"f2\.png: expected a picture"):
        frames.read(np.array([2]))


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (bars()[..., 0], r"\[frame height width channel\], came uint8 .*an axis of one channel"),
        (bars().transpose(0, 3, 1, 2).repeat(3, 3), "channels its second axis"),
        (bars().astype(np.int32), "uint8 or float .*came int32"),
        (bars()[:0], "which holds none"),
    ],
)
def test_arrays_that_are_no_frames_are_refused(tmp_path, frames: np.ndarray, message: str) -> None:
    with refused(message):
        b2m.open_frames(write_hdf5(tmp_path / "mine.h5", frames))


def test_what_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.h5"
    write_hdf5(path)
    with refused(r"mine\.h5: expected a data set after it", "/video/frames uint8"):
        b2m.open_frames(path)
    with refused(r"expected a data set '/film', found none", "/video/frames uint8"):
        b2m.open_frames(f"{path}:/film")
    with refused(r"none\.h5: expected"):
        b2m.open_frames(tmp_path / "none.h5:/video/frames")
    not_finite = bars().astype(np.float32)
    not_finite[4] = np.nan
    frames = b2m.open_frames(write_hdf5(tmp_path / "nan.h5", not_finite))
    with refused("nan.h5:/video/frames: expected finite numbers"):
        frames.read(np.arange(5))


# --- the student ------------------------------------------------------------------------------


@pytest.fixture
def frames(tmp_path: Path) -> str:
    return write_hdf5(tmp_path / "mine.h5")


def test_whole_blocks_of_neighbours_teach_nobody(frames: str) -> None:
    student = b2m.FrameStudent(Autoencoder, LAYER, frames)
    held_out = student.held_out(np.arange(N_FRAMES))
    assert held_out.sum() == N_FRAMES / 5
    assert (np.diff(held_out.astype(int)) != 0).sum() <= 4  # edges of two blocks
    batches = student.batches(np.random.default_rng(0))
    drawn = np.concatenate([next(batches).ids for _ in range(50)])
    assert not held_out[drawn].any()
    teaching, rest = b2m.Comparison(student, b2m.frame_responses(recording())).rows
    assert not student.held_out(teaching.ids).any()
    assert student.held_out(rest.ids).all()
    assert len(rest) == N_FRAMES / 5


def test_a_network_that_gives_the_mean_frame_scores_nothing_and_the_frame_itself_all(
    frames: str,
) -> None:
    student = b2m.FrameStudent(Autoencoder, LAYER, frames)
    taught = bars()[~student.held_out(np.arange(N_FRAMES))].astype(np.float32) / 255
    mean = torch.from_numpy(taught.mean(0).transpose(2, 0, 1))

    class Always(nn.Module):
        def __init__(self, share: float) -> None:
            super().__init__()
            self.share, self.encoder = share, nn.ModuleDict({"5": nn.Identity()})

        def forward(self, frames: torch.Tensor) -> torch.Tensor:
            return self.share * self.encoder["5"](frames) + (1 - self.share) * mean

    assert student.score(Always(0.0))["reconstruction_r2"] == pytest.approx(0, abs=1e-6)
    assert student.score(Always(1.0))["reconstruction_r2"] == pytest.approx(1)
    assert student.score(Always(0.5))["reconstruction_r2"] == pytest.approx(0.75)


@pytest.mark.parametrize("network", [Autoencoder, Variational, Denoising, grey, ENCODER])
def test_a_loss_repeats_whatever_the_network_draws(frames: str, network: Any) -> None:
    student = b2m.FrameStudent(network, LAYER, frames)
    batch = next(student.batches(np.random.default_rng(0)))
    made = [student.new_network(torch.Generator().manual_seed(1)) for _ in range(2)]
    losses = [student.task_loss(each, batch) for each in made]
    assert losses[0] == losses[1]
    assert student.score(made[0]) == student.score(made[1])
    assert torch.isfinite(losses[0])


def test_the_loss_is_the_share_of_variance_and_the_terms(frames: str) -> None:
    student = b2m.FrameStudent(Variational, LAYER, frames)
    ids = np.flatnonzero(~student.held_out(np.arange(N_FRAMES)))
    pixels = student.seen(ids)
    network = student.new_network(torch.Generator().manual_seed(1))
    batch = b2m.Batch(ids, (pixels, 5))
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=torch.Generator().manual_seed(5))))
    picture, terms = network(pixels)
    spread = (pixels - pixels.mean(0)).square().mean()
    expected = (picture - pixels).square().mean() / spread + terms["size"]
    torch.testing.assert_close(student.task_loss(network, batch), expected)


class _Wrong(Autoencoder):
    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.encoder(frames))[..., :-1]


class _Frozen(Autoencoder):
    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__(shape)
        self.encoder.requires_grad_(False)


class _Summed(Autoencoder):
    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        self.summed = self.sum(frames)
        return super().forward(frames)

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__(shape)

        class Sum(nn.Module):
            def forward(self, frames: torch.Tensor) -> torch.Tensor:
                return (frames * torch.ones(1, requires_grad=True)).sum()

        self.sum = Sum()


def _raises(shape: tuple[int, int, int]) -> nn.Module:
    raise RuntimeError(f"no network for\n{shape}")


@pytest.mark.parametrize(
    ("network", "layer", "message"),
    [
        ("mine", LAYER, "expected MODULE:FACTORY, such as mine:Autoencoder, came 'mine'"),
        ("no_such_module:Net", LAYER, "expected a module no_such_module in .* found none"),
        (f"{ENCODER}r", LAYER, "did you mean Autoencoder.* it has Autoencoder, Variational"),
        ("tests.extending.own_autoencoders:SIZE", LAYER, "a function or class .*came int"),
        (_raises, LAYER, r"RuntimeError: no network for \(1, 16, 16\)"),
        (lambda: "a network", LAYER, "expected a torch.nn.Module, came str"),
        (nn.Identity, "", "expected parameters"),
        (lambda: Autoencoder((3, SIZE, SIZE)), LAYER, r"on frames \[3, 1, 16, 16\]: RuntimeError"),
        (_Wrong, LAYER, r"frames as they came, \[3, 1, 16, 16\].*came \[3, 1, 16, 15\]"),
        (Autoencoder, "encoder.7", r"came 'encoder.7' \(did you mean .*it has encoder, encoder.0"),
        (Autoencoder, "", "came none; it has encoder, encoder.0"),
        (_Frozen, LAYER, "carries no gradient"),
        (_Summed, "sum", r"expected its output to be \[batch ...\], 3 rows .*came the shape \[\]"),
    ],
)
def test_a_network_that_does_not_fit_is_refused_in_a_line(
    frames: str, network: Any, layer: str, message: str
) -> None:
    with refused(message) as error:
        b2m.FrameStudent(network, layer, frames)
    assert "\n" not in str(error.value)


def test_a_module_that_cannot_be_imported_is_told_from_one_that_is_not_there(
    tmp_path, monkeypatch, frames: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "lacks_one.py").write_text("import no_such_thing\n")
    (tmp_path / "unfinished.py").write_text("def net(:\n")
    with refused("importing lacks_one raised ModuleNotFoundError.*no_such_thing"):
        b2m.FrameStudent("lacks_one:net", LAYER, frames)
    with refused("importing unfinished raised SyntaxError"):
        b2m.FrameStudent("unfinished:net", LAYER, frames)


def test_frames_too_many_for_memory_are_read_as_they_are_drawn(frames: str, monkeypatch) -> None:
    def drawn() -> torch.Tensor:
        opening.frames_in_memory.cache_clear()
        student = b2m.FrameStudent(Autoencoder, LAYER, frames)
        batches = student.batches(np.random.default_rng(0))
        return torch.stack([next(batches).inputs[0] for _ in range(5)])

    kept = drawn()
    monkeypatch.setattr(opening, "MEMORY_LIMIT", 0)
    torch.testing.assert_close(drawn(), kept, rtol=0, atol=0)
    assert opening.frames_in_memory(b2m.open_frames(frames)) is None
    opening.frames_in_memory.cache_clear()


def test_a_recording_of_other_frames_is_refused(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "p")
    (folder / "f7.png").unlink()
    student = b2m.FrameStudent(Autoencoder, LAYER, folder)
    with refused(
        r"p: expected ids of its 119 frames, 0 to 119 \(the last number in its name\)", "7"
    ):
        b2m.Comparison(student, b2m.frame_responses(recording()))
    fewer = recording(np.delete(np.arange(N_FRAMES), 7))
    assert len(b2m.Comparison(student, b2m.frame_responses(fewer)).responses) == 119


def test_frames_that_do_not_vary_or_are_too_few_are_refused(tmp_path: Path) -> None:
    with refused("expected frames that vary"):
        b2m.FrameStudent(
            Autoencoder, LAYER, write_hdf5(tmp_path / "a.h5", np.zeros((40, 16, 16, 1), np.uint8))
        )
    with refused("expected a batch of frames .* came 16 of 20; batch_size may be 1 to 16"):
        b2m.FrameStudent(Autoencoder, LAYER, write_hdf5(tmp_path / "b.h5", bars(20)))
    with refused("expected at least 10 frames"):
        b2m.FrameStudent(Autoencoder, LAYER, write_hdf5(tmp_path / "c.h5", bars(1)))


@pytest.mark.slow
def test_scenes_bring_labels_and_are_judged_by_their_state(tmp_path: Path) -> None:
    scenes = write_scenes(tmp_path / "scenes.h5")
    student = b2m.FrameStudent(Autoencoder, LAYER, scenes)
    compared = b2m.Comparison(student, b2m.Responses.from_arrays(
        np.random.default_rng(0).normal(size=(360, 5)), np.arange(360)
    ))  # fmt: skip
    assert not {"labels", "labels_corrupted"} & set(compared.left_out)
    assert "hazard, error on other vehicles" in compared.left_out
    assert list(student.score(student.new_network(torch.Generator()))) == [
        "state_r2", "reconstruction_r2",
    ]  # fmt: skip
    assert np.isfinite(student.labels(np.arange(10))).all()


# --- to the report ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["data set", pytest.param("pictures", marks=pytest.mark.thorough)])
def test_frames_from_anywhere_end_in_a_report_that_says_what_was_left_out(
    tmp_path: Path, kind: str
) -> None:
    torch.set_num_threads(1)
    where = (
        write_hdf5(tmp_path / "mine.h5", bars().astype(np.float32) / 255)
        if kind == "data set"
        else write_pictures(tmp_path / "p", bars(n_channels=3), "{:03d}.jpg")
    )
    student = b2m.FrameStudent(Variational, LAYER, where, batch_size=8)
    compared = b2m.Comparison(student, b2m.frame_responses(recording()), seeds=(0, 1), budget=SHORT)
    run = compared.run(tmp_path / "run", progress=False, executor=OneAfterAnother())
    assert {each.metric for each in run.scores} == {
        "reconstruction_r2", "cka", "rsa", "predictivity",
    }  # fmt: skip
    for verdict in b2m.verdicts_of(run):
        assert set(verdict.over_nulls) == {each.name for each in b2m.NULLS}
        assert not verdict.over_probes
    page = b2m.write_report(run.folder).read_text()
    for words in ("SIMULATED", "mean frame", "come without the state", "without masks"):
        assert words in page
    assert "None of these is a null" in page


@pytest.mark.thorough
@pytest.mark.slow
def test_the_command_brings_a_network_from_the_working_directory(
    tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    source = Path(__file__).with_name("own_autoencoders.py").read_text()
    (tmp_path / "my_networks.py").write_text(source)
    write_pictures(tmp_path / "pictures")
    b2m.write_scene_recording("brain.h5", recording())
    told = (
        "compare", "driving", "--encoder", "my_networks:Autoencoder", "--layer", LAYER,
        "--frames-from", "pictures", "--recording", "brain.h5", "--strategy", "regression",
        "--seeds", "2", "--steps", "100", "--workers", "1", "--out", "run",
    )  # fmt: skip
    code, out, _ = command(monkeypatch, capsys, *told, "--dry-run")
    assert (code, (tmp_path / "run").exists()) == (0, False)
    assert "14 students of 100 steps" in out
    code, out, _ = command(monkeypatch, capsys, *told)
    assert code == 0
    assert "The brain is simulated" in out
    page = (tmp_path / "run" / "report.html").read_text()
    assert "delay of 0.1 s assumed" in page
    assert "the last number in its name" in page
    scores = (tmp_path / "run" / "scores.csv").read_bytes()
    next((tmp_path / "run" / "groups").glob("*brain*")).unlink()
    assert command(monkeypatch, capsys, *told)[0] == 0
    assert (tmp_path / "run" / "scores.csv").read_bytes() == scores
    Image.fromarray(bars()[5, ..., 0]).save(tmp_path / "pictures" / "f0.png")
    code, _, err = command(monkeypatch, capsys, *told)
    assert code == 2
    assert "run of another configuration" in err


@pytest.mark.slow
def test_our_encoder_takes_frames_from_anywhere(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    large = np.repeat(np.repeat(bars(), 3, axis=1), 3, axis=2)
    student = b2m.FrameStudent(FACTORY, VAE_LAYER, write_pictures(tmp_path / "p", large))
    compared = b2m.Comparison(
        student, b2m.frame_responses(recording()), controls=b2m.NULLS[:2], seeds=(0, 1),
        budget=SHORT,
    )  # fmt: skip
    run = compared.run(tmp_path / "run", progress=False, executor=OneAfterAnother())
    assert "FrameVAE" in b2m.write_report(run.folder).read_text()
    tall = np.zeros((12, 1030, 8, 1), np.uint8) + np.arange(12, dtype=np.uint8)[:, None, None, None]
    with pytest.raises(ValueError, match="height: expected a whole number of"):
        b2m.FrameStudent(FACTORY, VAE_LAYER, write_pictures(tmp_path / "tall", tall), 4)
    network = student.new_network(torch.Generator().manual_seed(0)).eval()
    frames = torch.from_numpy(large[:2]).permute(0, 3, 1, 2) / 255
    assert torch.equal(network(frames), network(frames))
    with pytest.raises(ValueError, match=r"expected pixels of 0 to 1 .* came 0\.\d+ to 2"):
        network(frames * 0 + torch.tensor([0.5, 2.0]).view(2, 1, 1, 1))


BESIDE = ("compare", "driving", "--encoder", ENCODER)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "driving", "--layer", "x"), "--layer: expected none of these without"),
        (("compare", "driving", "--frames-from", "x"), "x: expected scenes or frames"),
        (("compare", "driving", "--frames-from", "pictures"), "state; give --recording"),
        ((*BESIDE, "--latents", "decoded"), "--latents: expected none of these beside --encoder"),
        ((*BESIDE, "--curves"), "--curves: expected none of these beside --encoder"),
        ((*BESIDE, "--device", "cuda:99"), "device: expected auto, cpu or another that PyTorch"),
        ((*BESIDE, "--frames-from", "pictures", "--scenes", "x.h5"), "--scenes: expected none of"),
        ((*BESIDE, "--frames-from", "nowhere"), "nowhere: expected scenes or frames"),
        ((*BESIDE, "--frames-from", "pictures"), "layer: expected one of the 15 modules"),
        ((*BESIDE, "--layer", LAYER, "--frames-from", "pictures"), "state; give --recording"),
        (("compare", "driving", "--encoder", "nowhere:Net"), "found none"),
        ((*BESIDE, "--layer", LAYER, "--scenes", "x.h5", "--frames", "600"), "--frames: expected"),
    ],
)
def test_bad_input_ends_in_one_line(
    tmp_path, monkeypatch, capsys, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "pictures", bars(60))
    code, _, err = command(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()
