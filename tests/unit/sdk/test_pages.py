"""Lists are read page by page."""

from __future__ import annotations

from artifex.credentials import Credentials
from artifex.media.v1 import messages_pb2 as media
from artifex.transport import Transport

NAMES = [f"assets/{number}" for number in range(5)]


async def list_assets(request: media.ListAssetsRequest, **_: object) -> media.ListAssetsResponse:
    """Two at a time; the token is the place of the next."""
    begin = int(request.page_token or 0)
    page = [media.Asset(name=name) for name in NAMES[begin : begin + 2]]
    return media.ListAssetsResponse(assets=page, next_page_token=str(begin + 2) if begin + 2 < len(NAMES) else "")


async def test_every_page_is_read_once_and_in_order() -> None:
    transport = Transport("localhost:1", Credentials("a token"), timeout=1.0, otlp_endpoint="", ca_file=None)
    try:
        pages = transport.pages(list_assets, media.ListAssetsRequest(), name="MediaService/ListAssets")
        assert [asset.name async for page in pages for asset in page.assets] == NAMES
    finally:
        await transport.close()
