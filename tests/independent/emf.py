"""The metrics that CloudWatch extracts from the function's log, and the evaluation of alarms."""

import operator
from collections import defaultdict

STATISTICS = {"Sum": sum, "SampleCount": len, "Maximum": max}
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
        if found := values.get(metric_of(alarm), []):
            value = STATISTICS[alarm["Statistic"]](found)
            breaching[index] = breaches(value, alarm["Threshold"])
    return sum(breaching) >= alarm["DatapointsToAlarm"]


def metric_of(alarm):
    """Returns the key of an alarm's metric in `datapoints`."""
    dimensions = frozenset((row["Name"], row["Value"]) for row in alarm["Dimensions"])
    return alarm["Namespace"], alarm["MetricName"], dimensions
