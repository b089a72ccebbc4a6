"""Lines: which characters stand together in one."""

from collections.abc import Sequence

from services.graph.nodes.typography.segments import SPACES, breaks, clusters, is_space


def break_lines(
    text: str, advances: Sequence[float], wrap: float, rule: str, gaps: Sequence[float] = ()
) -> list[tuple[int, int]]:
    """Greedy lines as ranges of characters; spaces at a break belong to the line before it.

    `advances` are of each character, `wrap` is in the same units, 0 for one line. Within words lines break only where
    a word alone is wider than a line, and then between clusters. `gaps` are what of each character's advance is space
    between letters, which a line has none of at its end; none by default.
    """
    if wrap <= 0 or not text:
        return [(0, len(text))]
    allowed = breaks(text, rule)
    lines: list[tuple[int, int]] = []
    start, width, last_break = 0, 0.0, 0
    for begin, end in clusters(text):
        if rule != SPACES and begin in allowed:
            last_break = begin
        advance, gap = sum(advances[begin:end]), gaps[end - 1] if gaps else 0.0
        # Twice where what was left of a word is still too wide.
        while width + advance - gap > wrap and begin > start and not is_space(text[begin:end]):
            border = last_break if last_break > start else begin
            lines.append((start, border))
            start, width = border, sum(advances[border:begin])
        width += advance
        if end in allowed:
            last_break = end
    return [*lines, (start, len(text))]
