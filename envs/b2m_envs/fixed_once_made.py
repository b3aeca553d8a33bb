"""Environments whose settings are given when they are made: what is set later is refused."""

from __future__ import annotations

from typing import Any

# What Gymnasium, or who uses an environment, may set of one: it takes effect.
SETTABLE = ("spec", "metadata", "render_mode", "np_random", "closed")


class FixedOnceMade:
    """Mixed into an environment: an attribute that nothing would read cannot be set.

    highway-env takes its configuration as ``env.unwrapped.config = {...}``; an environment of ours
    would keep it and drive on as before. A class that is derived elsewhere may keep attributes of
    its own.
    """

    _made = False  # set to True at the end of the constructor
    _title: str
    metadata: Any

    def __setattr__(self, name: str, value: Any) -> None:
        ours = type(self).__module__.startswith(f"{__package__}.")
        if self._made and ours and not name.startswith("_"):
            self._refuse_setting(name, value)
        super().__setattr__(name, value)

    def _refuse_setting(self, name: str, value: Any) -> None:
        if name not in SETTABLE:
            raise ValueError(
                f"{self._title}: {name}: expected no attribute set after the environment was "
                f"made, which would do nothing, came {value!r}; settings are keywords of "
                "gymnasium.make, such as reward=... and observation=..."
            )
        modes = (None, *type(self).metadata["render_modes"])
        if name == "render_mode" and value not in modes:
            raise ValueError(f"{self._title}: render_mode: expected one of {modes}, came {value!r}")
