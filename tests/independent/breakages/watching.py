"""Alarms that do not ring, and what shows nothing."""

from breakages.breakage import Breakage

WATCHED = "test_observability.py::test_"
NAMESPACE = f"{WATCHED}a_namespace_in_the_parameters_reaches_function_alarms_and_dashboard"
RINGING = f"{WATCHED}the_alarms_that_ring_are_those_that_should"
ALARMED = f"{WATCHED}every_alarm_looks_at_a_metric_that_there_is"
SHOWN = f"{WATCHED}every_widget_shows_metrics_that_there_are"
QUERIED = f"{WATCHED}every_query_names_fields_and_outcomes_that_the_log_has"

ROWS = [
    # Alarms.
    ("an alarm on no metric", ALARMED, "ReplicasFailing", "ReplicasFailed", "ReplicaFailures"),
    ("an alarm on another namespace", ALARMED, "BadEventsArriving", "!Ref MetricsNamespace", "Other"),
    (
        "an alarm with a dimension",
        ALARMED,
        "SweepLimitReached",
        "      MetricName: SweepLimited\n",
        "      MetricName: SweepLimited\n"
        "      Dimensions: [{Name: FunctionName, Value: !Ref Replicator}]\n",
    ),
    ("an alarm of AWS on no metric", ALARMED, "SweepFailed", "ExecutionsFailed", "ExecutionFailures"),
    ("an alarm on the wrong queue", f"{WATCHED}every_queue_has_an_alarm_of_its_own",
     "UndeliveredEventsWaiting", "!GetAtt UndeliveredEvents.QueueName", "!GetAtt FailedEvents.QueueName"),
    ("an alarm that never rings", RINGING, "ReplicasFailing", "Threshold: 1", "Threshold: 1000"),
    ("a sweep that fails in part rings no alarm", RINGING, "SweepFailures", "Threshold: 1", "Threshold: 2"),
    (
        "an alarm over a service that never rings",
        f"{WATCHED}an_alarm_over_a_service_rings_if_every_period_has_one_and_not_if_none_has",
        "SweepTimedOut",
        "Threshold: 1",
        "Threshold: 2",
    ),
    ("an alarm that always rings", RINGING, "BadEventsArriving", "notBreaching", "breaching"),
    ("errors that ring no alarm", RINGING, "FunctionErrors", "Threshold: 3", "Threshold: 4"),
    (
        "a sweep that stops is not noticed",
        f"{WATCHED}a_sweep_that_stops_writing_metrics_is_noticed",
        "SweepSilent",
        "TreatMissingData: breaching",
        "TreatMissingData: notBreaching",
    ),
    (
        "silence rings before a nightly sweep",
        f"{WATCHED}silence_is_awaited_as_long_as_the_schedule_needs",
        "SweepSilent",
        "EvaluationPeriods: !Ref SilenceAlarmHours",
        "EvaluationPeriods: 2",
    ),
    (
        "silence rings though no sweep is scheduled",
        f"{WATCHED}without_the_sweep_its_silence_is_no_alarm",
        "SweepSilent",
        "    Condition: SchedulesSweep\n",
        "",
    ),
    (
        "an address that is told nothing",
        f"{WATCHED}an_address_in_the_parameters_is_told",
        "",
        'HasAlarmEmail: !Not [!Equals [!Ref AlarmEmail, ""]]',
        'HasAlarmEmail: !Equals [!Ref AlarmEmail, ""]',
    ),
    (
        "the function counts in one namespace only",
        NAMESPACE,
        "Replicator",
        "METRICS_NAMESPACE: !Ref MetricsNamespace",
        "METRICS_NAMESPACE: SecretReplicator",
    ),
    (
        "an alarm looks into one namespace only",
        NAMESPACE,
        "SweepLimitReached",
        "Namespace: !Ref MetricsNamespace",
        "Namespace: SecretReplicator",
    ),
    (
        "the dashboard shows one namespace only",
        NAMESPACE,
        "Dashboard",
        '["${MetricsNamespace}", "SweepDuration"]',
        '["SecretReplicator", "SweepDuration"]',
    ),
    (
        "an alarm tells nobody",
        f"{WATCHED}every_alarm_tells_the_topic_when_it_rings_and_when_it_ends",
        "FunctionThrottles",
        "AlarmActions: [!Ref AlarmTopic]",
        "AlarmActions: []",
    ),
    (
        "anybody's alarms are told",
        f"{WATCHED}the_topic_takes_messages_of_this_accounts_alarms_only",
        "AlarmTopicPolicy",
        "aws:SourceAccount: !Ref AWS::AccountId",
        "aws:SourceAccount: '*'",
    ),
    (
        "an alarm without its section",
        f"{WATCHED}every_alarm_has_its_section_in_operations",
        "SweepAborted",
        "See SweepAborted",
        "See SweepStopped",
    ),
    # Dashboard and queries.
    ("a widget of no metric", SHOWN, "Dashboard", '"EventAge", { "stat": "p50"', '"EventsAge", { "stat": "p50"'),
    ("a search of no metric", SHOWN, "Dashboard", 'MetricName=\\"ReplicasRefused', 'MetricName=\\"Refused'),
    (
        "an alarm that is not shown",
        f"{WATCHED}the_dashboard_shows_every_alarm",
        "Dashboard",
        '                "${SweepFailed.Arn}",\n',
        "",
    ),
    ("a widget over another", f"{WATCHED}no_widget_covers_another", "Dashboard", '"x": 8, "y": 3', '"x": 7, "y": 3'),
    ("a query of no field", QUERIED, "WhatFailedAndWhy", "error_type, detail", "error_kind, detail"),
    ("a query of no outcome", QUERIED, "WhatFailedAndWhy", '"failed", "pending"', '"failing", "pending"'),
    (
        "a query of another log",
        f"{WATCHED}the_queries_read_the_functions_log",
        "EverythingAboutOneSecret",
        "!Ref LogGroup",
        "!Ref SweepLogGroup",
    ),
]

BREAKAGES = [Breakage(*row) for row in ROWS]
