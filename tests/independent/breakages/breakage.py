"""What can be wrong: in a text, in a package, or in what the tests are told."""

import re
import shutil
from dataclasses import dataclass

from template import ROOT


@dataclass(frozen=True)
class Breakage:
    """A change of a file, and the check that must notice it."""

    # What is wrong then.
    says: str
    # The test that must fail, or the tool.
    check: str
    # Where it is: a resource or another block of the template, or a state.
    section: str
    old: str
    new: str
    file: str = "template.yaml"

    def __str__(self):
        return f"{self.section} {self.says}".strip()

    def make(self, tree):
        """Breaks a copy of the tree, and answers the variables that its tests are told besides."""
        file = tree / self.file
        file.write_bytes(self.broken(file.read_bytes()))
        return {}

    def broken(self, content):
        # As bytes, because a package is broken in the same way as a text.
        start, end = 0, len(content)
        if self.section:
            block = rf"^  {re.escape(self.section)}:\n(?:(?:   .*)?\n)+".encode()
            start, end = re.search(block, content, re.M).span()
        block = content[start:end]
        assert self.old.encode() in block, f"{self.old!r} is not in {self.section or self.file}"
        changed = block.replace(self.old.encode(), self.new.encode(), 1)
        return content[:start] + changed + content[end:]


@dataclass(frozen=True)
class OtherFile:
    """A file with the content of another one, and the check that must notice it."""

    says: str
    check: str
    file: str
    other: str

    def __str__(self):
        return self.says

    def make(self, tree):
        shutil.copyfile(tree / self.other, tree / self.file)
        return {}


@dataclass(frozen=True)
class OtherVariable:
    """A variable of the tests that names other files, and the check that must notice it."""

    says: str
    check: str
    variable: str
    files: tuple

    def __str__(self):
        return self.says

    def make(self, _):
        return {self.variable: " ".join(str(ROOT / file) for file in self.files)}


STATE_MACHINE = "sweep.asl.yaml"

# Tools, as `make test-template` calls them.
SAM, STATELINT, CHECKOV, CHECKOV_WORKFLOW = "sam", "statelint", "checkov", "checkov-workflow"
