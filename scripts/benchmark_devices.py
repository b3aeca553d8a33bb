"""Print what each device of this machine makes of training and encoding.

    python scripts/benchmark_devices.py [--short] [--threads 2] [--only vaes]

On the cpu and on a GPU, if there is one. Tasks that are compared take turns, several times, in one
run; medians are shown. A GPU is waited for at the end of each turn.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from timing import rates
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from b2m_agents.worlds.latent_observation import encode_scenes
from b2m_drive.students.decision_rnn import DecisionRNN, DecisionRNNSettings
from b2m_drive.students.fitting import FittingSettings
from b2m_drive.students.frame_batches import FramesFromMemory
from b2m_drive.students.scene_vae import SceneVAE, SceneVAESettings
from b2m_drive.students.scene_vae_fitting import PRECISIONS, fit_scene_vae
from b2m_drive.students.stacked_rnn import StackedDecisionRNN

SETTINGS = SceneVAESettings(height=64, width=64, channels=2)
BATCH_SIZE = 32
N_TOGETHER = (4, 8)  # small VAEs at once
USUAL_STEPS = 500  # of a student of compare driving
FRAMES = np.random.default_rng(0).integers(0, 256, (2048, 64, 64, 2), dtype=np.uint8)


def main() -> None:
    """Run the benchmarks that were asked for on each device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer steps a turn")
    parser.add_argument("--threads", type=int, default=1, help="of the cpu (default: 1)")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    chosen = parser.parse_args()
    n_steps = 5 if chosen.short else 30
    torch.set_num_threads(chosen.threads)
    print(f"torch {torch.__version__}")
    for name in ("cpu", *(("cuda",) if torch.cuda.is_available() else ())):
        device = torch.device(name)
        named = torch.cuda.get_device_name(device) if name == "cuda" else "cpu"
        print(f"\n{named}; threads of the cpu: {chosen.threads}")
        for part in chosen.only:
            PARTS[part](device, n_steps)


