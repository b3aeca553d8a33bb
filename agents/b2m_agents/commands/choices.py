"""What an option may be, where only a few values are possible.

The names are written out here and not read from the rooms they belong to, so that ``--help`` and
completion need no PyTorch; a test holds them to what those rooms know.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal, TypeAlias, get_args

Half: TypeAlias = Literal["both", "memory", "driving"]
Brain: TypeAlias = Literal["median_session", "best_session", "ideal"]
BrainKind: TypeAlias = Literal["units", "eeg"]
Student: TypeAlias = Literal["gru", "lstm", "leaky"]
MemoryTask: TypeAlias = Literal["memory_decision", "sternberg"]
Stimuli: TypeAlias = Literal["random", "category"]
Windows: TypeAlias = Literal["all", "early", "encoding", "delay"]
SceneLatents: TypeAlias = Literal["pca", "decoded"]
OnlineControl: TypeAlias = Literal[
    "alone", "shuffled", "circular_shift", "untrained_network", "random_projection", "labels",
    "labels_corrupted",
]  # fmt: skip
Camera: TypeAlias = Literal["birds_eye", "drivers_eye"]
Action: TypeAlias = Literal["discrete", "continuous"]
Observation: TypeAlias = Literal[
    "latents", "pixels", "state", "kinematics", "occupancy_grid", "lidar", "time_to_collision",
    "crossing_traffic", "lane_gaps", "goal_state", "crossing_state", "exit_state", "exit_gaps",
    "gaps_state", "exit_kinematics", "kinematics_goal",
]  # fmt: skip
Algorithm: TypeAlias = Literal["ppo", "recurrent_ppo", "dqn", "sac", "her"]
Driver: TypeAlias = Literal["random", "constant_speed", "highway_env"]
Scenario: TypeAlias = Literal[
    "highway", "highway_fast", "merge", "merge_generic", "exit", "roundabout",
    "roundabout_generic", "intersection", "two_way", "u_turn", "racetrack", "racetrack_large",
    "racetrack_oval", "parking", "lane_keeping",
]  # fmt: skip
SCENARIOS: tuple[str, ...] = get_args(Scenario)
SCENARIO_NAMES = f"{', '.join(SCENARIOS[:-1])} or {SCENARIOS[-1]}"
DEVICES = ("auto", "cpu", "cuda", "mps")
EXECUTORS = ("processes", "ray", "slurm", "slurm-local")
REWARDS = ("highway_env", "safe", "progress", "goal", "in_time", "keep_lane")
DATA_SETS = (
    "kornblith2017", "dandi_000469", "dandi_000673", "sternberg_maintenance", "dandi_000004",
    "cao2019", "bnci_2016_002", "ds004120", "ds004657",
)  # fmt: skip
TRIAL_TASKS = ("memory_decision", "sternberg", "context_decision")  # that an agent learns


# Options that may be given more than once: Typer takes lists of enumerations, not of literals.
class Latents(StrEnum):
    """Methods that reduce a memory recording to latents."""

    DECODED = "decoded"
    PCA = "pca"
    FACTOR_ANALYSIS = "factor_analysis"
    DEMIXED = "demixed"


class Pairing(StrEnum):
    """How latents of the delay are made."""

    RECORDED = "recorded"
    CARRIED = "carried"


class Strategy(StrEnum):
    """Of the transfer: BLT or BCT."""

    REGRESSION = "regression"
    CONTRASTIVE = "contrastive"


class DrivingControl(StrEnum):
    """What the driving study may hold a brain against, beside the student alone."""

    ALONE_HEAD = "alone_head"
    ALONE_LABELLED = "alone_labelled"
    SHUFFLED = "shuffled"
    CIRCULAR_SHIFT = "circular_shift"
    UNTRAINED_NETWORK = "untrained_network"
    RANDOM_PROJECTION = "random_projection"
    LABELS = "labels"
    LABELS_CORRUPTED = "labels_corrupted"


class BesideEncoders(StrEnum):
    """What agents without an encoder observe."""

    PIXELS = "pixels"
    STATE = "state"
    BLIND = "blind"


def values_of(choices: Any) -> tuple[str, ...]:
    """The values of a literal type or of an enumeration."""
    if isinstance(choices, type) and issubclass(choices, StrEnum):
        return tuple(each.value for each in choices)
    return get_args(choices)


def shown(choices: Any) -> str:
    """The values as help shows them, in lines that break between names."""
    return " | ".join(values_of(choices))


def complete_scenario(incomplete: str) -> list[str]:
    """Scenarios that begin with what was typed."""
    return [each for each in SCENARIOS if each.startswith(incomplete)]


def complete_scenario_or_task(incomplete: str) -> list[str]:
    """Scenarios and memory tasks that begin with what was typed."""
    return [each for each in (*SCENARIOS, *TRIAL_TASKS) if each.startswith(incomplete)]


def complete_data_set(incomplete: str) -> list[str]:
    """Named data sets that begin with what was typed."""
    return [each for each in DATA_SETS if each.startswith(incomplete)]


def complete_device(incomplete: str) -> list[str]:
    """Devices that begin with what was typed."""
    return [each for each in DEVICES if each.startswith(incomplete)]


def complete_executor(incomplete: str) -> list[str]:
    """Executors that begin with what was typed; an address is not completed."""
    return [each for each in EXECUTORS if each.startswith(incomplete)]


def complete_reward(incomplete: str) -> list[str]:
    """Rewards by name that begin with what was typed."""
    return [each for each in REWARDS if each.startswith(incomplete)]


def complete_driver(incomplete: str) -> list[str]:
    """Drivers that begin with what was typed; an agent's folder is not completed."""
    return [each for each in values_of(Driver) if each.startswith(incomplete)]
