"""Threads and cores that this process may use."""

import os
import sys
from pathlib import Path


def num_threads() -> int:
    """The threads that PyTorch takes, loaded or not: OMP_NUM_THREADS, else one a core."""
    if "torch" in sys.modules:
        return sys.modules["torch"].get_num_threads()
    chosen = os.environ.get("OMP_NUM_THREADS", "")
    if chosen.isdigit() and int(chosen) > 0:
        return int(chosen)
    return available_cores()


def available_cores() -> int:
    """The cores that this process may use: by affinity, limit of a container, and batch job."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.exists():
        limit, period = quota.read_text().split()
        if limit != "max":
            cores = min(cores, int(limit) // int(period))
    of_job = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if of_job.isdigit():
        cores = min(cores, int(of_job))
    return max(1, cores)
