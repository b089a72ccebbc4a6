"""Real servers and processes for tests, each a context manager that leaves nothing behind."""

from libs.chassis.testing.nats import NatsServer
from libs.chassis.testing.postgres import PostgresServer
from libs.chassis.testing.process import Server, eventually, executable, free_port, spawn, wait_until
from libs.chassis.testing.schema import schema_differences
from libs.chassis.testing.seaweed import SeaweedServer

__all__ = [
    "NatsServer",
    "PostgresServer",
    "SeaweedServer",
    "Server",
    "eventually",
    "executable",
    "free_port",
    "schema_differences",
    "spawn",
    "wait_until",
]
