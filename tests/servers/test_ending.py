"""What does not end by itself is killed, with all that it has started."""

from __future__ import annotations

import subprocess

from tests.servers.ending import descendants, killed_after

DEAF = "trap '' TERM; (trap '' TERM; sleep 600; sleep 600) & echo up; wait; sleep 600"


def test_a_process_that_does_not_end_is_killed_with_its_children() -> None:
    # Whoever reads its output waits for all who may write to it.
    with subprocess.Popen(["sh", "-c", DEAF], stdout=subprocess.PIPE) as deaf:
        assert deaf.stdout is not None
        assert deaf.stdout.readline() == b"up\n"
        assert descendants(deaf.pid)
        deaf.terminate()
        with killed_after(0.1, [deaf.pid]):
            deaf.communicate(timeout=20)
        assert deaf.returncode == -9


def test_what_ends_in_time_is_left_alone() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as idle:
        with killed_after(20, [idle.pid]):
            pass
        idle.communicate()
        assert idle.returncode == 0
