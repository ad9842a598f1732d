"""What CloudWatch makes of the function's standard output, and when an alarm rings over it."""

import json
import operator
from collections import defaultdict

STATISTICS = {"Sum": sum, "SampleCount": len, "Maximum": max}
COMPARISONS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
}


def json_lines(log):
    """The lines that are the function's own: the Runtime Interface Emulator writes no JSON."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def datapoints(lines):
    """The values that CloudWatch extracts, by namespace, metric and dimensions."""
    values = defaultdict(list)
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, line[name]) for name in names)
                for metric in directive["Metrics"]:
                    key = (directive["Namespace"], metric["Name"], dimensions)
                    values[key].append(line[metric["Name"]])
    return values


def rings(alarm, *periods):
    """Whether an alarm rings over the datapoints of its periods.

    The periods that are not given have none, so their missing data counts as the alarm says.
    """
    dimensions = frozenset((row["Name"], row["Value"]) for row in alarm["Dimensions"])
    breaches = COMPARISONS[alarm["ComparisonOperator"]]
    missing = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    breaching = [missing] * alarm["EvaluationPeriods"]
    for index, values in enumerate(periods):
        found = values.get((alarm["Namespace"], alarm["MetricName"], dimensions), [])
        if found:
            value = STATISTICS[alarm["Statistic"]](found)
            breaching[index] = breaches(value, alarm["Threshold"])
    return sum(breaching) >= alarm["DatapointsToAlarm"]
