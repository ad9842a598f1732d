"""Evaluates the alarms on sweeps over series of sweeps, hourly and at other times."""

from collections import defaultdict
from dataclasses import dataclass

import pytest

from emf import NAMESPACE, datapoints, fires
from template import TEMPLATE


def test_replicas_that_events_find_in_progress_fire_no_alarm(alarms):
    events = {(NAMESPACE, "ReplicasPending", frozenset()): [1, 1, 1]}

    assert not fires(alarms["ReplicasStayPending"], events, events, events)


@pytest.mark.parametrize("level", ["full", "essential"])
def test_a_sweep_that_stops_writing_metrics_is_noticed(level, levels):
    alarm = levels[level].alarms["SweepSilent"]

    assert fires(alarm, {})
    assert not fires(alarm, datapoints(levels[level].runs["sweep of an empty Region"].lines))
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, 2)


@pytest.fixture(scope="module")
def nightly(deploy):
    stacks = [
        deploy(SweepSchedule="cron(0 3 * * ? *)", SilenceAlarmHours="48", Observability=level)
        for level in ("full", "essential")
    ]
    return stacks[1].alarms() | stacks[0].alarms()


def test_the_period_of_the_silence_alarm_fits_the_schedule(nightly):
    assert nightly["SweepSilent"]["EvaluationPeriods"] == 48
    assert nightly["SweepSilent"]["DatapointsToAlarm"] == 48


@pytest.mark.parametrize(
    "name",
    [
        *("ReplicasFailing", "SecretsNeedAttention", "SweepFailures", "SweepLimitReached"),
        "SecretsUnresolved",
    ],
)
def test_what_each_sweep_reports_again_fires_one_alarm_that_ends_with_the_fix(name, levels, nightly):
    alarms = levels["essential"].alarms | levels["full"].alarms
    for alarm, every in [(alarms[name], 1), (nightly[name], 24)]:
        late = [0.2, 0.05, 0, 0.25, 0.1]
        metric = alarm["MetricName"]
        sweeps = [(number * every + late[number % 5], metric, 1) for number in range(10)]

        hours = alarmed(alarm, sweeps)

        # It fires with the first report, without a gap between the sweeps, and ends after two intervals.
        first, last = sweeps[0][0], sweeps[-1][0]
        assert first <= min(hours) <= first + 0.1
        assert last + 2 * every - 0.1 <= max(hours) <= last + 2 * every
        assert len(hours) == round((max(hours) - min(hours)) * 12) + 1
        assert not alarmed(alarm, [(hour, metric, 0) for hour, metric, _ in sweeps])


@dataclass(frozen=True)
class SweepMetrics:
    """The metrics of a sweep: one value of SweepLimited per slice, and one of SweepRepaired at its end."""

    ends: float  # In hours.
    repaired: int = 0
    limited: tuple = (0,)
    is_complete: bool = True

    def __iter__(self):
        yield from ((self.ends, "SweepLimited", value) for value in self.limited)
        if self.is_complete:
            yield self.ends, "SweepRepaired", self.repaired


def period_of(alarm):
    """Returns the period of an alarm in hours."""
    parts = [row["MetricStat"] for row in alarm.get("Metrics", []) if "MetricStat" in row]
    [seconds] = {part["Period"] for part in parts or [alarm]}
    return seconds / 3600


def alarmed(alarm, *series):
    """Returns the hours at which the alarm is in ALARM, if CloudWatch evaluates it every five minutes.

    The windows of its periods slide: user guide, "Alarm evaluation window".
    """
    values = [value for part in series for value in part]
    period, periods = period_of(alarm), alarm["EvaluationPeriods"]
    end = max(time for time, _, _ in values) + (periods + 1) * period
    hours = [minutes / 60 for minutes in range(0, int(end * 60), 5)]

    def window(end):
        found = defaultdict(list)
        for time, metric, value in values:
            if end - period < time <= end:
                found[NAMESPACE, metric, frozenset()].append(value)
        return found

    def windows(hour):
        return [window(hour - number * period) for number in range(periods)]

    return [hour for hour in hours if fires(alarm, *windows(hour))]


def hourly(*repaired, every=1, **rest):
    """Returns the sweeps of a schedule. Each starts up to 15 minutes late, as the schedule allows."""
    late = [0.2, 0.05, 0, 0.25, 0.1]
    return [
        SweepMetrics(number * every + late[number % 5], count, **rest)
        for number, count in enumerate(repaired)
    ]


def pending(*counts, every=1):
    """Returns what the sweeps of a schedule find in progress."""
    return [(sweep.ends, "SweepPending", count) for sweep, count in zip(hourly(*counts, every=every), counts)]


