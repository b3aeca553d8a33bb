"""Evaluate agents on held-out episodes, beside two other drivers, and record the first.

    python scripts/evaluate_agent.py runs/agent-highway
    python scripts/evaluate_agent.py runs/seed-0 runs/seed-1 runs/seed-2 --episodes 100

Only where several trainings differ in their seed alone does an interval speak of trainings.
"""

from __future__ import annotations

import os
from pathlib import Path

import typer

from b2m_agents.evaluation.evaluate import EvaluationSettings, evaluate_agents
from b2m_agents.evaluation.figure import write_evaluation_figure
from b2m_agents.evaluation.scores import scores_of
from b2m_agents.evaluation.text import evaluation_text
from b2m_agents.videos.video import VideoSettings, record_video


def main(
    folders: list[Path],
    out: Path = Path("runs/evaluation"),
    episodes: int = 30,
    recorded: int = 1,
    seed: int = 0,
    workers: int = os.cpu_count() or 1,
) -> None:
    """Write evaluation.csv, evaluation.png and, of the first agent, video.mp4 into --out."""
    settings = EvaluationSettings(episodes, seed, workers)
    evaluation = evaluate_agents(folders, out, settings)
    for episode in evaluation.episodes:
        if episode.driver == evaluation.agents[0] and episode.crashed:
            print(f"{episode.driver} crashed after {episode.length:g} s, seed {episode.seed}")
    scores = scores_of(evaluation)
    print(evaluation_text(evaluation, scores))
    print(f"figure: {write_evaluation_figure(out / 'evaluation.png', evaluation, scores)}")
    if recorded:
        video = VideoSettings(n_episodes=recorded, seed=seed)
        print(f"video: {record_video(folders[0], out / 'video.mp4', video)}")


if __name__ == "__main__":
    typer.run(main)
