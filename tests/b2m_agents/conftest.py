"""What the tests of several rooms read, and none changes."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an encoder that learnt nothing."""
    # Not above: this file may be read before shapes are checked in what it imports.
    from tests.shared.tiny_agents import tiny_encoder

    return tiny_encoder(tmp_path_factory.mktemp("encoder"))
