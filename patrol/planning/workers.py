"""Many independent jobs over the machine's cores, with their results in order."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

__all__ = ["each"]

S = TypeVar("S")
J = TypeVar("J")
R = TypeVar("R")

_WORTH_S = 15.0  # starting processes takes seconds
_MOST_PROCESSES = 8
_shared: Any = None


def each(function: Callable[[S, J], R], shared: S, jobs: Sequence[J], job_s: float) -> Iterator[R]:
    """`function(shared, job)` for each job, in order. `job_s` is about how many seconds a job
    takes; what is soon done is done here, the rest by processes of their own, which get `shared`
    once. `function` must be one of a module."""
    processes = min(_MOST_PROCESSES, os.cpu_count() or 1)
    if processes < 2 or len(jobs) * job_s < _WORTH_S or multiprocessing.parent_process():
        for job in jobs:
            yield function(shared, job)
        return
    pool = ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(shared,)
    )
    try:
        yield from pool.map(_call, [function] * len(jobs), jobs, chunksize=1 if job_s > 1 else 8)
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(shared: Any) -> None:
    global _shared  # what each job needs comes once a process
    _shared = shared


def _call(function: Callable[[Any, Any], Any], job: Any) -> Any:
    return function(_shared, job)
