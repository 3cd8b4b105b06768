"""A sweep's way to its workers: a cluster started here, or a scheduler that somebody started."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specdec_lib.bench.sweep.cluster import sentences
from specdec_lib.bench.sweep.running import CellOrder
from specdec_lib.bench.sweep.sweeping import CellRunner
from specdec_lib.errors import SpecDecError, first_line

if TYPE_CHECKING:
    from distributed import Client

_CLOSING = 5.0


@contextmanager
def run_on_cluster(
    workers: int | None = None,
    scheduler: str | None = None,
    begins: Callable[[CellOrder], Any] | None = None,
    say: Callable[[str], Any] | None = None,
) -> Iterator[CellRunner]:
    """A runner whose cells are run by workers: as many as are asked for here, or those of a scheduler.

    Args:
        workers: processes on this machine, of one cell at a time.
        scheduler: a Dask scheduler's address, or the file that it wrote.
        begins: called with each cell that is handed out. say: takes a line that is to be seen.

    Raises:
        ClusterFailed: no scheduler answers, or the workers cannot be started; in the runner: the scheduler is
            gone, or nobody who can works there.
        SpecDecError: Dask is not installed.
    """
    require_dask()
    from specdec_lib.bench.sweep.cluster.dispatch import Dispatch
    from specdec_lib.bench.sweep.cluster.local import local_workers

    say = say or (lambda line: None)
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        if scheduler is None:
            cluster = stack.enter_context(local_workers(workers or 1, say))
            where, client = (
                "this machine",
                stack.enter_context(_connected(cluster, cluster.scheduler_address)),
            )
        else:
            where = address_of(scheduler)
            client = stack.enter_context(_connected(where, where))
        dispatch = Dispatch(client, where, begins, say)
        stack.callback(dispatch.end)
        yield dispatch.run


def require_dask() -> None:
    """See that Dask is installed.

    Raises:
        SpecDecError: it is not.
    """
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise SpecDecError(sentences.NO_DASK.format(error)) from error


def address_of(scheduler: str) -> str:
    """The address that was given, or that stands in the file of that name.

    Raises:
        ClusterFailed: it is neither.
    """
    from specdec_lib.bench.sweep.cluster.force import ClusterFailed

    path = Path(scheduler)
    if "://" in scheduler or (":" in scheduler and not path.exists()):
        return scheduler if "://" in scheduler else f"tcp://{scheduler}"
    if not path.is_file():
        raise ClusterFailed(sentences.NO_SCHEDULER_FILE.format(scheduler))
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClusterFailed(sentences.NO_ADDRESS_IN_FILE.format(scheduler)) from error


@contextmanager
def _connected(to: Any, where: str) -> Iterator[Client]:
    import dask.config
    from dask.utils import parse_timedelta
    from distributed import Client

    from specdec_lib.bench.sweep.cluster.force import ClusterFailed

    timeout = parse_timedelta(dask.config.get("distributed.comm.timeouts.connect"))
    try:
        client = Client(to, timeout=timeout, set_as_default=False)
    except Exception as error:  # of names, sockets, protocols, and of what answers and is no scheduler
        why = first_line(str(error)) or type(error).__name__
        raise ClusterFailed(sentences.NO_SCHEDULER.format(where, why)) from error
    try:
        yield client
    finally:
        try:
            client.close(timeout=_CLOSING)
        except Exception:  # of a connection that is gone
            logging.getLogger(__name__).debug("client not closed", exc_info=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what Dask logs and warns of; the sweep says what matters."""
    import distributed  # noqa: F401  # makes its loggers

    names = [
        name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("distributed", "tornado")
    ]
    levels = {name: logging.getLogger(name).level for name in names}
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"distributed\b")
            warnings.filterwarnings("ignore", category=ResourceWarning)
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
