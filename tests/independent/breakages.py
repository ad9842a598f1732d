"""Each check, and a breakage that it must find: `check_guards.py` tries them one by one."""

from dataclasses import dataclass

TEMPLATE = "template.yaml"


@dataclass(frozen=True)
class Breakage:
    # What is wrong then.
    says: str
    # The test or command that must fail.
    check: str
    # Where: a resource or another block of the file.
    section: str
    old: str
    new: str
    file: str = TEMPLATE


# Tools, as `make test-template` calls them.
SAM, CHECKOV, CHECKOV_WORKFLOW = "sam", "checkov", "checkov-workflow"

RULE = [
    ("failed calls arrive", "errorCode: [exists: false]", "eventVersion: [exists: true]"),
    ("a call is missing", "TagResource, UntagResource, ", "TagResource, "),
    ("values that change arrive", "RestoreSecret]", "RestoreSecret, PutSecretValue]"),
    ("the function wakes itself", "RestoreSecret]", "RestoreSecret, ReplicateSecretToRegions]"),
    ("calls of other services arrive", "[secretsmanager.amazonaws.com]", "[exists: true]"),
    ("events of the service arrive", "[AWS API Call via CloudTrail]", "[exists: true]"),
    ("events of another source are awaited", "[aws.secretsmanager]", "[aws.secrets]"),
]
MATCHES, DIFFERS, FAILED_CALL, OWN_CALL, OTHERS = (
    f"test_template.py::test_the_rule_{name}"
    for name in (
        "delivers",
        "does_not_deliver",
        "does_not_deliver_a_failed_call",
        "does_not_deliver_the_functions_own_calls",
        "does_not_deliver_what_does_not_come_from_secrets_manager",
    )
)
RULE_CHECKS = [FAILED_CALL, MATCHES, DIFFERS, OWN_CALL, OTHERS, OTHERS, MATCHES]

PERMISSIONS = "check_permissions.py::test_"
CALLS_ALLOWED = f"{PERMISSIONS}each_call_is_allowed_to_a_stack_with_the_settings_of_its_function"
NOTHING_ELSE = f"{PERMISSIONS}the_function_is_allowed_nothing_that_it_was_not_seen_to_need"
SWITCHED_OFF = f"{PERMISSIONS}a_call_that_a_parameter_allows_is_denied_without_it"
SWEEP_ROLES = f"{PERMISSIONS}sweep_and_schedule_are_allowed_what_they_do_and_nothing_else"
ROLES = "test_roles.py::test_"
STACK = "test_stack.py::test_"
TRAIL = "test_trail.py::test_"
PARAMETERS = "test_parameters.py::test_"
WATCHED = "test_observability.py::test_"
RINGING = f"{WATCHED}the_alarms_that_ring_are_those_that_should"
ALARMED = f"{WATCHED}every_alarm_looks_at_a_metric_that_there_is"
SHOWN = f"{WATCHED}every_widget_shows_metrics_that_there_are"
QUERIED = f"{WATCHED}every_query_names_fields_and_outcomes_that_the_log_has"

