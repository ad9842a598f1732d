"""The price of each level of alarms and metrics: computed from the template, and as the deployment guide says it."""

import re
from decimal import Decimal

import pytest

from emf import metrics_of
from template import ROOT, of_type

COST = (ROOT / "docs/DEPLOY.md").read_text().partition("\n## Cost\n")[2]
# The Regions of the guide's example.
REGIONS = 2


def price(row):
    """Returns a price of the guide's table."""
    [usd] = re.findall(rf"^\| {re.escape(row)} \| ([\d.]+) \|", COST, re.M)
    return Decimal(usd)


METRIC = price("a metric, per month")
ALARM = price("an alarm, per month and metric")
DASHBOARD = price("a dashboard, per month")


def counted(level):
    """Returns what CloudWatch charges for: metrics, metrics per Region, metrics of alarms, dashboards."""
    return (
        sum(not dimensions for _, _, dimensions in level.seen),
        sum(bool(dimensions) for _, _, dimensions in level.seen),
        sum(len(metrics_of(alarm)) for alarm in level.alarms.values()),
        len(of_type("AWS::CloudWatch::Dashboard").keys() & level.stack.resources.keys()),
    )


def usd(metrics, by_region, alarms, dashboards):
    return (metrics + by_region * REGIONS) * METRIC + alarms * ALARM + dashboards * DASHBOARD


def test_the_level_essential_costs_at_most_two_dollars(levels):
    assert usd(*counted(levels["essential"])) <= 2


@pytest.mark.parametrize("level", ["full", "essential"])
def test_the_guide_counts_every_metric_alarm_and_dashboard(level, levels):
    metrics, by_region, alarms, dashboards = counted(levels[level])
    of_regions = f", and {by_region} per Region" if by_region else ""
    [total] = re.findall(rf"^\| metrics of `{level}`: {metrics}{of_regions} \| .*? \| ([\d.]+) \|$", COST, re.M)
    rows = re.findall(rf"^\| alarms of `{level}`: .*? \| (.*?) \| ([\d.]+) \|$", COST, re.M)

    assert Decimal(total) == usd(metrics, by_region, 0, 0)
    assert [Decimal(row) for _, row in rows] == [usd(0, 0, alarms, 0)]
    [sums] = re.findall(rf"`{level}` ([\d.]+) USD", COST)
    assert Decimal(sums) == usd(metrics, by_region, alarms, dashboards)
