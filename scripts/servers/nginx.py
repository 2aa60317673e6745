"""nginx as a balancer, with the configuration of a folder; it becomes a private one by what is replaced in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from scripts.servers.process import ServerProcess

PROGRAM = Path("/usr/sbin/nginx")

_NODES = re.compile(r"^( *server )node1:8080( .*;\n)( *server node\d:8080\2)+", re.MULTILINE)
_LISTEN = re.compile(r"^( *listen )80;", re.MULTILINE)


class Nginx(ServerProcess):
    """A balancer on `port` of the loopback interface, in front of nodes at other ports of it."""

    def __init__(self, configuration: Path, port: int, nodes: Sequence[int], *, directory: Path | None = None) -> None:
        """`configuration` has nginx.conf and roost.conf, as in deploy/nginx."""
        super().__init__("nginx", user="www-data", directory=directory)
        self.port = port
        self.nodes = nodes
        site = (configuration / "roost.conf").read_text(encoding="utf-8")
        site = _NODES.sub(lambda line: "".join(f"{line[1]}127.0.0.1:{node}{line[2]}" for node in nodes), site)
        (self.directory / "roost.conf").write_text(_LISTEN.sub(rf"\g<1>127.0.0.1:{port};", site), encoding="utf-8")
        main = (configuration / "nginx.conf").read_text(encoding="utf-8")
        for path in ("/run/", "/var/cache/nginx/"):
            main = main.replace(path, f"{self.directory}/")
        (self.directory / "nginx.conf").write_text(main, encoding="utf-8")
        here = str(self.directory)
        self._command = [str(PROGRAM), "-p", here, "-c", f"{here}/nginx.conf", "-e", "stderr"]

    def check(self) -> None:
        """Has it read its configuration. Raises `RuntimeError` with what it does not like."""
        self.run(*self._command, "-t")

    def launch(self) -> None:
        """Starts it."""
        self.spawn(*self._command, "-g", "daemon off;")
