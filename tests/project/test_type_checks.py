"""The tests run under checks of shapes and types."""

from __future__ import annotations

import jaxtyping
import numpy as np
import pytest
from jaxtyping import Float64

from b2m_drive.evidence.statistics import mean_interval
from tests.shared.type_checks import check_types, jaxtyped_when_called


@pytest.mark.parametrize("time", ["first", "again"])
def test_the_package_refuses_an_array_of_another_shape(time: str) -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match="mean_interval"):
        mean_interval(np.zeros((2, 3)))


def test_a_result_of_another_shape_is_refused_at_every_call() -> None:
    @jaxtyped_when_called(typechecker=check_types)
    def doubled(values: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        return values[: int(values[0])]

    assert len(doubled(np.full(3, 3.0))) == 3
    for _ in range(2):
        with pytest.raises(jaxtyping.TypeCheckError, match="return value"):
            doubled(np.full(3, 2.0))


def test_a_whole_number_is_a_float_as_it_is_for_mypy() -> None:
    @jaxtyped_when_called(typechecker=check_types)
    def total(values: tuple[float, ...]) -> float:
        return sum(values)

    assert total((1, 2)) == 3
    with pytest.raises(jaxtyping.TypeCheckError, match="total"):
        total(("1", "2"))  # type: ignore[arg-type]
