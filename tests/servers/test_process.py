"""A private server ends with whoever started it, however that one ends."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from scripts.servers.process import ServerProcess

STARTS_ONE_AND_IS_KILLED = """
import os, signal, threading
from pathlib import Path
from scripts.servers.process import ServerProcess

server = ServerProcess("sleeper", directory=Path(sys.argv[1]))
thread = threading.Thread(target=server.spawn, args=("sleep", "600"))
thread.start()
thread.join()  # the server outlives the thread that started it
os.kill(server.pid, 0)
print(server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"import sys\n{STARTS_ONE_AND_IS_KILLED}", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    pid = int(done.stdout or done.stderr)
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}/cmdline").exists() and b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < until, f"{pid} still runs"
        time.sleep(0.02)
    assert done.returncode == -9


def test_it_stands_still_also_with_a_child_that_has_ended_and_was_not_waited_for(tmp_path: Path) -> None:
    server = ServerProcess("sleeper", directory=tmp_path)
    server.spawn("sh", "-c", "true & exec sleep 600")
    until = time.monotonic() + 30
    while set(server._states()) != {"S", "Z"}:
        assert time.monotonic() < until
        time.sleep(0.01)
    with server.frozen():
        assert set(server._states()) == {"T", "Z"}
    server.kill()
