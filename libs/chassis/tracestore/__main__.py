"""`python -m libs.chassis.tracestore`: receive the installation's traces and metrics until told to stop."""

from __future__ import annotations

import sys

from libs.chassis.runtime import Runtime
from libs.chassis.settings import PlatformSettings
from libs.chassis.tracestore.server import serve
from libs.chassis.tracestore.settings import TraceStoreSettings


def main() -> int:
    # Its own spans would come back to it, and make more.
    platform = PlatformSettings().model_copy(update={"otlp_endpoint": ""})
    settings = TraceStoreSettings()

    async def build(runtime: Runtime) -> None:
        await runtime.enter(serve(settings, platform.home))

    return Runtime.main("traces", platform, build)


if __name__ == "__main__":
    sys.exit(main())
