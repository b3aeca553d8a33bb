"""GPFA and CEBRA as latent methods: what they find, and held-out scores beside training ones."""

import sys

import numpy as np
import pytest

from b2m_drive.files.missing_packages import MissingPackageError
from b2m_drive.recordings.responses import Responses
from b2m_drive.teachers.latent_methods import latent_method

pytestmark = pytest.mark.filterwarnings("ignore")  # of the packages themselves


def _responses(signal: float, n_rows: int = 120, seed: int = 0) -> tuple[Responses, np.ndarray]:
    generator = np.random.default_rng(seed)
    time = np.arange(10) / 10
    phase, speed = generator.uniform(0, 2 * np.pi, (2, n_rows, 1))
    latent = np.stack([np.sin(phase + speed * time), np.cos(phase + speed * time)], -1)
    values = signal * latent @ generator.normal(size=(2, 12)) + generator.normal(
        size=(n_rows, 10, 12)
    )
    return Responses.from_arrays(values, np.arange(n_rows), start=time), latent


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpfa", "cebra"])
def test_latents_hold_what_drives_the_units(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("b2m_drive.teachers.cebra_latents._STEPS", 150)
    responses, latent = _responses(2.0)
    found = latent_method(name)(responses, 2)
    X = np.column_stack([found.values.reshape(-1, 2), np.ones(found.values.size // 2)])
    target = latent.reshape(-1, 2)
    error = target - X @ np.linalg.lstsq(X, target, rcond=None)[0]
    assert 1 - (error**2).sum() / ((target - target.mean(0)) ** 2).sum() > 0.5
    again = latent_method(name)(responses, 2)
    assert np.array_equal(found.values, again.values)
    training, held_out = found.scores.values()
    assert np.isfinite([training, held_out]).all()


@pytest.mark.thorough
@pytest.mark.slow
def test_gpfa_says_on_held_out_rows_whether_there_is_anything() -> None:
    told, noise = (
        list(latent_method("gpfa")(_responses(each)[0], 2).scores.values())[1]
        for each in (2.0, 0.0)
    )
    assert told > noise + 0.1


class _Missing:
    """Finds no package of this name, as if it were not installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize(("package", "name"), [("elephant", "gpfa"), ("cebra", "cebra")])
def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, package: str, name: str
) -> None:
    for module in [each for each in sys.modules if each.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [_Missing(package), *sys.meta_path])
    with pytest.raises(MissingPackageError, match=rf"b2m-drive\[{name}\]"):
        latent_method(name)(_responses(1.0)[0], 2)


def test_what_has_no_time_course_is_refused() -> None:
    one = Responses.from_arrays(np.random.default_rng(0).normal(size=(600, 5)), np.arange(600))
    with pytest.raises(ValueError, match="three times or more"):
        latent_method("gpfa")(one, 2)
    few = Responses.from_arrays(np.random.default_rng(0).normal(size=(60, 5)), np.arange(60))
    with pytest.raises(ValueError, match="cebra: expected units that vary and 512 rows"):
        latent_method("cebra")(few, 2)
