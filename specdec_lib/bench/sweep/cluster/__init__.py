"""Sweeps on several workers: cells handed out through Dask, their records brought back to one folder."""

from specdec_lib.bench.sweep.cluster.connecting import run_on_cluster

__all__ = ["run_on_cluster"]
