"""The styles that a prompt can be given."""

from __future__ import annotations

from collections.abc import Sequence

from services.generator.domain.prompts.styles import Style, styles


async def list_styles(after: str, limit: int) -> Sequence[Style]:
    """At most `limit` styles with ids above `after`, in the order of their ids."""
    return [style for style in styles().values() if style.id > after][:limit]
