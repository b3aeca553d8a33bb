from __future__ import annotations

import subprocess
import sys
import warnings

import gymnasium
import pytest

from b2m_envs.registration import REGISTRATIONS, register_environments
from b2m_envs.scenes.scenarios import SCENARIOS


def run_python(code: str) -> str:
    path = repr([entry for entry in sys.path if entry])
    script = f"import sys; sys.path[:0] = {path}\n{code}"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_importing_b2m_envs_loads_neither_torch_nor_the_environments():
    code = (
        "import b2m_envs\n"
        "print([n for n in ('torch', 'scipy', 'cv2', 'pygame', 'highway_env',"
        " 'b2m_envs.memory_decision', 'b2m_envs.driving', 'b2m_envs.rendering')"
        " if n in sys.modules])"
    )
    assert run_python(code) == "[]"


@pytest.mark.slow
def test_the_memory_decision_environment_runs_without_torch():
    code = (
        "import gymnasium\n"
        "env = gymnasium.make('b2m_envs:B2M/MemoryDecision-v0')\n"
        "env.reset(seed=0); env.step(0)\n"
        "print('torch' in sys.modules)"
    )
    assert run_python(code) == "False"


@pytest.mark.slow
def test_a_driving_scene_runs_without_torch():
    code = (
        "import gymnasium\n"
        "env = gymnasium.make('b2m_envs:B2M/MergeScene-v0')\n"
        "env.reset(seed=0); env.step(0)\n"
        "print([n for n in ('torch', 'stable_baselines3') if n in sys.modules])"
    )
    assert run_python(code) == "[]"


@pytest.mark.thorough
@pytest.mark.slow
def test_a_process_of_its_own_makes_the_same_scene_without_an_import_statement():
    code = (
        "import gymnasium, numpy as np\n"
        "if __name__ == '__main__':\n"
        "    name = 'b2m_envs:B2M/MergeScene-v0'\n"
        "    envs = gymnasium.make_vec(name, 1, vectorization_mode='async',"
        " vector_kwargs={'context': 'spawn'})\n"
        "    alone = gymnasium.make(name)\n"
        "    print((envs.reset(seed=5)[0][0] == alone.reset(seed=5)[0]).all())\n"
        "    envs.close()"
    )
    assert run_python(code) == "True"


@pytest.mark.slow
def test_gymnasium_makes_a_batch_in_a_fresh_process_without_an_import_statement():
    code = (
        "import gymnasium\n"
        "envs = gymnasium.make_vec('b2m_envs:B2M/MemoryDecision-v0', num_envs=3)\n"
        "print(type(envs).__name__, envs.reset(seed=0)[0].shape)"
    )
    assert run_python(code) == "MemoryDecisionVectorEnv (3, 25)"


def test_registering_twice_neither_warns_nor_adds():
    register_environments()
    before = dict(gymnasium.registry)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register_environments()
    assert gymnasium.registry == before


@pytest.mark.slow
@pytest.mark.parametrize("registration", REGISTRATIONS, ids=lambda row: row.id)
def test_every_id_of_the_table_makes_single_and_batched_environments(registration):
    register_environments()
    gymnasium.make(registration.id).close()
    scenario = SCENARIOS.get(registration.kwargs.get("scenario", ""))
    has_batch = registration.vector_entry_point and (scenario is None or scenario.fast)
    mode = "vector_entry_point" if has_batch else "sync"
    gymnasium.make_vec(registration.id, num_envs=2, vectorization_mode=mode).close()
