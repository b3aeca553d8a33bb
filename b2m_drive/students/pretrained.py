"""Encoders and decision networks on the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from b2m_drive.files.hub import push_folder
from b2m_drive.files.json_files import read_json
from b2m_drive.files.model_card import CARD_FILE, write_card
from b2m_drive.files.refusals import require_file
from b2m_drive.students.decision_rnn import DecisionRNN
from b2m_drive.students.scene_vae import SceneVAE
from b2m_drive.students.student_card import student_card
from b2m_drive.students.student_folder import SETTINGS, STUDENT_FILES

_CLASSES = {each.__name__: each for each in (SceneVAE, DecisionRNN)}


def push_to_hub(folder: str | Path, name: str, *, private: bool = True) -> str:
    """Bring a saved encoder or decision network to the Hugging Face Hub; returns its address.

    It is read first, so that nothing damaged is brought. Weights, settings, view and card travel,
    nothing else of the folder; one without a card, as earlier versions wrote, gets one. Who you
    are is what ``hf auth login`` or ``HF_TOKEN`` says.

    Args:
        folder: That ``save_pretrained`` wrote.
        name: ``"user/name"`` on the Hub; made if it is new. ``from_pretrained(name)`` reads it.
        private: Whether a new one is shown to you alone, until you change that on the Hub.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is damaged, the name is none, or the licence of the recording lets
            nothing be passed on that was derived from it.
        ConnectionError: If the Hub cannot be reached, or refuses.
        MissingPackageError: If ``huggingface_hub`` is not installed (extra ``hub``).
    """
    folder = Path(folder)
    require_file(folder / SETTINGS, "the settings of an encoder or a decision network")
    kind = read_json(folder / SETTINGS, "the settings of a network").get("class")
    if kind not in _CLASSES:
        raise ValueError(
            f"{folder / SETTINGS}: expected one of {', '.join(_CLASSES)}, came {kind!r}"
        )
    _CLASSES[kind].from_pretrained(folder)
    if not (folder / CARD_FILE).is_file():
        write_card(folder, student_card(_CLASSES[kind], None))
    return push_folder(folder, name, STUDENT_FILES, private=private)
