"""What the agents' comparison compares, its metrics, and the words its report uses.

An agent of a condition learns to drive on what that condition's frozen encoder makes of a scene,
so the conditions are those of the driving study. Left out are the encoder alone with a head at
weight 0, which is the encoder alone, weight for weight, and the corrupted labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from b2m_drive.comparisons.driving_study import DRIVING
from b2m_drive.comparisons.study import Study
from b2m_drive.evidence.condition import (
    ALONE,
    ALONE_HEAD,
    ALONE_LABELLED,
    BASELINES,
    BRAIN,
    SHORT_STRATEGIES,
    Condition,
    TransferMethod,
)

AGENTS_STUDY = "agents"
LATENTS, PIXELS, STATE, BLIND = "latents", "pixels", "state", "blind"
BESIDE = (PIXELS, STATE, BLIND)  # agents without an encoder; also their conditions' names
BESIDE_LABELS = {
    PIXELS: "pixels end to end",
    STATE: "state variables",
    BLIND: "blind",
}
DRIVERS = ("highway_env", "constant_speed")
DRIVER_LABELS = {
    "highway_env": "highway-env's driver model",
    "constant_speed": "constant speed",
}

# Metrics of the score table. Of a driver, and of it alone, each row is one episode.
VALIDATION = "validation_return"
RETURN, SAFE, SPEED = "return", "without_crash", "speed"
OFF_ROAD, SUCCESS = "off_road", "success"  # of runs since 0.6; success where there is a goal
ENCODER_R2 = "encoder_state_r2"
CLONED_ACCURACY, CLONED_BALANCED, CLONED_RETURN, CLONED_SAFE, CLONED_OFF_ROAD = (
    "cloned_accuracy",
    "cloned_balanced_accuracy",
    "cloned_return",
    "cloned_without_crash",
    "cloned_off_road",
)

_LABELS = {ALONE: "encoder alone", ALONE_LABELLED: "encoder alone, taught the driver's actions"}
_LEFT_OUT = (ALONE_HEAD, "labels_corrupted")
_STYLES = {PIXELS: ("#7B3294", "-"), STATE: ("#A6761D", "-"), BLIND: ("#444444", "-.")}
_OF_RETURN = replace(
    DRIVING,
    name=AGENTS_STUDY,
    controls=tuple(
        replace(each, label=_LABELS.get(each.name, each.label))
        for each in DRIVING.controls
        if each.name not in _LEFT_OUT
    ),
    curve=RETURN,
    curve_label="return",
    curve_unit="sum of rewards",
    final_label="return on held-out episodes",
    floor_label="no reward",
    sample_label="environment steps",
    samples="steps",
    learners="agents",
)
STUDIED = {  # what is judged: by the score that it takes, in the order of the report
    RETURN: _OF_RETURN,
    SAFE: replace(
        _OF_RETURN,
        curve=SAFE,
        curve_label="share of episodes without a crash",
        curve_unit="share",
        final_label="share of held-out episodes without a crash",
    ),
    VALIDATION: replace(_OF_RETURN, curve=VALIDATION, curve_label="return on validation episodes"),
}
SUMMARY_OF = {RETURN: "final", SAFE: "final", VALIDATION: "area_under_curve"}
AGENTS = STUDIED[RETURN]


def cloned(metric: str, n_frames: int) -> str:
    """A metric of behaviour cloning from so many frames."""
    return f"{metric}:{n_frames}"


def cloned_study(n_frames: int) -> Study:
    """Cloned drivers as they are judged: by their return over the held-out episodes."""
    return replace(
        _OF_RETURN,
        curve=cloned(CLONED_RETURN, n_frames),
        final_label=f"return of drivers cloned from {n_frames:,} frames",
        learners="cloned drivers",
    )


def encoder_conditions(methods: Iterable[TransferMethod]) -> tuple[Condition, ...]:
    """Every condition that has an encoder, isolated ones first."""
    controls = (BRAIN, *AGENTS.nulls, *AGENTS.probes)
    isolated = tuple(Condition(name) for name in AGENTS.nulls if name in BASELINES)
    taught = tuple(
        method.condition(control)
        for method in methods
        for control in controls
        if control not in BASELINES
    )
    return (*isolated, *taught)


def agent_label(condition: Condition, simulated: bool) -> str:
    """What a reader calls a condition or a driver, with its strategy."""
    if condition.control in DRIVER_LABELS:
        return DRIVER_LABELS[condition.control]
    if condition.control in BESIDE_LABELS:
        return f"no encoder: {BESIDE_LABELS[condition.control]}"
    return AGENTS.long_label_of(condition, simulated)


def strategy_label(method: TransferMethod) -> str:
    """BLT or BCT."""
    return SHORT_STRATEGIES[method.strategy]


def agent_style(condition: Condition) -> tuple[str, Any]:
    """Colour and line style of a condition in figures."""
    return _STYLES.get(condition.control) or AGENTS.style_of(condition.control)
