"""The load generator and the benchmarks: `python -m bench` (what is measured and how: bench/README.md)."""
