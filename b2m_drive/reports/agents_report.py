"""The report of the agents' comparison: whether the brain's teaching shows in the driving."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from b2m_drive.comparisons.agents_run import AgentsResult, read_agents
from b2m_drive.comparisons.agents_study import (
    BESIDE_LABELS,
    BLIND,
    CLONED_RETURN,
    DRIVER_LABELS,
    DRIVERS,
    ENCODER_R2,
    PIXELS,
    RETURN,
    SAFE,
    STATE,
    STUDIED,
    SUMMARY_OF,
    VALIDATION,
    cloned,
    strategy_label,
)
from b2m_drive.comparisons.study import summary_label
from b2m_drive.comparisons.verdict import Verdict, interval_text
from b2m_drive.evidence.condition import ALONE, BRAIN, STRATEGIES, Condition, TransferMethod
from b2m_drive.evidence.statistics import (
    mean_interval,
    rank_correlation,
)
from b2m_drive.reports import agents_charts as drawn
from b2m_drive.reports.agents_tables import (
    cloning_table,
    minus_alone_table,
    reached_table,
    short_label,
)
from b2m_drive.reports.clips import clips_section
from b2m_drive.reports.method_charts import of_method
from b2m_drive.reports.page import render_sections, verdict_box
from b2m_drive.reports.report_parts import (
    Section,
    Table,
    plain,
    replace_figures,
    replace_page,
    setting_text,
)

_REFERENCES = (
    "Driving environments and driver model: highway-env, Leurent (2018), "
    "github.com/Farama-Foundation/HighwayEnv.",
    "PPO: Schulman et al. (2017), arXiv 1707.06347; Stable-Baselines3: Raffin et al. (2021), "
    "JMLR 22(268).",
    "Correction for many tests: Holm (1979).",
)
_BESIDE_MEANINGS = {
    PIXELS: "No encoder: a small convolutional network is learnt with the policy, from the same "
    "pictures.",
    STATE: "No encoder and no pictures: the state variables themselves, the most that an encoder "
    "could say.",
    BLIND: "Sees nothing at all: what an agent earns that found the best fixed habit. The floor.",
}
_SHOWN_ELSEWHERE = {"study", "limits", "brain", "versions", "readings"}
_LEAST_CORRELATED = 5  # conditions, below which a correlation over them says nothing


def write_agents_report(folder: Path) -> Path:
    """Write ``report.html`` and its figures into the folder of a finished comparison.

    Raises:
        FileNotFoundError: If a file of the run is missing.
        ValueError: If one is broken, or an agent lacks a score.
    """
    result = read_agents(folder)
    sections = [
        section
        for section in (
            clips_section(folder),
            _learning_section(result),
            _reached_section(result),
            *(_brain_section(result, method) for method in result.methods),
            _why_section(result),
            _cloning_section(result),
            _conditions_section(result),
            _settings_section(result),
        )
        if section
    ]
    page = render_sections(
        _title(result),
        [
            *(verdict_box(each, "Agents (PPO) · ") for each in agents_verdicts(result)),
            *(verdict_box(each, "Behaviour cloning · ") for each in cloned_verdicts(result)),
        ],
        agents_summary(result),
        sections,
        simulated=result.simulated,
        choices=drawn.agents_choices(result),
        limits=result.config.limits,
        references=_REFERENCES,
    )
    replace_figures(folder, sections)
    return replace_page(folder, page)


def agents_verdicts(result: AgentsResult | Path) -> list[Verdict]:
    """A verdict for each strategy, on the return over held-out episodes."""
    result = result if isinstance(result, AgentsResult) else read_agents(result)
    return [result.verdict(method, RETURN) for method in result.methods]


def cloned_verdicts(result: AgentsResult | Path) -> list[Verdict]:
    """A verdict for each strategy and number of demonstrated frames, on the clones' return."""
    result = result if isinstance(result, AgentsResult) else read_agents(result)
    return [
        result.cloned_verdict(method, count)
        for method in result.methods
        for count in result.config.demonstrations
    ]


def agents_summary(result: AgentsResult | Path) -> str:
    """In plain words: in how much the brain shows, and how much room there was for it to show."""
    result = result if isinstance(result, AgentsResult) else read_agents(result)
    texts = [_shown_text(result, method) for method in result.methods]
    return " ".join((*texts, _room_text(result)))


