"""An evaluation in words and columns, for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from b2m_agents.drivers.drivers import CONSTANT_SPEED, HIGHWAY_ENV
from b2m_agents.evaluation.evaluate import Evaluation
from b2m_agents.evaluation.scores import MARGIN, DriverScores
from b2m_drive.evidence.statistics import Interval
from b2m_envs.scenes.state import HAZARD_TIME, LONGEST_TIME

_WIDTH = 100  # [characters] of the words

# Heading of a column: field of `DriverScores`, and how its numbers are written.
_RETURNS = {
    "return": ("return_", ".2f"),
    "interquartile mean": ("return_middle", ".2f"),
    "crashed": ("crash_rate", ".0%"),
    "ever off the road": ("ever_off_road", ".0%"),
    "succeeded": ("success_rate", ".0%"),
}
_DRIVING = {
    "speed [m/s]": ("speed", ".1f"),
    "length [s]": ("length", ".1f"),
    "lane changes": ("lane_changes", ".1f"),
    "closest [s]": ("smallest_time_to_collision", ".1f"),
    "in hazard": ("share_in_hazard", ".1%"),
    "off the road": ("off_road", ".1%"),
    "not measured": ("not_measured", ".1%"),
}
_LEADS = {
    "lead on driver model": ("lead_on_model", "+.2f"),
    "lead on constant speed": ("lead_on_constant_speed", "+.2f"),
}


def evaluation_text(evaluation: Evaluation, scores: Sequence[DriverScores]) -> str:
    """Tables of scores and leads, what they are, and a line for each agent on whom it leads."""
    agents = [each for each in scores if each.n_trainings]
    blocks = [
        _table_text(scores, _RETURNS),
        _table_text(scores, _DRIVING),
        _table_text(agents, _LEADS),
        _note_text(evaluation),
        "\n".join(_verdict_text(each, scores) for each in agents),
    ]
    return "\n\n".join(blocks)


def interval_cell(interval: Interval | None, form: str) -> str:
    """A mean with its interval, in one format."""
    if interval is None:
        return "-"
    return f"{interval.mean:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def _table_text(scores: Sequence[DriverScores], columns: Mapping[str, tuple[str, str]]) -> str:
    shown = {
        heading: (name, form)
        for heading, (name, form) in columns.items()
        if any(getattr(each, name) is not None for each in scores)
    }
    rows = [["driver", *shown]]
    for each in scores:
        cells = [interval_cell(getattr(each, name), form) for name, form in shown.values()]
        rows.append([each.driver, *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def _note_text(evaluation: Evaluation) -> str:
    first = evaluation.of(evaluation.agents[0])
    if len(evaluation.agents) == 1:
        who = "one training: the interval speaks of episodes, not of trainings"
    else:
        who = "a single agent's interval speaks of episodes, not of trainings"
    if any(len(kind) > 1 for kind in evaluation.kinds):
        who += (
            "; that of trainings which differ in their seed alone, pooled, speaks of both (but for "
            "the interquartile mean's, by bootstrap, which is too narrow below five trainings)"
        )
    note = (
        f"Means and 95 % intervals over the same {len(first)} held-out episodes, simulated by "
        f"{first[0].engine}; {who}. Interquartile mean: of the middle half of the returns. "
        f"Closest: an episode's smallest time to collision, {LONGEST_TIME:g} s where there was "
        f"none below. In hazard: share of the time on the road with less than {HAZARD_TIME:g} s. "
        "Off the road: share of the steps; ever: of the episodes. Not measured: share of the steps "
        "that have no lane, gap or time to collision, and so count in neither closest nor hazard. "
        "Lead: an agent's return minus another driver's, paired by episode."
    )
    if any(each.success is not None for each in evaluation.episodes):
        note += " Succeeded: reached the scenario's goal without a crash."
    if HIGHWAY_ENV in evaluation.references:
        note += f" {HIGHWAY_ENV}: its driver model (IDM and MOBIL)."
    if evaluation.unfinished:
        note += f" Stopped before the end of their training: {', '.join(evaluation.unfinished)}."
    return textwrap.fill(note, _WIDTH)


def _verdict_text(scores: DriverScores, everyone: Sequence[DriverScores]) -> str:
    others = {each.driver: each for each in everyone if not each.n_trainings}
    parts = []
    if scores.not_worse_than_model is not None:
        parts.append(
            f"not worse than the driver model by more than {MARGIN:.0%} of its return "
            f"({-scores.margin:+.2f}): {_shown(scores.not_worse_than_model)}"
            + _failures_text(scores, others[HIGHWAY_ENV], "the driver model")
        )
    if scores.beats_constant_speed is not None:
        parts.append(
            f"beats constant speed: {_shown(scores.beats_constant_speed)}"
            + _failures_text(scores, others[CONSTANT_SPEED], "constant speed")
        )
    return f"{scores.driver}: {'; '.join(parts)}"


def _failures_text(scores: DriverScores, other: DriverScores, name: str) -> str:
    """In what an agent fails more often than whom it is compared with; empty: in nothing.

    A return alone may praise an early crash, and what happens off the road.
    """
    worse = [
        f"{words} {mine.mean:.1%} ({name}: {theirs.mean:.1%})"
        for words, mine, theirs in (
            ("crashes in", scores.crash_rate, other.crash_rate),
            ("is off the road in", scores.off_road, other.off_road),
            ("succeeds in", scores.success_rate, other.success_rate),
        )
        if mine is not None
        and theirs is not None
        and (mine.mean < theirs.mean if words == "succeeds in" else mine.mean > theirs.mean)
    ]
    return f", but {', '.join(worse)}" if worse else ""


def _shown(answer: bool) -> str:
    """A lower bound that is too low shows nothing, neither that it is so nor that it is not."""
    return "yes" if answer else "not shown"
