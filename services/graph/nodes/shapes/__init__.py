"""Outlines, and what masks do with them: what Mask and Roto share."""
