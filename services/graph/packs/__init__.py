"""Node packs of third parties: found by their entry points, and run in processes of their own.

A pack's code is never imported by the platform. `discovery` reads which packs are installed, `process` keeps a pack's
process, `host` is what runs in there, `proxy` makes node types that ask it, and `schema` and `wire` are what the two
sides say to each other.
"""
