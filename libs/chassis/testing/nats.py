"""A real nats-server with JetStream."""

from collections.abc import Sequence
from pathlib import Path

from libs.chassis.testing.process import Server, accepts, executable, free_port


class NatsServer(Server):
    """`async with NatsServer(folder) as nats:`; `kill9()` and `start()` bring it back on the same port and store."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        super().__init__(folder)
        self.port = port or free_port()
        self.url = f"nats://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        store = str(self.folder / "store")
        return [executable("nats-server"), "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", store]

    def is_ready(self) -> bool:
        return accepts(self.port)
