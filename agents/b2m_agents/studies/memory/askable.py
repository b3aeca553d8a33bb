"""What the memory study can ask of a recording that covers only a part of the trial."""

from __future__ import annotations

from dataclasses import replace

from b2m_agents.studies.memory.plan import MemoryStudySettings
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.recordings.unasked import (
    NO_DELAY,
    NO_ITEMS,
    nominal_words,
    reads_delay,
    reads_items,
    unasked,
)
from b2m_drive.teachers.windows import recorded_windows


def askable(settings: MemoryStudySettings, recording: TrialResponses) -> MemoryStudySettings:
    """The settings without the readings that this recording cannot give.

    To carry latents of the items through the delay takes activity of both.

    Raises:
        ValueError: If no reading is left, or the recording covers none of the windows.
    """
    recorded_windows(recording, settings.windows)
    why = _why_not_carried(recording)
    if why is None:
        return settings
    left = tuple(each for each in settings.readings if each.pairing != "carried")
    if not left:
        raise ValueError(
            f"{recording.session}: pairing: expected 'recorded', since {why}, came 'carried' only"
        )
    return replace(settings, readings=left)


def limits_of_part(recording: TrialResponses) -> list[str]:
    """Sentences for the report: what could not be asked and why, and what is made up."""
    left_out = dict(unasked(recording))
    why = _why_not_carried(recording)
    if why:
        left_out['latents of items carried through the delay (pairing "carried")'] = why
    limits = [f"Not asked: {what}: {reason}." for what, reason in left_out.items()]
    words = nominal_words(recording)
    if words:
        limits.append(
            f"The recording does not say {_listed(words)}: these columns of its trials are "
            "nominal. The student's replays of the trials follow them; the brain's activity does "
            "not."
        )
    return limits


def _why_not_carried(recording: TrialResponses) -> str | None:
    if not reads_items(recording):
        return NO_ITEMS
    return None if reads_delay(recording) else NO_DELAY


def _listed(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
