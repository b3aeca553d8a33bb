"""A future whose work can be ended where it runs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any


class CancellableFuture(Future[Any]):
    """The outcome of a call that an engine was given.

    Args:
        cancel: Asks the engine to end the work, which then ends in the engine's own error.
    """

    def __init__(self, cancel: Callable[[], Any]) -> None:
        super().__init__()
        self._ask_to_end = cancel
        self.set_running_or_notify_cancel()

    def cancel(self) -> bool:
        """Ask the engine to end the work; whatever comes of that is the outcome."""
        if not self.done():
            with suppress(Exception):  # the engine may be gone
                self._ask_to_end()
        return False

    def take_from(self, other: Future[Any]) -> None:
        """Take the outcome of a future that is done."""
        error = other.exception()
        if error is not None:
            self.set_exception(error)
        else:
            self.set_result(other.result())
