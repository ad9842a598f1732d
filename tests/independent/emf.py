"""The metrics that CloudWatch extracts from the function's log, and the evaluation of alarms."""

import operator
import re
from collections import defaultdict

# The namespace in the template and in the function, if no parameter names another.
NAMESPACE = "SecretReplicator"
STATISTICS = {"Sum": sum, "SampleCount": len, "Maximum": max, "Minimum": min}
COMPARISONS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
}


def datapoints(lines):
    """Returns the values by namespace, metric and dimensions."""
    values = defaultdict(list)
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, line[name]) for name in names)
                for metric in directive["Metrics"]:
                    key = (directive["Namespace"], metric["Name"], dimensions)
                    values[key].append(line[metric["Name"]])
    return values


def fires(alarm, *periods):
    """Returns whether an alarm fires over the datapoints of its periods.

    The other evaluation periods have no data, which counts as the alarm's TreatMissingData says.
    """
    breaches = COMPARISONS[alarm["ComparisonOperator"]]
    missing = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    breaching = [missing] * alarm["EvaluationPeriods"]
    for index, values in enumerate(periods):
        value = value_of(alarm, values)
        if value is not None:
            breaching[index] = breaches(value, alarm["Threshold"])
    return sum(breaching) >= alarm["DatapointsToAlarm"]


def value_of(alarm, values):
    """Returns the value of an alarm in a period with these datapoints. `None` if there is none."""
    if "Metrics" not in alarm:
        found = values.get(metric_of(alarm), [])
        return STATISTICS[alarm["Statistic"]](found) if found else None
    operands = {}
    for row in alarm["Metrics"]:
        if "MetricStat" in row:
            found = values.get(metric_of(row["MetricStat"]["Metric"]), [])
            operands[row["Id"]] = STATISTICS[row["MetricStat"]["Stat"]](found) if found else None
    [expression] = [row["Expression"] for row in alarm["Metrics"] if row.get("ReturnData", True)]
    return calculate(expression, operands)


FILL = re.compile(r"FILL\((\w+), (\d+)\)")
COMPARISON = re.compile(r"\((\w+) (>=|==) (\d+)\)")
OPERATORS = {">=": operator.ge, "==": operator.eq}


def calculate(expression, operands):
    """Returns the value of a metric math expression: comparisons in parentheses that AND joins, or a sum, and FILL.

    CloudWatch has no result for a time at which a metric without FILL has no datapoint.
    """
    operands = dict(operands)
    for name, value in FILL.findall(expression):
        if operands[name] is None:
            operands[name] = int(value)
    expression = FILL.sub(r"\1", expression)
    if " + " in expression:
        terms = [operands[name] for name in expression.split(" + ")]
        return None if None in terms else sum(terms)
    results = []
    for comparison in expression.split(" AND "):
        name, sign, number = COMPARISON.fullmatch(comparison).groups()
        if operands[name] is None:
            return None
        results.append(OPERATORS[sign](operands[name], int(number)))
    return int(all(results))


def metric_of(alarm):
    """Returns the key of the metric of an alarm, or of a part of its metric math, in `datapoints`."""
    dimensions = frozenset((row["Name"], row["Value"]) for row in alarm.get("Dimensions", []))
    return alarm["Namespace"], alarm["MetricName"], dimensions


def metrics_of(alarm):
    """Returns the keys of all metrics that an alarm reads."""
    parts = [row["MetricStat"]["Metric"] for row in alarm.get("Metrics", []) if "MetricStat" in row]
    return [metric_of(part) for part in parts or [alarm]]
