"""A private server ends with whoever started it, however that one ends."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

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
