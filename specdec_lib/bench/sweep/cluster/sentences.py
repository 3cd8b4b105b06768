"""What a sweep on a cluster says: one line each, that names the worker or the scheduler, and what to do."""

from __future__ import annotations

NO_DASK = (
    "a sweep on several workers needs Dask, which cannot be imported ({}); "
    "install it with `pip install 'specdec-lib[cluster]'`"
)
NO_SCHEDULER_FILE = "--scheduler {}: there is no such file, and it is no address such as tcp://HOST:8786"
NO_ADDRESS_IN_FILE = (
    "--scheduler {}: not a file of a Dask scheduler; give the one of `dask scheduler --scheduler-file`"
)
NO_SCHEDULER = "no Dask scheduler answers at {} ({}); look at its address, and start it with `dask scheduler`"
SCHEDULER_LOST = "the Dask scheduler at {} is gone; cells that are done are kept, the same command goes on"
NO_LOCAL_WORKERS = "the {} workers cannot be started here: {}; try fewer --workers"
NO_WORKERS = (
    "no worker at {} for {:.0f} s; start some with `dask worker {} --nthreads 1`, "
    "then the same command goes on"
)
ALL_LEFT_OUT = "no worker at {} can run the sweep; of {}: {}"
NO_GPU_WORKERS = (
    "no worker of {} declares a GPU, and cells want {}; "
    'start workers with `dask worker {} --nthreads 1 --resources "GPU=1"`'
)
NOT_SENT = "a worker cannot take the sweep's cells ({}); install the same specdec_lib and Python there"

WAITS = "[sweep] no worker yet at {}; waiting up to {:.0f} s"
RUNS_ON = "[sweep] {}: {}"
SIDE_BY_SIDE = "[sweep] {} cells side by side share {} and lengthen each other's times"
LEFT_OUT = "[sweep] {} is left out: {}"

MANY_AT_ONCE = (
    "it would run {} cells at a time, which lengthen each other's times; start it with --nthreads 1"
)
ANOTHER = "its {} is {}, and {} where the sweep was started; install the same there"
OTHER_WEIGHTS = "{}: its models' files hash to {} there, and to {} where the sweep was started"
NOT_WRITTEN = "{} cannot be written to: {}"
KILLED = "it ended the worker that ran it, {} times (the last was {}); out of memory, most likely"