_ROLE = [
    (
        "it may read values",
        f"{ROLES}the_function_can_never_read_a_value_or_change_a_secret",
        "Action: secretsmanager:DescribeSecret\n",
        "Action: [secretsmanager:DescribeSecret, secretsmanager:GetSecretValue]\n",
    ),
    ("it may not look at secrets", CALLS_ALLOWED, "DescribeSecret\n", "ListSecretVersionIds\n"),
    (
        "it may not look at replicas",
        CALLS_ALLOWED,
        "secretsmanager:*:${AWS::AccountId}",
        "secretsmanager:none:${AWS::AccountId}",
    ),
    ("it may not list", CALLS_ALLOWED, "secretsmanager:ListSecrets\n", "secretsmanager:TagResource\n"),
    (
        "it lists every Region",
        f"{ROLES}the_function_lists_secrets_in_its_own_region_only",
        "aws:RequestedRegion: !Ref AWS::Region",
        "aws:PrincipalAccount: !Ref AWS::AccountId",
    ),
    (
        "it may not remove where it should",
        CALLS_ALLOWED,
        "secretsmanager:RemoveRegionsFromReplication",
        "secretsmanager:StopReplicationToReplica",
    ),
    ("removal is always allowed", SWITCHED_OFF, "- RemovalIsAllowed", "- SweepIsScheduled"),
    ("overwriting is always allowed", SWITCHED_OFF, "- OverwriteIsAllowed", "- SweepIsScheduled"),
    (
        "any Region is allowed beside one that is",
        f"{ROLES}the_function_replicates_to_allowed_regions_only",
        "ForAllValues:StringEquals",
        "ForAnyValue:StringEquals",
    ),
    (
        "a request without Regions is allowed",
        f"{ROLES}the_function_replicates_to_allowed_regions_only",
        'secretsmanager:AddReplicaRegions: "false"',
        'aws:PrincipalTag/any: "true"',
    ),
    (
        "keys are good outside Secrets Manager",
        f"{ROLES}a_key_is_used_only_if_the_stack_names_it_and_only_by_secrets_manager",
        "secretsmanager.*.${AWS::URLSuffix}",
        '"*.${AWS::URLSuffix}"',
    ),
    ("replicas cannot be encrypted", CALLS_ALLOWED, "[kms:GenerateDataKey, kms:Encrypt]", "kms:Encrypt"),
    ("primary secrets cannot be decrypted", CALLS_ALLOWED, "kms:Decrypt", "kms:ReEncryptFrom"),
    (
        "it may do what it never does",
        NOTHING_ELSE,
        "[kms:GenerateDataKey, kms:Encrypt]",
        "[kms:GenerateDataKey, kms:Encrypt, kms:DescribeKey]",
    ),
    (
        "it may do what Lambda never does",
        NOTHING_ELSE,
        "[logs:CreateLogStream, logs:PutLogEvents]",
        "[logs:CreateLogGroup, logs:CreateLogStream, logs:PutLogEvents]",
    ),
    (
        "it may write every log",
        f"{ROLES}the_function_writes_its_own_log_and_no_other",
        "Resource: !GetAtt LogGroup.Arn",
        "Resource: !Sub arn:${AWS::Partition}:logs:*:*:*",
    ),
    (
        "it may replicate secrets of other accounts",
        f"{PERMISSIONS}no_call_is_allowed_in_another_account",
        "Action: secretsmanager:ReplicateSecretToRegions\n                Resource: !Sub arn:"
        "${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}",
        "Action: secretsmanager:ReplicateSecretToRegions\n                Resource: !Sub arn:"
        "${AWS::Partition}:secretsmanager:${AWS::Region}:*",
    ),
    ("it cannot send traces", NOTHING_ELSE, "xray:PutTraceSegments, ", ""),
    (
        "failed events are lost",
        f"{STACK}an_event_that_fails_goes_to_the_failure_queue",
        "Resource: !GetAtt FailedEvents.Arn",
        "Resource: !GetAtt UndeliveredEvents.Arn",
    ),
    (
        "an action is misspelt",
        f"{ROLES}an_independent_linter_finds_no_mistake_in_the_policies",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeys",
    ),
    (
        "it has a policy of AWS again",
        NOTHING_ELSE,
        "      Policies:\n",
        "      ManagedPolicyArns:\n"
        "        - arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole\n"
        "      Policies:\n",
    ),
    (
        "the boundary is forgotten",
        f"{STACK}every_role_has_the_boundary_if_there_is_one",
        "PermissionsBoundary: !If [RolesHaveABoundary, !Ref PermissionsBoundaryArn, !Ref AWS::NoValue]",
        "Path: /",
    ),
]

