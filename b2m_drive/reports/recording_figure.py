"""A recording as a picture: what its units did, and what can be read from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from b2m_drive.files.writing import atomic_write
from b2m_drive.recordings.trial_responses import TrialResponses
from b2m_drive.teachers.decoding import RecordingSummary
from b2m_drive.teachers.spread import varies


def draw_recording(recording: TrialResponses, summary: RecordingSummary, path: Path) -> None:
    """Write a PNG: mean rate of every unit over the trial's bins, and the decoding figures."""
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    rates, decoding = figure.subplots(1, 2, width_ratios=(2.4, 1))
    mean = recording.values.mean(0).T / recording.windows[0].width
    spread = np.where(varies(mean.T)[:, None], mean.std(1, keepdims=True), np.inf)
    z = (mean - mean.mean(1, keepdims=True)) / spread
    picture = rates.imshow(z, aspect="auto", cmap="RdBu_r", vmin=-3, vmax=3, interpolation="none")
    period = recording.period
    names = list(dict.fromkeys(period.tolist()))
    first = [int((period == name).argmax()) for name in names]
    for start in first[1:]:
        rates.axvline(start - 0.5, color="k", lw=0.8)
    rates.set_xticks(first, names, rotation=30, ha="left", fontsize=9)
    rates.set(ylabel="unit", xlabel="bins of the trial, by period")
    rates.xaxis.set_ticks_position("top")
    figure.colorbar(picture, ax=rates, label="rate, z-scored by unit", shrink=0.8)
    bars = {
        "item shown\n(balanced accuracy)": (summary.item_decoding, summary.chance),
        "item held\n(AUC)": (summary.memory_auc, 0.5),
        "side at probe\n(AUC)": (summary.probe_side_auc, 0.5),
        "split-half\nreliability": (summary.reliability, 0.0),
    }
    for place, (value, chance) in enumerate(bars.values()):
        if np.isnan(value):
            decoding.text(place, 0.02, "undefined", ha="center", fontsize=9)
            continue
        decoding.bar(place, value, color="#0072B2", width=0.6)
        decoding.plot([place - 0.4, place + 0.4], [chance, chance], "k--", lw=1.2)
        decoding.text(place, max(value, 0) + 0.02, f"{value:.2f}", ha="center", fontsize=9)
    decoding.set_xticks(range(len(bars)), list(bars), fontsize=7)
    decoding.set(
        ylim=(min(0, np.nan_to_num(summary.reliability)), 1.05), title="held out; dashed: chance"
    )
    decoding.spines[["top", "right"]].set_visible(False)
    kind = "SIMULATED" if recording.simulated else "recorded"
    figure.suptitle(
        f"{recording.session} ({kind}): {len(recording.units)} units, "
        f"{len(recording.trials)} trials"
    )
    with atomic_write(path) as draft:
        figure.savefig(draft, format="png", dpi=110)
