"""A collection whose episodes are driven on an executor holds the same scenes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest

from b2m_agents.drivers import elsewhere
from b2m_agents.drivers.rollouts import CollectSettings, collect_scenes
from tests.extending.own_executor import OneAfterAnother

SMALL = {"height": 36, "width": 36, "n_frames": 1}


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}

    def keep(name: str, each: object) -> None:
        if isinstance(each, h5py.Dataset):
            found[name] = each[()]

    with h5py.File(path) as file:
        file.visititems(keep)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("asked", [{"n_episodes": 10}, {"n_frames": 40}])
def test_scenes_are_the_same_on_an_executor_that_loses_a_block(tmp_path: Path, asked) -> None:
    settings = CollectSettings(**asked, environment=SMALL)
    here = collect_scenes("highway_fast", tmp_path / "here.h5", settings, progress=False)
    losing = OneAfterAnother(fails_at=1)
    there = collect_scenes(
        "highway_fast", tmp_path / "there.h5", settings, progress=False, executor=losing
    )
    first, second = arrays_of(here), arrays_of(there)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values, err_msg=name)
    assert losing.n_submitted >= 2


@pytest.mark.slow
def test_blocks_that_fail_are_named_and_the_others_are_kept(tmp_path: Path, monkeypatch) -> None:
    def fail(*arguments: object) -> None:
        if 3 in arguments[3]:  # type: ignore[operator]
            raise RuntimeError("no room on this node")
        return whole(*arguments)

    whole = elsewhere.write_episodes
    monkeypatch.setattr(elsewhere, "write_episodes", fail)
    settings = CollectSettings(n_episodes=8, environment=SMALL)
    path = tmp_path / "scenes.h5"
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(ValueError, match=r"1 of 8 blocks.*episodes 3 to 3 \(2 tries\).*no room"),
    ):
        collect_scenes("highway_fast", path, settings, progress=False, executor=pool, tries=2)
    assert not path.exists()
    monkeypatch.setattr(elsewhere, "write_episodes", whole)
    again = OneAfterAnother()
    collect_scenes("highway_fast", path, settings, progress=False, executor=again)
    assert again.n_submitted == 1
