"""The parts of the benchmark: each module has `NAME`, one line `ABOUT`, and `run(quick=…) -> list[Figure]`."""
