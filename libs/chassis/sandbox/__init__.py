"""Killable, limited child processes for work on untrusted files."""

from libs.chassis.sandbox.sandbox import Limits, Progress, Sandbox, SandboxCrashed, SandboxPool, SandboxTimeout

__all__ = ["Limits", "Progress", "Sandbox", "SandboxCrashed", "SandboxPool", "SandboxTimeout"]
