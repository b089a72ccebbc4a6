"""Killable, limited child processes for work on untrusted files."""

from libs.chassis.sandbox.process import Limits, SandboxCrashed, SandboxTimeout
from libs.chassis.sandbox.sandbox import Progress, Sandbox, SandboxPool
from libs.chassis.sandbox.session import SandboxSession

__all__ = ["Limits", "Progress", "Sandbox", "SandboxCrashed", "SandboxPool", "SandboxSession", "SandboxTimeout"]
