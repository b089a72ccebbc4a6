"""One media service for each test, on a nats-server of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.chassis.testing import NatsServer
from tests.integration.media.served import Media, serving


@pytest.fixture
async def media(tmp_path: Path) -> AsyncIterator[Media]:
    async with NatsServer(tmp_path / "nats") as nats, serving(tmp_path / "home", nats.url) as service:
        yield service
