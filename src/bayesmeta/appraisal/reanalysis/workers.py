"""One map over reviews: in this process, in several, or on a Dask cluster."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

from bayesmeta.errors import InputError

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_PATIENCE = 20
"""Seconds to wait for a scheduler."""


def answers[Answer](
    task: Callable[[str], Answer],
    failed: Callable[[str, str], Answer],
    reviews: Sequence[str],
    workers: int,
    scheduler: str | None,
) -> Iterator[Answer]:
    """Yield the answer of a task for each review, as they come.

    Parameters
    ----------
    task : callable
        From a review to its answer; it can be sent to another process and raises nothing.
    failed : callable
        Makes the answer for a review, and a reason, whose task did not return.
    reviews : sequence of str
    workers : int
        Local processes; with one, the tasks are done here.
    scheduler : str or None
        Address of a Dask scheduler, whose workers are used in place of local processes.
    """
    if scheduler is None and min(workers, len(reviews)) < 2:
        yield from map(task, reviews)
        return
    with _cluster(scheduler) if scheduler else _processes(workers) as pool:
        pending = {pool.submit(task, review): review for review in reviews}
        try:
            for future in as_completed(list(pending)):
                review = pending.pop(future)
                try:
                    answer = future.result()
                except Exception as error:
                    words = f"{review}: {type(error).__name__}: {error}"
                    answer = failed(review, " ".join(words.split()))
                yield answer
        finally:
            for future in pending:
                future.cancel()


@contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    """Start processes that have one BLAS thread each and leave interrupts to this one."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(
            workers, context, signal.signal, (signal.SIGINT, signal.SIG_IGN)
        ) as pool:
            yield pool
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    """Connect to a Dask scheduler, which does again what a dead worker has not handed in."""
    try:
        import distributed
    except ImportError:
        raise InputError(
            "--scheduler needs Dask: python -m pip install 'bayesmeta[cluster]'"
        ) from None
    try:
        client: Any = distributed.Client(address, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address!r}: an address such as "
            f"tcp://127.0.0.1:8786 is expected ({' '.join(str(error).split())})"
        ) from None
    with client, client.get_executor(pure=False) as pool:
        yield pool
