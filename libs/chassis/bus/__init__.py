"""Messages between services: work queues and events over NATS JetStream, dead letters, and cancellation."""

from libs.chassis.bus.bounded import bounded
from libs.chassis.bus.bus import Bus
from libs.chassis.bus.control import Control
from libs.chassis.bus.dead_letters import DeadLetter
from libs.chassis.bus.delivery import Delivery, Handler

__all__ = ["Bus", "Control", "DeadLetter", "Delivery", "Handler", "bounded"]
