"""The documentation's fenced blocks."""

import re
import textwrap

from template import ROOT


def blocks(page, language="sh", section=None):
    """Returns the blocks of a language, with those in lists: of the page, or of one section."""
    text = (ROOT / page).read_text()
    if section:
        text = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.M | re.S)
    assert len(found) == text.count(f"```{language}\n"), f"{page}: a block is not closed"
    return [textwrap.dedent(block) for _, block in found]


def named_blocks(page, language="json"):
    """Returns the blocks of a language by the names in the comments before them."""
    text = (ROOT / page).read_text()
    found = re.findall(rf"^<!-- ([\w.-]+) -->\n```{language}\n(.*?)^```$", text, re.M | re.S)
    assert len(found) == len(blocks(page, language)), f"{page}: a block has no name"
    return dict(found)