@pytest.mark.parametrize("level", ["full", "essential"])
def test_replicas_that_three_successive_sweeps_find_in_progress_fire_an_alarm(level, levels):
    alarm = levels[level].alarms["ReplicasStayPending"]

    assert alarmed(alarm, pending(0, 1, 2, 1))
    assert not alarmed(alarm, pending(1, 0, 1, 1, 0, 1, 1, 0))


@pytest.mark.parametrize("hours", TEMPLATE["Parameters"]["DriftAlarmHours"]["AllowedValues"])
def test_the_alarm_on_pending_replicas_fits_the_schedule(hours, deploy):
    alarm, every = deploy(DriftAlarmHours=hours).alarms()["ReplicasStayPending"], int(hours) / 6

    assert alarmed(alarm, pending(0, 1, 1, 1, 0, every=every))
    assert not alarmed(alarm, pending(1, 0, 1, 1, 0, 1, 1, 0, every=every))


@pytest.fixture(scope="module")
def drift(alarms):
    return lambda *sweeps: alarmed(alarms["DriftReturns"], *sweeps)


@pytest.fixture(scope="module")
def essential_drift(levels):
    return lambda *sweeps: alarmed(levels["essential"].alarms["DriftReturns"], *sweeps)


def test_at_the_level_essential_drift_fires_as_well_and_so_do_six_limited_sweeps(essential_drift):
    assert essential_drift(*hourly(*[1] * 6))
    assert not essential_drift(*hourly(1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0))
    # SecretsUnresolved fires over the first of these.
    assert essential_drift(*hourly(*[100] * 6, limited=(0, 400)))


def test_drift_that_six_successive_sweeps_repair_fires_an_alarm(drift):
    assert drift(*hourly(0, 0, 1, 3, 1, 1, 2, 1, 0))
    assert drift(*hourly(*[1] * 24))
    # Sweeps of several slices: each has the value of the whole sweep once.
    assert drift(*hourly(*[1] * 6, limited=(0, 0, 0)))


def test_the_alarm_stays_while_drift_returns_and_ends_with_a_sweep_that_finds_none(drift):
    hours = drift(*hourly(*[1] * 24, 0, 1, 1, 1, 1, 1))

    assert max(hours) - min(hours) > 17
    # It does not end between two sweeps, although the schedule starts them up to 15 minutes late.
    assert len(hours) == round((max(hours) - min(hours)) * 12) + 1
    assert 5 <= min(hours) <= 6.25 and max(hours) <= 24.25


@pytest.mark.parametrize(
    "sweeps",
    [
        hourly(*[0] * 24),
        hourly(1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0),
        hourly(*[1, 0] * 12),
        # A backfill: limited sweeps, the one that completes it, and then nothing to repair.
        [*hourly(*[100] * 10, limited=(0, 400)), SweepMetrics(10, 40), SweepMetrics(11), SweepMetrics(12)],
        # One sweep that repairs a lot, in many slices.
        [SweepMetrics(1, 5000, limited=(0,) * 40), *(SweepMetrics(hour) for hour in range(2, 9))],
        # One limited sweep among the six.
        [*hourly(1, 1, 1), SweepMetrics(3, 100, limited=(0, 7)), *hourly(0, 0, 0, 0, 1, 1)[4:]],
        # Each sweep ends early, for instance because a person stops it.
        hourly(*[1] * 24, is_complete=False),
        # Sweeps without drift hours later.
        [*hourly(*[1] * 5), SweepMetrics(30, 1), SweepMetrics(60, 1)],
    ],
    ids=[
        *("no drift", "five sweeps", "every second sweep", "backfill", "one large sweep"),
        *("one limited sweep", "incomplete sweeps", "sweeps far apart"),
    ],
)
def test_no_other_series_of_sweeps_fires_the_alarm_on_drift(sweeps, drift):
    assert drift(*sweeps) == []


@pytest.mark.parametrize("hours", TEMPLATE["Parameters"]["DriftAlarmHours"]["AllowedValues"])
def test_the_alarm_on_drift_fits_the_schedule(hours, deploy):
    alarm, every = deploy(DriftAlarmHours=hours).alarms()["DriftReturns"], int(hours) / 6

    assert alarmed(alarm, *hourly(*[1] * 12, every=every))
    assert not alarmed(alarm, *hourly(*[1] * 5, 0, *[1] * 5, every=every))
    # CloudWatch evaluates seven days at most.
    assert period_of(alarm) == int(hours) + every / 2
    assert alarm["EvaluationPeriods"] * period_of(alarm) <= 7 * 24