_TEMPLATE = [
    # The roles of the sweep.
    ("it may not find other sweeps", SWEEP_ROLES, "SweepRole", "states:ListExecutions", "states:X"),
    (
        "it may stop sweeps",
        SWEEP_ROLES,
        "SweepRole",
        "Action: states:ListExecutions",
        "Action: [states:ListExecutions, states:StopExecution]",
    ),
    ("the schedule may do more", SWEEP_ROLES, "SweepStartRole", "sqs:SendMessage", "sqs:*"),
    (
        "the schedule may start what is called alike",
        SWEEP_ROLES,
        "SweepStartRole",
        "Resource: !GetAtt UnstartedSweeps.Arn",
        'Resource: !Sub "${UnstartedSweeps.Arn}*"',
    ),
    (
        "the sweep may invoke functions of other accounts",
        SWEEP_ROLES,
        "SweepRole",
        "Resource: !GetAtt Replicator.Arn",
        "Resource: !Sub arn:${AWS::Partition}:lambda:*:*:function:${Replicator}",
    ),
    (
        "other accounts' services take on the role",
        f"{ROLES}services_of_this_account_only_take_on_the_roles_of_the_sweep",
        "SweepStartRole",
        "aws:SourceAccount: !Ref AWS::AccountId",
        "aws:SourceAccount: '*'",
    ),
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
    # The stack.
    (
        "failed events go nowhere",
        f"{STACK}an_event_that_fails_goes_to_the_failure_queue",
        "ReplicatorEventInvokeConfig",
        "Destination: !GetAtt FailedEvents.Arn",
        "Destination: !GetAtt UndeliveredEvents.Arn",
    ),
    (
        "undelivered events go nowhere",
        f"{STACK}an_event_that_cannot_be_handed_to_the_function_waits_in_a_queue",
        "Replicator",
        "Arn: !GetAtt UndeliveredEvents.Arn",
        "Arn: !GetAtt FailedEvents.Arn",
    ),
    (
        "any rule may send to the queue",
        f"{STACK}only_the_rule_may_send_to_that_queue_and_nobody_to_the_others_without_a_role",
        "UndeliveredEventsPolicy",
        "ArnEquals:\n                aws:SourceArn: !GetAtt ReplicatorSecretChanged.Arn",
        "StringEquals:\n                aws:SourceAccount: !Ref AWS::AccountId",
    ),
    (
        "a queue that is not encrypted",
        f"{STACK}every_queue_is_encrypted_without_a_key_that_would_have_to_admit_who_sends",
        "UnstartedSweeps",
        "SqsManagedSseEnabled: true",
        "SqsManagedSseEnabled: false",
    ),
    (
        "logs that go with the stack",
        f"{STACK}whatever_holds_data_has_an_explicit_fate",
        "LogGroup",
        "DeletionPolicy: RetainExceptOnCreate",
        "DeletionPolicy: Delete",
    ),
    (
        "logs of one name",
        f"{STACK}a_deleted_stack_leaves_its_logs_and_the_next_one_can_have_its_name",
        "LogGroup",
        "/aws/lambda/${AWS::StackName}-${Suffix}",
        "/aws/lambda/${AWS::StackName}",
    ),
    (
        "logs without their key",
        f"{STACK}the_logs_have_a_key_if_there_is_one",
        "SweepLogGroup",
        "KmsKeyId: !If [LogsHaveAKey, !Ref LogKmsKeyArn, !Ref AWS::NoValue]",
        "LogGroupClass: STANDARD",
    ),
    ("no traces", f"{STACK}the_function_is_traced", "Replicator", "Tracing: Active", "Tracing: PassThrough"),
    (
        "concurrency that is always reserved",
        f"{STACK}concurrency_is_reserved_only_if_a_number_says_so",
        "Replicator",
        "!If [ConcurrencyIsReserved, !Ref ReservedConcurrency, !Ref AWS::NoValue]",
        "7",
    ),
    (
        "records of success go nowhere",
        f"{STACK}a_topic_gets_the_records_of_success_if_there_is_one",
        "ReplicatorEventInvokeConfig",
        "- Destination: !Ref OnSuccessTopicArn",
        "- !Ref AWS::NoValue",
    ),
    (
        "settling longer than the function may run",
        "test_template.py::test_following_a_replica_leaves_time_to_report_it",
        "Replicator",
        "Timeout: 90",
        "Timeout: 60",
    ),
    (
        "a parameter that reaches nobody",
        "test_template.py::test_the_parameters_reach_the_function",
        "Replicator",
        "DRY_RUN: !Ref DryRun",
        'DRY_RUN: "false"',
    ),
    (
        "a schedule that cannot be turned off",
        f"{STACK}the_schedule_can_be_another_one_or_none",
        "Sweep",
        "State: !If [SweepIsScheduled, ENABLED, DISABLED]",
        "State: ENABLED",
    ),
    (
        "a sweep that ends after five minutes",
        f"{STACK}the_sweep_is_a_standard_workflow",
        "Sweep",
        "Type: STANDARD",
        "Type: EXPRESS",
    ),
    (
        "two sweeps at once",
        "test_sweep.py::test_no_slice_begins_without_a_look_at_other_sweeps",
        "Sweep",
        "Default: Find other sweeps",
        "Default: Sweep a slice",
    ),
    (
        "a state of no type",
        f"{STACK}the_definition_is_amazon_states_language",
        "Sweep",
        "Type: Choice",
        "Type: Choose",
    ),
    (
        "a transition to no state",
        f"{STACK}every_transition_of_the_sweep_leads_to_a_state_and_every_state_is_reached",
        "Sweep",
        "Default: Sweep a slice",
        "Default: Sweep another slice",
    ),
    (
        "a state that nothing leads to",
        f"{STACK}every_transition_of_the_sweep_leads_to_a_state_and_every_state_is_reached",
        "Sweep",
        "Next: Is the sweep complete?",
        "Next: The sweep is complete",
    ),
    # The trail.
    (
        "a bucket that may be public",
        f"{TRAIL}the_bucket_of_the_trail_is_closed_and_encrypted",
        "TrailBucket",
        "BlockPublicAcls: true",
        "BlockPublicAcls: false",
    ),
    (
        "a bucket without TLS",
        f"{TRAIL}nobody_reaches_the_bucket_without_tls",
        "TrailBucketPolicy",
        'aws:SecureTransport: "false"',
        'aws:SecureTransport: "true"',
    ),
    (
        "a trail that records nothing",
        f"{TRAIL}the_trail_is_optional_and_records_what_the_rule_needs",
        "Trail",
        "IsLogging: true",
        "IsLogging: false",
    ),
    (
        "a trail that may not write",
        f"{TRAIL}the_policy_of_the_trails_bucket_names_the_trail",
        "Trail",
        "TrailName: !Sub ${AWS::StackName}-trail",
        "TrailName: !Sub ${AWS::StackName}-other",
    ),
    (
        "a trail before its bucket's policy",
        f"{TRAIL}the_trail_starts_after_the_policy_of_its_bucket_and_its_files_can_be_verified",
        "Trail",
        "DependsOn: TrailBucketPolicy",
        "DependsOn: TrailBucket",
    ),
    # Parameters and description.
    (
        "a default for where secrets may go",
        f"{PARAMETERS}every_parameter_has_its_group_label_and_description",
        "AllowedReplicaRegions",
        "Type: CommaDelimitedList",
        "Type: CommaDelimitedList\n    Default: us-west-2",
    ),
    (
        "a parameter without bounds",
        f"{PARAMETERS}every_parameter_is_bounded",
        "SweepMaxChanges",
        "    MinValue: 1\n",
        "",
    ),
    (
        "a parameter that takes anything",
        f"{PARAMETERS}a_parameter_takes_what_makes_sense",
        "KmsKeyArns",
        ":key/[A-Za-z0-9-]+)?$",
        ":.*)?$",
    ),
    (
        "a version that is not the package's",
        f"{PARAMETERS}the_application_is_described_for_the_serverless_application_repository",
        "",
        "SemanticVersion: 0.1.0",
        "SemanticVersion: 0.0.9",
    ),
    # Other people's tools.
    ("a property that is none", SAM, "Trail", "IsLogging", "IsLoging"),
    ("a resource that is not there", SAM, "SweepSilent", "[!Ref AlarmTopic]", "[!Ref Topic]"),
    ("a circle of resources", SAM, "FailedEvents", "    Properties:\n", "    DependsOn: Replicator\n    Properties:\n"),
    ("a suppression that is gone", CHECKOV, "FailedEvents", "CKV_AWS_27\n", "CKV_AWS_28\n"),
    ("a role with every action", CHECKOV, "SweepRole", "Action: lambda:InvokeFunction", 'Action: "*"'),
]

