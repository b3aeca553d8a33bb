"""A page for each driving scenario, as Gymnasium's are: clip, spaces, rewards, start and end."""

from __future__ import annotations

from typing import Any

import gymnasium

from b2m_envs.scenes.reward import IGNORED, USUAL
from b2m_envs.scenes.scenarios import SCENARIOS, Scenario

DRIVERS = {  # of the clips, by scripts/scene_clips.py; otherwise highway-env's driver model
    "parking": "an agent that learnt to park by `b2m-drive train-agents parking`",
    "lane_keeping": "a driver that steers back to the middle of the lane",
}
ABOUT = {  # what happens, and how it ends before time is over
    "highway": (
        "Drive on four lanes among 50 slower vehicles, as fast and as far to the right as traffic "
        "lets you.",
        "the vehicle crashes",
    ),
    "highway_fast": (
        "The same on three lanes among 20 vehicles, simulated at 5 Hz instead of 15: a third of "
        "the cost, and coarser.",
        "the vehicle crashes",
    ),
    "merge": (
        "Two lanes that vehicles from a ramp join. Let them in: the reward counts how much slower "
        "than they want they have to drive.",
        "the vehicle crashes, or has passed the merge (370 m)",
    ),
    "merge_generic": (
        "A merge with a road to choose: `lanes_count` lanes, `merge_lengths` of its four parts "
        "(before the merge, converging, parallel, after it, [m]), and `vehicles_count` others, of "
        "which those are left out that find no place in ten draws.",
        "the vehicle crashes, or is 90 m before the end of the road",
    ),
    "exit": (
        "Six lanes of traffic, and an exit on the right, 400 m on. Its lane is the goal; "
        "`is_success` says whether it was reached.",
        "the vehicle crashes",
    ),
    "roundabout": (
        "Enter a roundabout with traffic, and leave it at the second exit.",
        "the vehicle crashes",
    ),
    "roundabout_generic": (
        "A roundabout to choose: `lanes_count` lanes, `roundabout_radius` of the innermost one "
        "[m], and `vehicles_count` others, of which those are left out that find no place in ten "
        "draws.",
        "the vehicle crashes",
    ),
    "intersection": (
        "Turn left across an intersection without traffic lights. Lanes cannot be changed; "
        "faster and slower are the only actions.",
        "the vehicle crashes, or has arrived behind the intersection",
    ),
    "two_way": (
        "Overtake slower vehicles on a road with oncoming traffic in the lane to the left.",
        "the vehicle crashes",
    ),
    "u_turn": (
        "Two lanes with slow vehicles, through a U-turn.",
        "the vehicle crashes",
    ),
    "racetrack": (
        "Two lanes with many bends, and another vehicle.",
        "the vehicle crashes, or leaves the track",
    ),
    "racetrack_large": (
        "Three lanes and a longer track.",
        "the vehicle crashes, or leaves the track",
    ),
    "racetrack_oval": (
        "Three lanes, and an oval.",
        "the vehicle crashes, or leaves the track",
    ),
    "parking": (
        "Park in the marked spot, nose first, between walls; pedals and steering wheel. With "
        "`observation=b2m_envs.KinematicsGoal()` it is a goal environment with `compute_reward`, "
        "for hindsight replay.",
        "the vehicle crashes, or comes near enough to the pose of its spot, at any speed",
    ),
    "lane_keeping": (
        "Steer along a winding lane at 8.3 m/s, with tyres that slip. There is no other traffic.",
        "",
    ),
}


def page_of(name: str) -> str:
    """The page of a scenario, as Markdown."""
    about, end = ABOUT[name]
    driver = DRIVERS.get(name, "highway-env's driver model")
    return "\n\n".join(
        [
            f"# {title_of(name)}",
            clip(name, f"{title_of(name)}, from above and from the driver's seat"),
            f"*In real time, from above and from the driver's seat; at the wheel: {driver}.*",
            about,
            _facts(SCENARIOS[name]),
            f"## Rewards\n\n{_rewards(name)}",
            "## Start and end\n\nHighway-env's own start, traffic drawn from the seed of `reset`. "
            + (f"An episode is *terminated* when {end}. " if end else "It never terminates. ")
            + f"It is *truncated* after `duration` ({SCENARIOS[name].duration:g} s).",
            "Actions, observations, `info`, every argument and the batched form are the same for "
            "all scenarios: [driving scenes](driving-scenes.md). Agents that drive here, and how "
            "often they crash: [agents](../agents.md).",
        ]
    )  # fmt: skip


def title_of(name: str) -> str:
    """The scenario's name as a heading."""
    return name.replace("_", " ").capitalize().replace("U turn", "U-turn")


def clip(name: str, says: str) -> str:
    """The scenario's clip, which plays by itself, without sound, and can be stopped."""
    return (
        "```{raw} html\n"
        f'<video src="../_static/{name}.mp4" aria-label="{says}" width="388" height="192" '
        'style="max-width: 100%; height: auto" autoplay loop muted playsinline controls></video>\n'
        "```"
    )


def _facts(of: Scenario) -> str:
    env: Any = gymnasium.make(f"b2m_envs:{of.id}")
    runs_on = "highway-env"
    if of.fast:
        runs_on = "the fast engine (batched by `make_vec`), or highway-env"
    elif of.also_fast:
        runs_on = "highway-env; the fast engine in batches of the state, and where it is asked for"
    rows = {
        "Made by": f'`gymnasium.make("b2m_envs:{of.id}")`',
        "Action space": f"`{env.action_space}`",
        "Observation space": f"`{env.observation_space}`, and [many others](../observations.md)",
        "A step": f"{1 / of.policy_frequency:g} s, simulated at {of.simulation_frequency} Hz",
        "An episode": f"{of.duration:g} s at most",
        "Speeds to choose from": ", ".join(f"{each:g}" for each in of.target_speeds) + " m/s",
        "Traffic and road": ", ".join(f"`{each}`" for each in of.options),
        "Runs on": runs_on,
        "highway-env's": f"`{of.highway_env}`",
    }
    env.close()
    empty = {"", " m/s"}
    body = "\n".join(f"| {name} | {value} |" for name, value in rows.items() if value not in empty)
    return f"|  |  |\n|---|---|\n{body}"


def _rewards(name: str) -> str:
    weights = USUAL[name]
    if not weights:
        return (
            "1 minus the square of the offset in widths of the lane (`lane_reward`), far below 0 "
            "off the lane; there are no weights to set."
        )
    rows = "\n".join(f"| `{key}` | {_shown(value)} |" for key, value in weights.items())
    ignored = ", ".join(f"`{key}`" for key in IGNORED.get(name, ()))
    note = f"\n\nHighway-env's configuration also has {ignored}, which its code never reads."
    return (
        "Highway-env's, with these weights and switches; `reward={...}` changes them, and "
        "[other rewards](../driving-worlds.md#what-an-agent-does) go by name.\n\n"
        f"| setting | value |\n|---|---|\n{rows}" + (note if ignored else "")
    )


def _shown(value: Any) -> str:
    return ", ".join(f"{each:g}" for each in value) if isinstance(value, tuple) else f"{value}"
