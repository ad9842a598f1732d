"""Each check, and a breakage that it must find: `check_guards.py` tries them one by one."""

from breakages import guides, operations, packages, roles, stack, sweep, watching
from breakages.breakage import CHECKOV, CHECKOV_WORKFLOW, SAM, STATELINT, Breakage

BREAKAGES = [
    *stack.BREAKAGES,
    *sweep.BREAKAGES,
    *roles.BREAKAGES,
    *watching.BREAKAGES,
    *guides.BREAKAGES,
    *operations.BREAKAGES,
    *packages.BREAKAGES,
]

__all__ = ["BREAKAGES", "CHECKOV", "CHECKOV_WORKFLOW", "SAM", "STATELINT", "Breakage"]
