from dataclasses import dataclass


@dataclass(frozen=True)
class Breakage:
    """A change of a file, and the check that must notice it."""

    # What is wrong then.
    says: str
    # The test that must fail, or the tool.
    check: str
    # Where it is: a resource or another block of the template.
    section: str
    old: str
    new: str
    file: str = "template.yaml"


# Tools, as `make test-template` calls them.
SAM, CHECKOV, CHECKOV_WORKFLOW = "sam", "checkov", "checkov-workflow"
