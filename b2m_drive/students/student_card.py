"""The model card of an encoder or a decision network: from what its maker told of its training."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from b2m_drive.files.model_card import (
    RECORDED,
    SIMULATED,
    UNKNOWN,
    CardScore,
    ModelCard,
    hub_licence,
)
from b2m_drive.files.names import safe_name
from b2m_drive.recordings.datasets.table import DATA_SETS
from b2m_drive.recordings.recording import Recording

_DOI = re.compile(r"10\.\d{4,9}/[^\s,;)]+")
_NOT_TOLD = "What it learnt from was not told when it was saved, nor whether a brain taught it."
_NO_BRAIN = "No recording of a brain took part."
_NO_LICENCE = "Whoever saved it did not say under which licence it is."
_CARRIES_ON = "The recording's licence carries on to what is derived from it, this network included"


@dataclass(frozen=True)
class BrainOfCard:
    """What a card says of the brain that took part."""

    sentence: str
    licence: str  # of the weights that follow from it, in the Hub's words
    licence_reason: str
    tags: tuple[str, ...]
    datasets: tuple[str, ...]


NO_BRAIN_AND_SIMULATED = BrainOfCard(  # of what saw nothing but what b2m-drive simulates
    _NO_BRAIN, "mit", "As b2m-drive itself, which simulated all that it saw.", (SIMULATED,), ()
)


@dataclass(frozen=True)
class TrainedOn:
    """What a network learnt from and how it did, told to ``save_pretrained`` for its card.

    Args:
        data: What it saw, in a sentence that says whether that is simulated.
        brain: The recording that took part, or ``brain`` of a run's ``config.json``, or what a
            card says of it, such as `NO_BRAIN_AND_SIMULATED`; None: none, and no licence is known.
        teacher: What taught it, such as "BLT by the brain" or "none (a control)".
        datasets: Names for the card's head.
        scores: Each with its spread.
        limits: What it is not to be taken for, in sentences.
    """

    data: str
    brain: Recording | Mapping[str, Any] | BrainOfCard | None = None
    teacher: str = "none"
    datasets: tuple[str, ...] = ()
    scores: tuple[CardScore, ...] = ()
    limits: tuple[str, ...] = ()


def student_card(kind: type[nn.Module], trained_on: TrainedOn | None) -> ModelCard:
    """The card of a student of this class; without word of its training it says so."""
    name = kind.__name__
    summary = f"{_first_sentence(kind)} Its settings stand in `config.json`."
    use = f'from b2m_drive import {name}\n\nnetwork = {name}.from_pretrained("FOLDER or user/name")'
    if trained_on is None:
        return ModelCard(name, summary, (_NOT_TOLD,), use)
    brain = brain_of_card(trained_on.brain)
    return ModelCard(
        title=name,
        summary=summary,
        data=(trained_on.data, brain.sentence, f"Teacher: {trained_on.teacher}."),
        use=use,
        licence=brain.licence,
        licence_reason=brain.licence_reason,
        tags=brain.tags,
        datasets=(*trained_on.datasets, *brain.datasets),
        scores=trained_on.scores,
        limits=trained_on.limits,
    )


def brain_of_card(brain: Recording | Mapping[str, Any] | BrainOfCard | None) -> BrainOfCard:
    """What a card says of a brain, by its recording or by what a run's configuration has of it."""
    if brain is None:
        return BrainOfCard(_NO_BRAIN, UNKNOWN, _NO_LICENCE, (), ())
    if isinstance(brain, BrainOfCard):
        return brain
    about = _about(brain)
    if about["simulated"]:
        return BrainOfCard(
            f"The brain is SIMULATED ({about['source']}): nobody's activity is in these weights.",
            "mit",
            "As b2m-drive itself, which simulated the brain.",
            (SIMULATED,),
            (),
        )
    licence = hub_licence(str(about["licence"]))
    return BrainOfCard(
        f"The brain is RECORDED: subject {about['subject']}, session {about['session']}; source "
        f"{about['source']}; licence of the recording: {about['licence']}.{_to_cite(about)}",
        licence,
        _reason(licence, str(about["licence"])),
        (RECORDED, "neuroscience"),
        (_data_set_of(about) or safe_name(f"recording-{about['session']}"),),
    )


def _about(brain: Recording | Mapping[str, Any]) -> Mapping[str, Any]:
    names = ("subject", "session", "source", "licence", "simulated")
    if isinstance(brain, Mapping):
        return {name: brain.get(name, UNKNOWN) for name in names} | {
            "simulated": bool(brain.get("simulated"))
        }
    return {name: getattr(brain, name) for name in names}


def _reason(licence: str, said: str) -> str:
    if licence == UNKNOWN:
        return (
            "The recording does not say under which licence it is: whoever recorded it decides "
            "whether weights that learnt from it may be passed on."
        )
    if licence.endswith("-nd-4.0"):
        return f"{said}: nothing that is made of the recording may be passed on, this included."
    return f"{_CARRIES_ON} ({said})."


def _to_cite(about: Mapping[str, Any]) -> str:
    name = _data_set_of(about)
    return f" Cite: {DATA_SETS[name].citation}." if name else ""


def _data_set_of(about: Mapping[str, Any]) -> str | None:
    """The named data set that a recording's source names by DOI; None: none of them."""
    dois = set(_DOI.findall(str(about["source"])))
    found = (name for name, each in DATA_SETS.items() if dois & set(_DOI.findall(each.citation)))
    return next(found, None)


def _first_sentence(kind: type) -> str:
    return " ".join((inspect.getdoc(kind) or kind.__name__).split("\n\n")[0].split())
