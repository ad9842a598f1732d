"""Writes the table of the stack's parameters in docs/DEPLOY.md from the template: `make parameters`."""

import re

from template import ROOT, TEMPLATE

PAGE = ROOT / "docs/DEPLOY.md"
BEGIN, END = "<!-- parameters: begin -->\n", "<!-- parameters: end -->\n"


def table():
    """Returns the table in Markdown, in the order of the template's parameter groups."""
    rows = ["| parameter | default | allowed values | meaning |", "|---|---|---|---|"]
    for group in TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        for name in group["Parameters"]:
            parameter = TEMPLATE["Parameters"][name]
            cells = f"`{name}`", default(parameter), allowed(parameter), meaning(parameter)
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def default(parameter):
    if "Default" not in parameter:
        return "required"
    return f"`{parameter['Default']}`" if parameter["Default"] != "" else "empty"


def allowed(parameter):
    match parameter:
        case {"AllowedValues": values}:
            return ", ".join(f"`{value}`" for value in values)
        case {"MinValue": least, "MaxValue": most}:
            return f"{least} to {most}"
        case {"MinValue": least}:
            return f"{least} or more"
        case {"MaxLength": length}:
            return f"up to {length} characters"
        case {"ConstraintDescription": text}:
            return text.removeprefix("must be ").replace("*", r"\*")


def meaning(parameter):
    """Returns the first sentence of the description. The rest are details."""
    return re.match(r".*?\.(?= [A-Z]|$)", parameter["Description"].strip())[0]


def split(page):
    """Returns what precedes the table, the table, and what follows it."""
    before, rest = page.split(BEGIN)
    current, after = rest.split(END)
    return before, current, after


if __name__ == "__main__":
    before, _, after = split(PAGE.read_text())
    PAGE.write_text(before + BEGIN + table() + END + after)
