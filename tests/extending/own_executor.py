"""An executor as a user would write it: anything of `concurrent.futures`' shape."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import Any


class OneAfterAnother(Executor):
    """What a cluster's engine looks like from outside; fails at a chosen job."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at, self.n_submitted = fails_at, 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.n_submitted += 1
        try:
            if self.n_submitted == self.fails_at:
                raise ConnectionError("the node is gone")
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future
