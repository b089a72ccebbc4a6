"""Messages between services: work queues and events over NATS JetStream, dead letters, cancellation, and presence."""

from libs.chassis.bus.bounded import bounded
from libs.chassis.bus.bus import Bus
from libs.chassis.bus.control import Control
from libs.chassis.bus.dead_letters import DeadLetter
from libs.chassis.bus.delivery import Declined, Delivery, Handler
from libs.chassis.bus.news import News
from libs.chassis.bus.presence import Heartbeat, Listener

__all__ = [
    "Bus",
    "Control",
    "DeadLetter",
    "Declined",
    "Delivery",
    "Handler",
    "Heartbeat",
    "Listener",
    "News",
    "bounded",
]
