"""Setting text: fonts and their fallback, bidirectional order, shaping, lines, and coverage."""