_OTHERS = [
    ("a workflow that may write", CHECKOV_WORKFLOW, ".github/workflows/test.yaml", "contents: read", "write-all"),
    (
        "an action that moves",
        "test_workflow.py::test_actions_are_pinned_by_commit_and_machines_and_toolchain_by_version",
        ".github/workflows/test.yaml",
        "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065",
        "actions/setup-python@v5",
    ),
    (
        "a processor that is not built for",
        "test_workflow.py::test_it_builds_and_keeps_the_package_of_every_architecture_of_the_template",
        ".github/workflows/test.yaml",
        "[arm64, x86_64]",
        "[arm64]",
    ),
    (
        "a sum that is wrong",
        "test_deploy.py::test_the_sums_of_the_cost_table_are_right_and_of_the_prices_above",
        "docs/DEPLOY.md",
        "| 800.00 |",
        "| 80.00 |",
    ),
    (
        "alarms that are not counted",
        "test_deploy.py::test_the_cost_table_counts_what_the_template_makes",
        "docs/DEPLOY.md",
        "12 * 0.10",
        "11 * 0.10",
    ),
    (
        "an option that there is not",
        "test_deploy.py::test_the_tools_take_the_commands",
        "docs/DEPLOY.md",
        "--resolve-s3",
        "--resolve-bucket",
    ),
    (
        "a parameter that there is not",
        "test_deploy.py::test_the_parameters_are_the_templates",
        "docs/DEPLOY.md",
        "DryRun=false",
        "DryRuns=false",
    ),
    (
        "a link to nowhere",
        "test_deploy.py::test_every_link_leads_somewhere",
        "docs/SECURITY.md",
        "(OPERATIONS.md#alarms)",
        "(OPERATIONS.md#bells)",
    ),
    (
        "a metric that is not written",
        "test_observability.py::test_the_reference_lists_the_metrics_that_the_binary_writes",
        "docs/REFERENCE.md",
        "`SweepDrift`",
        "`SweepDrifts`",
    ),
    (
        "a mistake in the policy of the guide",
        "test_deploy.py::test_the_policy_about_the_tag_has_no_mistake",
        "docs/SECURITY.md",
        "secretsmanager:UntagResource",
        "secretsmanager:UntagSecret",
    ),
    (
        "a parameter or output that a guide made up",
        "test_deploy.py::test_the_parameters_and_outputs_that_a_page_names_are_there",
        "docs/OPERATIONS.md",
        "`SweepMaxChanges`",
        "`SweepChanges`",
    ),
    (
        "metrics that are not counted",
        "test_observability.py::test_the_cost_table_counts_the_metrics_that_the_binary_writes",
        "docs/DEPLOY.md",
        "(14 + 6 * 2)",
        "(13 + 6 * 2)",
    ),
    (
        "state transitions that are not counted",
        "test_sweep.py::test_a_sweep_of_one_slice_makes_the_state_transitions_of_the_cost_table",
        "docs/DEPLOY.md",
        "730 * 7",
        "730 * 6",
    ),
    (
        "a package that make does not install in the workflow",
        "test_workflow.py::test_it_installs_what_make_installs_for_root",
        ".github/workflows/test.yaml",
        "valgrind ",
        "",
    ),
    (
        "a table that is not what the demo prints",
        "test_readme.py::test_the_demo_ends_with_the_table_of_the_readme",
        "README.md",
        "managed-by-service                 ┆",
        "managed-by-somebody                ┆",
    ),
    (
        "a sample that nobody tries",
        "test_template.py::test_every_sample_event_is_tried_on_the_rule",
        "tests/independent/test_template.py",
        '    "untag-resource.json",\n',
        "",
    ),
]

BREAKAGES = (
    [
        Breakage(says, check, "Replicator", old, new)
        for (says, old, new), check in zip(RULE, RULE_CHECKS, strict=True)
    ]
    + [Breakage(says, check, "ReplicatorRole", old, new) for says, check, old, new in _ROLE]
    + [Breakage(*row) for row in _TEMPLATE]
    + [Breakage(says, check, "", old, new, file) for says, check, file, old, new in _OTHERS]
)
