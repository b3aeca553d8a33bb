"""Brain2Model transfer: human neural activity as the teacher of artificial networks.

What a user may rely on stands in ``__all__``; everything else may move. Names are imported when
they are first used, so that ``import b2m_drive`` takes no time and needs no PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from b2m_drive.comparisons.comparison import Comparison as Comparison
    from b2m_drive.comparisons.control import Control as Control
    from b2m_drive.comparisons.control import ControlInputs as ControlInputs
    from b2m_drive.comparisons.frame_student import FrameStudent as FrameStudent
    from b2m_drive.comparisons.jobs import FailedJobsError as FailedJobsError
    from b2m_drive.comparisons.run_folder import Run as Run
    from b2m_drive.comparisons.run_folder import read_run as read_run
    from b2m_drive.comparisons.run_summaries import RunSummary as RunSummary
    from b2m_drive.comparisons.run_summaries import runs_in as runs_in
    from b2m_drive.comparisons.score_table import score_rows as score_rows
    from b2m_drive.comparisons.score_table import write_score_table as write_score_table
    from b2m_drive.comparisons.standard_controls import NULLS as NULLS
    from b2m_drive.comparisons.standard_controls import PROBES as PROBES
    from b2m_drive.comparisons.student_job import Budget as Budget
    from b2m_drive.comparisons.verdict import Verdict as Verdict
    from b2m_drive.comparisons.verdict import verdicts_of as verdicts_of
    from b2m_drive.evidence.condition import Condition as Condition
    from b2m_drive.evidence.condition import TransferMethod as TransferMethod
    from b2m_drive.executors.ray_cluster import RayCluster as RayCluster
    from b2m_drive.executors.resources import Resources as Resources
    from b2m_drive.executors.slurm_cluster import Allocation as Allocation
    from b2m_drive.executors.slurm_cluster import SlurmCluster as SlurmCluster
    from b2m_drive.files.model_card import CardScore as CardScore
    from b2m_drive.recordings.binning import in_trials as in_trials
    from b2m_drive.recordings.datasets.sternberg_maintenance import (
        read_sternberg_maintenance as read_sternberg_maintenance,
    )
    from b2m_drive.recordings.decision_trials import DecisionTrials as DecisionTrials
    from b2m_drive.recordings.driving_log import DrivingLog as DrivingLog
    from b2m_drive.recordings.driving_log import read_driving_log as read_driving_log
    from b2m_drive.recordings.events import Events as Events
    from b2m_drive.recordings.pseudo_population import pseudo_population as pseudo_population
    from b2m_drive.recordings.readers.mne_objects import from_mne as from_mne
    from b2m_drive.recordings.readers.mne_objects import responses_from_mne as responses_from_mne
    from b2m_drive.recordings.readers.neo_objects import from_neo as from_neo
    from b2m_drive.recordings.readers.pynapple_objects import from_pynapple as from_pynapple
    from b2m_drive.recordings.readers.table import READERS as READERS
    from b2m_drive.recordings.readers.table import read_recording as read_recording
    from b2m_drive.recordings.recording import Recording as Recording
    from b2m_drive.recordings.recording import Unit as Unit
    from b2m_drive.recordings.responses import Responses as Responses
    from b2m_drive.recordings.responses import responses_of as responses_of
    from b2m_drive.recordings.scene_recording import read_scene_recording as read_scene_recording
    from b2m_drive.recordings.scene_recording import write_scene_recording as write_scene_recording
    from b2m_drive.recordings.simulated.driver import SimulatedDriver as SimulatedDriver
    from b2m_drive.recordings.simulated.driver_eeg import SimulatedDriverEEG as SimulatedDriverEEG
    from b2m_drive.recordings.simulated.neurons import SimulatedBrain as SimulatedBrain
    from b2m_drive.recordings.simulated.trials import simulate_sternberg as simulate_sternberg
    from b2m_drive.recordings.simulated.trials import simulate_trials as simulate_trials
    from b2m_drive.recordings.trial_responses import TrialResponses as TrialResponses
    from b2m_drive.reports.charts import Chart as Chart
    from b2m_drive.reports.report import write_report as write_report
    from b2m_drive.reports.report_parts import Picture as Picture
    from b2m_drive.reports.report_parts import Section as Section
    from b2m_drive.reports.report_parts import Table as Table
    from b2m_drive.reports.report_parts import picture_of as picture_of
    from b2m_drive.reports.runs_report import write_runs_report as write_runs_report
    from b2m_drive.students.decision_rnn import DecisionRNN as DecisionRNN
    from b2m_drive.students.decision_rnn import DecisionRNNSettings as DecisionRNNSettings
    from b2m_drive.students.frames.opening import open_frames as open_frames
    from b2m_drive.students.pretrained import push_to_hub as push_to_hub
    from b2m_drive.students.scene_vae import SceneVAE as SceneVAE
    from b2m_drive.students.scene_vae import SceneVAESettings as SceneVAESettings
    from b2m_drive.students.scenes import SceneDataset as SceneDataset
    from b2m_drive.students.scenes import SceneEpisode as SceneEpisode
    from b2m_drive.students.scenes import SceneHeader as SceneHeader
    from b2m_drive.students.scenes import SceneWriter as SceneWriter
    from b2m_drive.students.student import Batch as Batch
    from b2m_drive.students.student import ScoreWords as ScoreWords
    from b2m_drive.students.student import Student as Student
    from b2m_drive.students.student_card import TrainedOn as TrainedOn
    from b2m_drive.teachers.frame_responses import frame_responses as frame_responses
    from b2m_drive.teachers.latent_methods import LATENT_METHODS as LATENT_METHODS
    from b2m_drive.teachers.response_latents import ResponseLatents as ResponseLatents
    from b2m_drive.teachers.session_alignment import align_sessions as align_sessions
    from b2m_drive.transfer.attachment import attach as attach
    from b2m_drive.transfer.targets import BrainTargets as BrainTargets

__version__ = "0.13.0"

_HOMES = {
    "Allocation": "executors.slurm_cluster",
    "RayCluster": "executors.ray_cluster",
    "Resources": "executors.resources",
    "SlurmCluster": "executors.slurm_cluster",
    "Batch": "students.student",
    "TrialResponses": "recordings.trial_responses",
    "BrainTargets": "transfer.targets",
    "Budget": "comparisons.student_job",
    "Comparison": "comparisons.comparison",
    "CardScore": "files.model_card",
    "Condition": "evidence.condition",
    "Control": "comparisons.control",
    "ControlInputs": "comparisons.control",
    "DecisionRNN": "students.decision_rnn",
    "DecisionRNNSettings": "students.decision_rnn",
    "DecisionTrials": "recordings.decision_trials",
    "DrivingLog": "recordings.driving_log",
    "Events": "recordings.events",
    "FailedJobsError": "comparisons.jobs",
    "FrameStudent": "comparisons.frame_student",
    "LATENT_METHODS": "teachers.latent_methods",
    "NULLS": "comparisons.standard_controls",
    "PROBES": "comparisons.standard_controls",
    "READERS": "recordings.readers.table",
    "Recording": "recordings.recording",
    "ResponseLatents": "teachers.response_latents",
    "Responses": "recordings.responses",
    "Run": "comparisons.run_folder",
    "RunSummary": "comparisons.run_summaries",
    "SceneDataset": "students.scenes",
    "SceneEpisode": "students.scenes",
    "SceneHeader": "students.scenes",
    "SceneVAE": "students.scene_vae",
    "SceneVAESettings": "students.scene_vae",
    "SceneWriter": "students.scenes",
    "ScoreWords": "students.student",
    "Chart": "reports.charts",
    "Picture": "reports.report_parts",
    "Section": "reports.report_parts",
    "Table": "reports.report_parts",
    "picture_of": "reports.report_parts",
    "SimulatedBrain": "recordings.simulated.neurons",
    "SimulatedDriver": "recordings.simulated.driver",
    "SimulatedDriverEEG": "recordings.simulated.driver_eeg",
    "Student": "students.student",
    "TrainedOn": "students.student_card",
    "TransferMethod": "evidence.condition",
    "Unit": "recordings.recording",
    "Verdict": "comparisons.verdict",
    "push_to_hub": "students.pretrained",
    "align_sessions": "teachers.session_alignment",
    "attach": "transfer.attachment",
    "from_mne": "recordings.readers.mne_objects",
    "frame_responses": "teachers.frame_responses",
    "from_neo": "recordings.readers.neo_objects",
    "from_pynapple": "recordings.readers.pynapple_objects",
    "in_trials": "recordings.binning",
    "open_frames": "students.frames.opening",
    "pseudo_population": "recordings.pseudo_population",
    "read_driving_log": "recordings.driving_log",
    "read_recording": "recordings.readers.table",
    "read_run": "comparisons.run_folder",
    "read_scene_recording": "recordings.scene_recording",
    "read_sternberg_maintenance": "recordings.datasets.sternberg_maintenance",
    "responses_from_mne": "recordings.readers.mne_objects",
    "responses_of": "recordings.responses",
    "runs_in": "comparisons.run_summaries",
    "score_rows": "comparisons.score_table",
    "write_runs_report": "reports.runs_report",
    "write_score_table": "comparisons.score_table",
    "simulate_sternberg": "recordings.simulated.trials",
    "simulate_trials": "recordings.simulated.trials",
    "verdicts_of": "comparisons.verdict",
    "write_report": "reports.report",
    "write_scene_recording": "recordings.scene_recording",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
