"""What the agents' comparison compares: its settings, its conditions and its agents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from b2m_agents.learning.agent_settings import TrainingSettings, settings_for
from b2m_drive.comparisons.agents_study import BESIDE, DRIVERS, LATENTS, PIXELS, encoder_conditions
from b2m_drive.evidence.condition import STRATEGIES, Condition, TransferMethod
from b2m_drive.files.settings_types import take_as_declared
from b2m_envs.scenes.settings import SceneSettings

# PPO's, the same for every condition: of those tried, the ones by which agents on the encoder alone
# and agents that are told the state, taken together, earned most. Tried on encoders of the seeds
# 1000 and 1001 and on validation episodes of their own, none of which a comparison reports.
DISCOUNT = 0.9
LEARNING_RATE = 5e-4
EPOCHS = 8


@dataclass(frozen=True)
class AgentsStudySettings:
    """What a comparison of agents asks, and with which budget: as the command, by default."""

    strategies: tuple[str, ...] = ("regression", "contrastive")
    seeds: tuple[int, ...] = tuple(range(5))
    beside: tuple[str, ...] = BESIDE  # agents without an encoder
    n_steps: int = 51_200  # of all worlds together, the same for every agent
    n_environments: int = 16
    rollout: int = 40  # steps of each world between two updates
    batch_size: int = 320
    evaluate_every: int = 2560  # [steps]
    n_validation: int = 40  # episodes at each point of the learning curve
    n_held_out: int = 100  # episodes, after training
    demonstrations: tuple[int, ...] = (200, 1000)  # frames of the driver model, for cloning

    def __post_init__(self) -> None:
        take_as_declared(self)
        for name, known in (("strategies", tuple(STRATEGIES)), ("beside", BESIDE)):
            chosen = getattr(self, name)
            if len(set(chosen)) != len(chosen) or not set(chosen) <= set(known):
                raise ValueError(f"{name}: expected some of {known}, each once, came {chosen}")
        if not self.strategies:
            raise ValueError(f"strategies: expected at least one of {tuple(STRATEGIES)}, came none")
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: expected one or more different seeds, came {self.seeds}")
        for name in ("n_environments", "rollout", "n_validation", "n_held_out"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, came {getattr(self, name)}")
        steps = self.rollout_steps
        if self.evaluate_every < 1 or self.evaluate_every % steps:
            raise ValueError(
                f"evaluate_every: expected a multiple of a rollout of all worlds ({steps} steps), "
                f"came {self.evaluate_every}"
            )
        if self.n_steps < 1 or self.n_steps % self.evaluate_every:
            raise ValueError(
                f"n_steps: expected a multiple of evaluate_every ({self.evaluate_every}), "
                f"came {self.n_steps}"
            )
        if not 2 <= self.batch_size <= steps or steps % self.batch_size:
            raise ValueError(
                f"batch_size: expected a divisor of a rollout of all worlds ({steps} steps), "
                f"came {self.batch_size}"
            )
        counts = self.demonstrations
        if len(set(counts)) != len(counts) or any(count < 10 for count in counts):
            raise ValueError(
                f"demonstrations: expected different numbers of 10 frames or more, came {counts}"
            )

    @property
    def rollout_steps(self) -> int:
        """Steps of all worlds between two updates."""
        return self.rollout * self.n_environments

    @property
    def n_updates(self) -> int:
        """Of one agent."""
        return self.n_steps // self.rollout_steps

    def methods(self, latents: str) -> tuple[TransferMethod, ...]:
        """Every strategy, paired by frame, from these latents of the brain."""
        return tuple(TransferMethod(strategy, latents, "frame") for strategy in self.strategies)

    def training(self, scenario: str, observation: str, seed: int) -> TrainingSettings:
        """How one agent learns; the same for all, but for the network that reads the scene."""
        kind = observation if observation in (LATENTS, PIXELS) else "state"
        return settings_for(
            scenario,
            observation=kind,
            algorithm="ppo",
            n_steps=self.n_steps,
            n_environments=self.n_environments,
            rollout=self.rollout,
            batch_size=self.batch_size,
            n_epochs=EPOCHS,
            learning_rate=LEARNING_RATE,
            discount=DISCOUNT,
            seed=seed,
        )


@dataclass(frozen=True)
class AgentPlan:
    """One agent, or one driver that does not learn: all that a worker needs."""

    settings: AgentsStudySettings
    scene: SceneSettings
    condition: Condition  # of an encoder, of `BESIDE`, or a driver's name
    seed: int
    encoder: Path | None = None  # folder
    encoder_r2: float | None = None  # of the scene's state from its latents, in the run it is of
    device: str = "cpu"  # of policy and encoder

    @property
    def observation(self) -> str:
        """What the agent is given."""
        return LATENTS if self.encoder is not None else self.condition.control

    @property
    def trains(self) -> bool:
        """Whether it learns; a driver does not."""
        return self.condition.control not in DRIVERS

    @property
    def name(self) -> str:
        """For files."""
        return f"{self.condition.slug}-seed-{self.seed}"


def encoder_folder(run: Path, condition: Condition, seed: int) -> Path:
    """Where `compare driving` keeps an encoder."""
    return run / "encoders" / f"seed-{seed}" / condition.slug


def plans_of(
    settings: AgentsStudySettings,
    scene: SceneSettings,
    latents: str,
    run: Path,
    encoder_r2: dict[tuple[Condition, int], float],
) -> list[AgentPlan]:
    """Every driver and agent of a comparison; the longest first, so that no core waits for one."""
    plans = [
        AgentPlan(settings, scene, Condition(name), seed)
        for name in settings.beside
        for seed in settings.seeds
    ]
    plans += [
        AgentPlan(
            settings,
            scene,
            condition,
            seed,
            encoder_folder(run, condition, seed),
            encoder_r2.get((condition, seed)),
        )
        for seed in settings.seeds
        for condition in encoder_conditions(settings.methods(latents))
    ]
    return [*plans, *(AgentPlan(settings, scene, Condition(driver), 0) for driver in DRIVERS)]