def finished(device: torch.device, n_done: int) -> int:
    """So much was done, once the device has done it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return n_done


def fitted(device: torch.device, n_steps: int, **how: object) -> Callable[[], int]:
    """Some steps of our training; counts frames."""
    vae = SceneVAE(SETTINGS, torch.Generator().manual_seed(0)).to(device)
    batches = FramesFromMemory(FRAMES, BATCH_SIZE, 0)
    settings = FittingSettings(n_steps, 2e-3, evaluate_every=n_steps)

    def fit() -> int:
        fit_scene_vae(vae, batches, settings, **how)  # type: ignore[arg-type]
        return finished(device, n_steps * BATCH_SIZE)

    return fit


def encoders(device: torch.device, n_steps: int) -> None:
    """Frames a second of training, beside a bare loop of the same network, and in bfloat16."""
    vae = SceneVAE(SETTINGS, torch.Generator().manual_seed(0)).to(device).train()
    optimiser = torch.optim.Adam(vae.parameters(), 2e-3)
    frames = torch.from_numpy(FRAMES[:BATCH_SIZE]).to(device)  # the loop loads nothing

    def bare() -> int:
        for _ in range(n_steps):
            optimiser.zero_grad(set_to_none=True)
            vae(frames)[1].total.backward()
            optimiser.step()
        return finished(device, n_steps * BATCH_SIZE)

    ours = [fitted(device, n_steps, precision=precision) for precision in PRECISIONS]
    loop, *found = rates(bare, *ours)
    print(f"encoder: bare loop {loop:,.0f} frames/s")
    for precision, rate in zip(PRECISIONS, found, strict=True):
        print(f"encoder: fit_scene_vae, {precision} {rate:,.0f} frames/s, {rate / loop:.2f} of it")


def recurrent_students(device: torch.device, n_steps: int) -> None:
    """Students x steps a second, together against one after the other, by their number."""
    settings = DecisionRNNSettings(12)
    for n_students in (4, 16, 64):
        alone = [DecisionRNN(settings, torch.Generator().manual_seed(0)) for _ in range(n_students)]
        together = StackedDecisionRNN(alone).to(device)
        alone = [student.to(device) for student in alone]
        observation = torch.randn(1, 48, 30, 12, device=device)

        def step_together(stack: nn.Module = together, seen: Tensor = observation) -> int:
            for _ in range(n_steps):
                stack(seen).logits.square().mean((1, 2, 3)).sum().backward()
            return finished(device, n_steps * len(stack))  # type: ignore[arg-type]

        def step_alone(students: Sequence[nn.Module] = alone, seen: Tensor = observation) -> int:
            for student in students[:4]:
                for _ in range(n_steps):
                    student(seen[0]).logits.square().mean().backward()
            return finished(device, n_steps * len(students[:4]))

        stacked, single = rates(step_together, step_alone)
        print(
            f"{n_students} stacked RNNs: {stacked:,.0f} students x steps/s, one after the other "
            f"{single:,.0f}, ratio {stacked / single:.1f}"
        )


def stacked_encoders(device: torch.device, n_steps: int) -> None:
    """Gradients of several small VAEs at once, against one after the other.

    `vmap` makes one grouped convolution of the students' convolutions.
    """
    frames = torch.from_numpy(FRAMES[:BATCH_SIZE]).to(device)
    for n_together in N_TOGETHER:
        made = [
            SceneVAE(SETTINGS, torch.Generator().manual_seed(k)).to(device).train()
            for k in range(n_together)
        ]
        at_once, one_by_one = rates(
            _stacked(made, frames, n_steps, device), _in_turn(made, frames, n_steps, device)
        )
        print(
            f"{n_together} VAEs: vmap {at_once:,.0f} frames/s, one after the other "
            f"{one_by_one:,.0f}, ratio {at_once / one_by_one:.2f}"
        )


def _stacked(
    made: Sequence[SceneVAE], frames: Tensor, n_steps: int, device: torch.device
) -> Callable[[], int]:
    parameters, buffers = stack_module_state(list(made))
    shape_of_all = copy.deepcopy(made[0])
    for each in shape_of_all.modules():  # vmap's group norm refuses channels that come last
        if isinstance(each, nn.GroupNorm):
            each.register_forward_pre_hook(lambda _, given: (given[0].contiguous(),))

    def loss(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        total: Tensor = functional_call(shape_of_all, (parameters, buffers), (frames,))[1].total
        return total

    of_all = vmap(grad_and_value(loss), randomness="different")

    def step() -> int:
        for _ in range(n_steps):
            of_all(parameters, buffers)
        return finished(device, n_steps * len(made) * BATCH_SIZE)

    return step


def _in_turn(
    made: Sequence[SceneVAE], frames: Tensor, n_steps: int, device: torch.device
) -> Callable[[], int]:
    def step() -> int:
        for vae in made:
            for _ in range(n_steps):
                vae.zero_grad(set_to_none=True)
                vae(frames)[1].total.backward()
        return finished(device, n_steps * len(made) * BATCH_SIZE)

    return step


def compiled_encoder(device: torch.device, n_steps: int) -> None:
    """Frames a second with the convolutions compiled, and after how many steps that pays."""
    try:
        compiled, started = fitted(device, n_steps, compiled=True), time.perf_counter()
        compiled()
        compiling = time.perf_counter() - started
        fast, plain = rates(compiled, fitted(device, n_steps))
    except Exception as error:  # no C++ compiler, or no Triton
        print(f"torch.compile: not to be had here ({type(error).__name__}: {str(error)[:80]!r})")
        return
    seconds = USUAL_STEPS * BATCH_SIZE / plain
    with_it = compiling + USUAL_STEPS * BATCH_SIZE / fast
    print(
        f"torch.compile: {fast:,.0f} frames/s against {plain:,.0f}; a run of {USUAL_STEPS} steps "
        f"takes {with_it:.0f} s with it ({compiling:.0f} s before the first step is done), "
        f"{seconds:.0f} s without"
    )


def latents(device: torch.device, n_steps: int) -> None:
    """Frames a second of the encoder in front of a policy, from arrays to arrays."""
    vae = SceneVAE(SETTINGS, torch.Generator().manual_seed(0)).to(device).eval()
    for n_worlds in (1, 16, 256):
        scenes = FRAMES[:n_worlds]

        def encode(shown: np.ndarray = scenes) -> int:
            for _ in range(n_steps):
                encode_scenes(vae, shown)
            return n_steps * len(shown)

        (rate,) = rates(encode)
        print(f"latents of {n_worlds} worlds: {rate:,.0f} frames/s")


PARTS: dict[str, Callable[[torch.device, int], None]] = {
    "encoder": encoders,
    "recurrent": recurrent_students,
    "vaes": stacked_encoders,
    "compile": compiled_encoder,
    "latents": latents,
}

if __name__ == "__main__":
    main()
