"""Cards of encoders and decision networks, and their way to the Hub and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from b2m_drive import CardScore, DecisionRNN, DecisionRNNSettings, TrainedOn, push_to_hub
from b2m_drive.files.fingerprints import fingerprint
from b2m_drive.files.model_card import UNKNOWN, hub_licence, licence_of
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.students.student_card import brain_of_card
from tests.shared.hub_in_a_folder import HubInAFolder, stand_in

KORNBLITH = {
    "simulated": False, "subject": "399", "session": "399e11sb", "licence": "ODbL 1.0",
    "source": "Kornblith et al. 2017, doi 10.1016/j.cub.2017.02.013",
}  # fmt: skip
SCORE = CardScore("accuracy", 0.8125, "share of trials", "0.79 to 0.83 | 5 seeds", "held out")


@pytest.fixture
def rnn() -> DecisionRNN:
    return DecisionRNN(DecisionRNNSettings(4, 3), torch.Generator().manual_seed(0))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> HubInAFolder:
    monkeypatch.chdir(tmp_path)
    return stand_in(monkeypatch, tmp_path / "hub")


def head_and_text(folder: Path) -> tuple[dict[str, Any], str]:
    _, head, text = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(head), text


def test_the_card_of_a_taught_network_names_licence_and_citation(
    rnn: DecisionRNN, tmp_path: Path
) -> None:
    told = TrainedOn("240 recorded trials.", KORNBLITH, "BLT by the brain", scores=(SCORE,))
    head, text = head_and_text(rnn.save_pretrained(tmp_path, told))
    assert head["license"] == "odbl"
    assert head["library_name"] == "b2m-drive"
    assert head["datasets"] == ["kornblith2017"]
    assert {"recorded", "brain2model"} <= set(head["tags"])
    assert "RECORDED: subject 399" in text
    assert "Current Biology 27:1026" in text
    assert "| accuracy | 0.8125 share of trials | 0.79 to 0.83 \\| 5 seeds | held out |" in text


def test_a_simulated_brain_is_called_so_and_asks_for_no_licence(
    rnn: DecisionRNN, tmp_path: Path
) -> None:
    brain = {"simulated": True, "source": "SimulatedBrain, preset ideal"}
    head, text = head_and_text(rnn.save_pretrained(tmp_path, TrainedOn("Trials.", brain)))
    assert head["license"] == "mit"
    assert "simulated" in head["tags"]
    assert "SIMULATED (SimulatedBrain, preset ideal)" in text


def test_what_saw_no_brain_is_not_said_to_be_simulated(rnn: DecisionRNN, tmp_path: Path) -> None:
    head, text = head_and_text(rnn.save_pretrained(tmp_path, TrainedOn("My own pictures.")))
    assert head["license"] == UNKNOWN
    assert "simulated" not in head["tags"]
    assert "No recording of a brain took part" in text


def test_what_was_not_told_is_not_made_up(rnn: DecisionRNN, tmp_path: Path) -> None:
    head, text = head_and_text(rnn.save_pretrained(tmp_path))
    assert head["license"] == UNKNOWN
    assert "was not told" in text
    assert "None was measured" in text


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("ODbL 1.0; CC BY 4.0", "odbl"),  # of a pseudo-population of two data sets
        ("CC BY-NC-ND: use it, pass on nothing", "cc-by-nc-nd-4.0"),
        ("CC BY 4.0 (DANDI 000469), MIT (the files made from it)", "cc-by-4.0"),
        ("CC0", "cc0-1.0"),
        ("see its page; not known here", UNKNOWN),
    ],
)
def test_a_recordings_licence_in_the_hubs_words(said: str, word: str) -> None:
    assert hub_licence(said) == word
    assert brain_of_card(KORNBLITH | {"licence": said}).licence == word


def test_words_of_a_recording_stay_within_their_line(rnn: DecisionRNN, tmp_path: Path) -> None:
    brain = KORNBLITH | {"session": "x\n---\nlicense: mit\n# x <script>"}
    head, text = head_and_text(rnn.save_pretrained(tmp_path, TrainedOn("a\n# b", brain)))
    assert head["license"] == licence_of(tmp_path) == "odbl"
    assert "<script>" not in text
    assert sum(line.startswith("# ") for line in text.splitlines()) == 1


def test_a_card_may_be_edited_where_a_folder_is_fingerprinted(
    rnn: DecisionRNN, tmp_path: Path
) -> None:
    before = fingerprint(rnn.save_pretrained(tmp_path))
    (tmp_path / "README.md").write_text("mine")
    assert fingerprint(tmp_path) == before
    assert licence_of(tmp_path) == UNKNOWN


def test_a_network_goes_to_the_hub_and_comes_back(rnn: DecisionRNN, hub: HubInAFolder) -> None:
    folder = rnn.save_pretrained("mine", TrainedOn("Trials.", KORNBLITH))
    (folder / "notes.txt").write_text("not for others")
    assert push_to_hub(folder, "someone/rnn") == "https://hub.example/someone/rnn"
    assert hub.files("someone/rnn") == {"README.md", "config.json", "model.safetensors"}
    assert hub.private["someone/rnn"]
    back = DecisionRNN.from_pretrained("someone/rnn").state_dict()
    assert all(torch.equal(back[name], value) for name, value in rnn.state_dict().items())


def test_what_comes_from_the_hub_is_refused_as_a_local_one_is(hub: HubInAFolder) -> None:
    vae = SceneVAE(SceneVAESettings(16, 16, 1, latent_size=2, widths=(8,)))
    push_to_hub(vae.save_pretrained("mine"), "someone/vae")
    with pytest.raises(ValueError, match="settings of a DecisionRNN"):
        DecisionRNN.from_pretrained("someone/vae")
    (hub.folder / "someone/vae/model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        SceneVAE.from_pretrained("someone/vae")


def test_a_path_never_asks_the_hub(hub: HubInAFolder, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for local in (Path("someone/rnn"), "runs/mistyped", "./someone/rnn", "none"):
        with pytest.raises(FileNotFoundError, match=r"expected a file config\.json"):
            DecisionRNN.from_pretrained(local)
    with pytest.raises(ConnectionError, match="someone/rnn: the Hugging Face Hub cannot be"):
        DecisionRNN.from_pretrained("someone/rnn")


def test_what_may_not_be_passed_on_is_not_pushed(rnn: DecisionRNN, hub: HubInAFolder) -> None:
    brain = KORNBLITH | {"licence": "CC BY-NC-ND 4.0"}
    rnn.save_pretrained("mine", TrainedOn("Trials.", brain))
    with pytest.raises(ValueError, match=r"README.md: expected a licence .* cc-by-nc-nd-4.0"):
        push_to_hub("mine", "someone/rnn")
    with pytest.raises(ValueError, match='name: expected "user/name"'):
        push_to_hub("mine", "rnn")
    assert not hub.private