def _shown_text(result: AgentsResult, method: TransferMethod) -> str:
    """How many intervals of brain minus a null include zero, of everything that is judged."""
    verdicts = {
        "the final return": result.verdict(method, RETURN),
        "crashes": result.verdict(method, SAFE),
        "the mean return over training": result.verdict(method, VALIDATION),
    }
    for count in result.config.demonstrations:
        name = f"the return of drivers cloned from {count:,} frames"
        verdicts[name] = result.cloned_verdict(method, count)
    counts = [f"{_n_with_zero(verdict)} in {name}" for name, verdict in verdicts.items()]
    n_nulls = len(STUDIED[RETURN].nulls)
    return (
        f"{strategy_label(method)}: how many of the {n_nulls} nulls the brain cannot be told "
        f"from, since the interval of brain minus null includes zero: {', '.join(counts)}."
    )


def _n_with_zero(verdict: Verdict) -> int:
    return sum(each.low <= 0 <= each.high for each in verdict.over_nulls.values())


def _room_text(result: AgentsResult) -> str:
    """The return of who sees nothing, of the encoder alone, and of who knows the state."""
    returned = {
        name: mean_interval(result.summary(RETURN, name)).mean
        for name in map(Condition, (BLIND, ALONE, STATE))
        if name in result.curves[RETURN]
    }
    words = {
        BLIND: "an agent that sees nothing",
        ALONE: "one on the encoder alone",
        STATE: "one that is told the state",
    }
    told = ", ".join(f"{words[name.control]} {plain(value, 2)}" for name, value in returned.items())
    driver = result.driver(RETURN, DRIVERS[0])
    beside = f"; {DRIVER_LABELS[DRIVERS[0]]} {plain(driver.mean, 2)}" if driver else ""
    return f"The room there was, in return: {told}{beside}."


def _title(result: AgentsResult) -> str:
    kind = "a simulated brain's" if result.simulated else "a recorded brain's"
    return f"Does {kind} teaching ({result.config.brain.name}) show in the driving?"


def _learning_section(result: AgentsResult) -> Section:
    config = result.config
    caption = (
        f"Mean return over {config.n_validation} validation episodes, the same for all, driven "
        "with the likeliest actions at each point of the training. Lines are means over seeds, "
        "bands (of the brain and the encoder alone) 95 % intervals; they may be wider than the "
        "picture."
    )
    strategies = " and ".join(STRATEGIES[name] for name in config.strategies)
    intro = (
        f"An agent (PPO) for each of {len(config.seeds)} seeds and every condition of "
        f"{strategies}: {config.n_steps:,} steps of {config.scenario} on the latents of that "
        "condition's frozen encoder, with the same traffic and settings for all. Validation "
        "episodes are none of those that the agents are finally scored on."
    )
    charts = tuple(drawn.learning_chart(result, method, caption) for method in result.methods)
    return Section("Learning to drive", intro=intro, charts=charts)


def _reached_section(result: AgentsResult) -> Section:
    minus = drawn.difference_charts(
        result,
        "Each condition minus the encoder alone, paired by seed, with 95 % intervals. Right of "
        "zero: better than the encoder that nobody taught. An interval across the line tells "
        "nothing apart.",
    )
    level = drawn.level_charts(
        result,
        "What each condition reached: means over seeds with 95 % intervals, of drivers over "
        "episodes. Constant speed may lie left of the picture; the table has it.",
    )
    n_held_out = result.config.n_held_out
    return Section(
        "What the agents reached",
        charts=(*minus, *level),
        tables=(reached_table(result), minus_alone_table(result)),
        aside=f"Return and crashes over {n_held_out} held-out episodes (odd seeds: no training "
        "ever had them), the same for every agent and driver. Mean return over training is the "
        "area under the learning curve divided by its length: higher is faster. p-values are "
        "corrected over the rows of a column (Holm).",
    )


def _brain_section(result: AgentsResult, method: TransferMethod) -> Section:
    study = STUDIED[RETURN]
    brain = method.condition(BRAIN)
    controls = [*study.nulls, *study.probes]
    header = ("brain minus", *(short_label(judged) for judged in STUDIED))
    rows = tuple(
        (
            study.labels[name],
            *(
                interval_text(result.over(judged, brain, method.condition(name)))
                for judged in STUDIED
            ),
        )
        for name in controls
    )
    verdicts = [result.verdict(method, judged) for judged in (SAFE, VALIDATION)]
    also = " ".join(
        f"By the {summary_label(SUMMARY_OF[each], STUDIED[each])}: {verdict.grade.value.lower()}."
        for each, verdict in zip((SAFE, VALIDATION), verdicts, strict=True)
    )
    charts = drawn.brain_charts(
        result,
        method,
        "Brain minus control, paired by seed, with 95 % intervals. Circles are nulls, which "
        "decide; diamonds the labels, which describe. A gain is specific to the brain if every "
        "interval of a null lies right of zero.",
    )
    return Section(
        f"{strategy_label(method)}: brain beside every control",
        charts=charts,
        tables=(Table(header, rows),),
        only=of_method(method, result.methods),
        aside=f"The verdict above is on the return. {also}",
    )


