"""An agent that is not the one its folder tells of: deleted beside its curve, or another's."""

from __future__ import annotations

import csv
from pathlib import Path

from b2m_agents.learning.folder_names import AGENT_FILE
from b2m_drive.files.fingerprints import FINGERPRINTS, is_recorded

OTHER_AGENT = (
    "the folder's settings and curves are not this agent's; put its own back, or delete "
    f"{FINGERPRINTS} to use it as it is"
)


def require_agent(folder: Path, curve: str, first_checkpoint: int) -> None:
    """Refuse a folder whose training went on beyond its first checkpoint and that has no agent.

    Before the first checkpoint there is none, although the curve may be written; a training that
    was killed there writes the very same curve again.

    Args:
        folder: Of the agent.
        curve: Name of its table, whose first column is the step.
        first_checkpoint: Its step.

    Raises:
        FileNotFoundError: If the agent was deleted; says what to do.
    """
    if (folder / AGENT_FILE).is_file():
        return
    reached = _last_step(folder / curve)
    if reached > first_checkpoint or is_recorded(folder, AGENT_FILE):
        raise FileNotFoundError(
            f"{folder / AGENT_FILE}: expected the agent of a training that is at step {reached:,} "
            f"({curve}), found none; put it back, or train into another folder: here the training "
            "would begin again at step 0 and write over what is left of the old one"
        )


def _last_step(path: Path) -> int:
    """The last step of a curve; 0: there is none, or it is for its reader to refuse."""
    if not path.is_file():
        return 0
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        steps = [row[0] for row in csv.reader(file) if row]
    return max((int(step) for step in steps if step.isascii() and step.isdigit()), default=0)
