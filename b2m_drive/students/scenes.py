"""Driving scenes on disk: episodes go in whole through a writer, and come out through a dataset.

The layout of the file is described in `b2m_drive.students.scene_file`.
"""

from b2m_drive.students.scene_dataset import SceneDataset, SceneSplit
from b2m_drive.students.scene_episode import SceneEpisode, SceneHeader
from b2m_drive.students.scene_writer import SceneWriter

__all__ = ["SceneDataset", "SceneEpisode", "SceneHeader", "SceneSplit", "SceneWriter"]
