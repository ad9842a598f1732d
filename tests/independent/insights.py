"""Runs the saved queries of CloudWatch Logs Insights on log lines: the part of the language that they use."""

import json
import re

COMMAND = re.compile(r"\|(?=(?:[^\"']|\"[^\"]*\"|'[^']*')*$)")
# The values are in the order of time.
FUNCTIONS = {
    "count": len,
    "count_distinct": lambda values: len(set(values)),
    "min": lambda values: min(values, default=None),
    "max": lambda values: max(values, default=None),
    "sortsLast": lambda values: max(values, default=None),
    "latest": lambda values: values[-1] if values else None,
}
AGGREGATE = re.compile(r"(\w+)\(([@\w*.]+)\) as (\w+)")
TERM = re.compile(
    r"ispresent\((?P<present>[\w.]+)\)"
    r"|(?P<field>[@\w.]+) like /(?P<pattern>[^/]*)/"
    r"|(?P<name>[\w.]+) (?P<sign>=|!=|>|like|in) (?P<value>\"[^\"]*\"|\[[^\]]*\]|\d+)"
)


def commands(query):
    """Returns the commands of a query as pairs of name and arguments."""
    lines = [line for line in query.splitlines() if not line.lstrip().startswith("#")]
    text = " ".join(" ".join(lines).split())
    return [tuple(command.strip().split(" ", 1)) for command in COMMAND.split(text)]


def run(query, lines):
    """Returns the rows of a query's result."""
    rows = [flat(line) for line in lines]
    for name, arguments in commands(query):
        rows = RUN[name](rows, arguments)
    return rows


def flat(line):
    """Returns a line with the names that Insights gives to nested fields."""
    found = {"@timestamp": line.get("timestamp", ""), "@message": json.dumps(line, separators=(",", ":"))}

    def visit(name, value):
        if isinstance(value, (dict, list)):
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            for key, each in pairs:
                visit(f"{name}.{key}" if name else str(key), each)
        else:
            found[name] = value

    visit("", line)
    return found


def filtered(rows, condition):
    return [row for row in rows if holds(condition, row)]


def holds(condition, row):
    if " or " in condition:
        return any(holds(part, row) for part in condition.split(" or "))
    if " and " in condition:
        return all(holds(part, row) for part in condition.split(" and "))
    term = TERM.fullmatch(condition.strip())
    assert term, condition
    if term["present"]:
        return term["present"] in row
    if term["pattern"]:
        return re.search(term["pattern"], row.get(term["field"]) or "") is not None
    found, value = row.get(term["name"]), json.loads(term["value"].replace("'", '"'))
    match term["sign"]:
        case "=":
            return found == value
        case "!=":
            return found != value
        case ">":
            return found > value
        case "in":
            return found in value
        case "like":
            return found is not None and value in found


def stats(rows, arguments):
    aggregates, _, by = arguments.partition(" by ")
    keys = re.split(r", *", by)
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    return [dict(zip(keys, group)) | aggregated(aggregates, found) for group, found in groups.items()]


def aggregated(aggregates, rows):
    rows = sorted(rows, key=lambda row: row["@timestamp"])
    return {
        alias: FUNCTIONS[function]([row.get(field, row) for row in rows if field == "*" or field in row])
        for function, field, alias in AGGREGATE.findall(aggregates)
    }


def parsed(rows, arguments):
    """Adds the named groups of a regular expression to the rows whose field matches it."""
    field, pattern = re.fullmatch(r"(\w+) /(.*)/", arguments).groups()
    pattern = re.compile(pattern.replace("(?<", "(?P<"))
    matches = [pattern.search(row.get(field, "")) for row in rows]
    return [row | (match.groupdict() if match else {}) for row, match in zip(rows, matches)]


def with_fields(rows, arguments):
    """Adds the fields that are computed. Insights filters and sorts by fields that are not shown, too."""
    for names, alias in re.findall(r"coalesce\(([^)]*)\) as (\w+)", arguments):
        names = re.split(r", *", names)
        rows = [row | {alias: next((row[name] for name in names if name in row), None)} for row in rows]
    return rows


def ordered(rows, arguments):
    field, direction = arguments.split()
    return sorted(rows, key=lambda row: row[field], reverse=direction == "desc")


def dedup(rows, field):
    """Keeps the first row of each value, as Insights does after `sort`."""
    first = {}
    for row in rows:
        first.setdefault(row.get(field), row)
    return list(first.values())


RUN = {
    "fields": with_fields,
    "parse": parsed,
    "filter": filtered,
    "stats": stats,
    "sort": ordered,
    "dedup": dedup,
    "limit": lambda rows, count: rows[: int(count)],
}