def _why_section(result: AgentsResult) -> Section | None:
    """Whether what can be read from an encoder goes with what its agent reached."""
    r2 = result.by_seed(ENCODER_R2)
    known = [name for name in result.with_encoder if name in r2]
    if len(known) < _LEAST_CORRELATED:
        return None
    reached = {"agents (PPO)": {name: result.summary(RETURN, name) for name in known}}
    for count in result.config.demonstrations:
        values = result.by_seed(cloned(CLONED_RETURN, count))
        reached[f"cloned from {count:,} frames"] = {name: values[name] for name in known}
    found = drawn.StateR2AndReturns({name: r2[name] for name in known}, reached)
    charts = drawn.state_r2_charts(
        result,
        found,
        "Large marks are means of conditions, small ones single agents; circles BLT and encoders "
        "alone, squares BCT.",
    )
    rows = tuple(
        (
            name,
            _correlation(rank_correlation(_means(found.r2), _means(values))),
            _correlation(rank_correlation(_about_seeds(found.r2), _about_seeds(values))),
        )
        for name, values in reached.items()
    )
    header = ("Spearman's correlation with R²", "over conditions' means", "over agents, by seed")
    return Section(
        "Does an encoder that tells more of the scene give a better driver?",
        charts=charts,
        tables=(Table(header, rows),),
        aside=f"Over the means of {len(known)} conditions, and over agents, each beside the mean "
        "of its seed. A brain that makes more of the scene readable can only show in the driving "
        "as far as the two go together.",
    )


def _cloning_section(result: AgentsResult) -> Section | None:
    counts = result.config.demonstrations
    if not counts:
        return None
    charts = drawn.cloning_charts(
        result,
        "Behaviour cloning: a logistic regression on what each condition sees, the same for all, "
        f"learnt from few frames of {DRIVER_LABELS[DRIVERS[0]]}. The return is of the held-out "
        "episodes, driven by the clone; balanced accuracy is the mean over the driver's actions of "
        f"the share that the clone takes too, in {result.config.cloning_tested_on:,} frames of "
        "held-out drives.",
    )
    tables = tuple(cloning_table(result, count) for count in counts)
    return Section(
        "Behaviour cloning from few frames",
        charts=charts,
        tables=tables,
        aside="The blind clone always does what the driver did most often, keep lane and speed: "
        "its accuracy is that of the commonest action, which is why the balanced one stands beside "
        "it. Differences are paired by seed; a seed has its own demonstrations.",
    )


def _conditions_section(result: AgentsResult) -> Section:
    study = STUDIED[RETURN]
    roles = (("taught", (BRAIN,)), ("null", study.nulls), ("probe", study.probes))
    rows = [
        (study.labels[name], role, study.meanings[name]) for role, names in roles for name in names
    ]
    rows += [
        (BESIDE_LABELS[each.control], "beside", _BESIDE_MEANINGS[each.control])
        for each in result.beside
    ]
    return Section(
        "The conditions",
        intro="What the encoder of each learnt beside reconstructing scenes; all agents on it "
        "learn alike. The encoder alone with a head at weight 0 is the encoder alone, weight for "
        "weight, and has no agent of its own.",
        tables=(Table(("condition", "role", "what it is"), tuple(rows)),),
    )


def _settings_section(result: AgentsResult) -> Section:
    config = result.config
    rows = [
        (name.replace("_", " "), setting_text(value))
        for name, value in config.entries.items()
        if name not in _SHOWN_ELSEWHERE
    ]
    brain = config.brain
    rows.insert(0, ("brain", f"{brain.name} ({'SIMULATED' if result.simulated else 'recorded'})"))
    rows.append(("versions", setting_text(config.versions)))
    return Section(
        "Settings",
        intro="The settings of PPO are the same for every condition. They were chosen among a few "
        "by the return of agents on the encoder alone and of agents that are told the state, taken "
        "together, on encoders, seeds and validation episodes that no comparison reports.",
        tables=(Table(("setting", "value"), tuple(rows)),),
    )


def _means(
    values: Mapping[Condition, Float64[np.ndarray, " seed"]],
) -> Float64[np.ndarray, " condition"]:
    return np.array([each.mean() for each in values.values()])


def _about_seeds(
    values: Mapping[Condition, Float64[np.ndarray, " seed"]],
) -> Float64[np.ndarray, " agent"]:
    table = np.stack(list(values.values()))
    return np.asarray((table - table.mean(0)).ravel())


def _correlation(value: float) -> str:
    return "undefined" if np.isnan(value) else plain(value, 2)
