"""Each check, and a breakage that it must find: `check_guards.py` tries them one by one."""

from breakages import guides, roles, stack, watching
from breakages.breakage import CHECKOV, CHECKOV_WORKFLOW, SAM, Breakage

BREAKAGES = stack.BREAKAGES + roles.BREAKAGES + watching.BREAKAGES + guides.BREAKAGES

__all__ = ["BREAKAGES", "CHECKOV", "CHECKOV_WORKFLOW", "SAM", "Breakage"]
