"""A rule that listens to something else, and resources that are not as they should be."""

from breakages.breakage import CHECKOV, SAM, STATE_MACHINE, STATELINT, Breakage

STACK = "test_stack.py::test_"
TRAIL = "test_trail.py::test_"
PARAMETERS = "test_parameters.py::test_"
DEFINITION = "test_definition.py::test_"

RULE = [
    ("failed calls arrive", "errorCode: [exists: false]", "eventVersion: [exists: true]"),
    ("a call is missing", "TagResource, UntagResource, ", "TagResource, "),
    ("values that change arrive", "RestoreSecret]", "RestoreSecret, PutSecretValue]"),
    ("the function wakes itself", "RestoreSecret]", "RestoreSecret, ReplicateSecretToRegions]"),
    ("calls of other services arrive", "[secretsmanager.amazonaws.com]", "[exists: true]"),
    ("events of the service arrive", "[AWS API Call via CloudTrail]", "[exists: true]"),
    ("events of another source are awaited", "[aws.secretsmanager]", "[aws.secrets]"),
]
MATCHES, DIFFERS, FAILED_CALL, OWN_CALL, ELSEWHERE = (
    f"test_template.py::test_the_rule_{name}"
    for name in (
        "delivers",
        "does_not_deliver",
        "does_not_deliver_a_failed_call",
        "does_not_deliver_the_functions_own_calls",
        "does_not_deliver_what_does_not_come_from_secrets_manager",
    )
)
CHECKS = [FAILED_CALL, MATCHES, DIFFERS, OWN_CALL, ELSEWHERE, ELSEWHERE, MATCHES]

ROWS = [
    (
        "failed events go nowhere",
        f"{STACK}an_event_that_fails_goes_to_the_failure_queue",
        "ReplicatorEventInvokeConfig",
        "Destination: !GetAtt FailedEvents.Arn",
        "Destination: !GetAtt UndeliveredEvents.Arn",
    ),
    (
        "failed events are dropped",
        "test_rule.py::test_an_event_that_fails_three_times_waits_in_the_failure_queue",
        "ReplicatorEventInvokeConfig",
        "        OnFailure:\n          Destination: !GetAtt FailedEvents.Arn\n",
        "",
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
        "KmsKeyId: !If [HasLogKmsKey, !Ref LogKmsKeyArn, !Ref AWS::NoValue]",
        "LogGroupClass: STANDARD",
    ),
    ("no traces", f"{STACK}the_function_is_traced", "Replicator", "Tracing: Active", "Tracing: PassThrough"),
    (
        "concurrency that is always reserved",
        f"{STACK}concurrency_is_reserved_only_if_a_number_says_so",
        "Replicator",
        "!If [HasReservedConcurrency, !Ref ReservedConcurrency, !Ref AWS::NoValue]",
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
        "the function may not tell the bus of success",
        f"{STACK}an_event_bus_gets_the_records_of_success_if_there_is_one",
        "ReplicatorRole",
        "Action: events:PutEvents",
        "Action: events:PutPartnerEvents",
    ),
    (
        "the function may tell the bus beside the topic",
        f"{STACK}of_topic_and_event_bus_the_topic_is_used_and_the_bus_may_not_be",
        "",
        'HasOnSuccessBusOnly: !And\n    - !Not [!Equals [!Ref OnSuccessEventBusArn, ""]]\n'
        "    - !Not [!Condition HasOnSuccessTopic]\n",
        'HasOnSuccessBusOnly: !Not [!Equals [!Ref OnSuccessEventBusArn, ""]]\n',
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
        "a policy that reaches nobody",
        "test_template.py::test_a_policy_in_the_parameters_replaces_the_built_in_one",
        "Replicator",
        "REPLICATION_POLICY: !Ref ReplicationPolicy",
        'REPLICATION_POLICY: ""',
    ),
    (
        "secrets that are created wake nobody",
        "test_rule.py::test_an_event_becomes_a_replica",
        "Replicator",
        "eventName: [CreateSecret, ",
        "eventName: [",
    ),
    (
        "a schedule that cannot be turned off",
        f"{STACK}the_schedule_can_be_another_one_or_none",
        "Sweep",
        "State: !If [SchedulesSweep, ENABLED, DISABLED]",
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
        "",
        "Default: List running sweeps",
        "Default: Sweep a slice",
        STATE_MACHINE,
    ),
    (
        "a slice that is throttled is not tried again",
        "test_sweep.py::test_a_slice_that_may_go_well_next_time_is_tried_again",
        "",
        "          - Throttled\n",
        "",
        STATE_MACHINE,
    ),
    (
        "a dry run that is refused",
        "test_sweep.py::test_dry_run_and_the_limit_reach_every_slice",
        "",
        '$known := ["dryRun", ',
        "$known := [",
        STATE_MACHINE,
    ),
    (
        "a state of no type",
        f"{STACK}the_definition_is_amazon_states_language",
        "",
        "Type: Choice",
        "Type: Choose",
        STATE_MACHINE,
    ),
    (
        "a transition to no state",
        f"{STACK}every_transition_of_the_sweep_leads_to_a_state_and_every_state_is_reached",
        "",
        "Default: Sweep a slice",
        "Default: Sweep another slice",
        STATE_MACHINE,
    ),
    (
        "a state that nothing leads to",
        f"{STACK}every_transition_of_the_sweep_leads_to_a_state_and_every_state_is_reached",
        "",
        "Next: Is the sweep complete?",
        "Next: Sweep complete",
        STATE_MACHINE,
    ),
    # The file of the state machine.
    (
        "a placeholder without a value",
        f"{DEFINITION}the_template_gives_each_placeholder_a_value_and_no_other",
        "Sweep",
        "Partition: !Ref AWS::Partition",
        "AwsPartition: !Ref AWS::Partition",
    ),
    (
        "a package without the value of a placeholder",
        f"{DEFINITION}sam_uploads_the_file_as_it_is_and_names_the_object_instead",
        "Sweep",
        "        FunctionArn: !GetAtt Replicator.Arn\n",
        "",
    ),
    (
        "the value of another placeholder",
        f"{DEFINITION}the_deployed_definition_is_that_of_the_file",
        "Sweep",
        "SweepMaxChanges: !Ref SweepMaxChanges",
        "SweepMaxChanges: !Ref SweepWritesPerSecond",
    ),
    (
        "a key that is there twice",
        f"{DEFINITION}no_key_of_the_definition_is_there_twice",
        "",
        "QueryLanguage: JSONata\n",
        "QueryLanguage: JSONPath\nQueryLanguage: JSONata\n",
        STATE_MACHINE,
    ),
    (
        "a character that is not ASCII",
        f"{DEFINITION}the_definition_does_not_depend_on_an_encoding",
        "",
        "slice by slice.",
        "slice by slice\N{HORIZONTAL ELLIPSIS}",
        STATE_MACHINE,
    ),
    (
        "an expression that is not JSONata",
        f"{DEFINITION}every_expression_is_jsonata",
        "",
        "{% $slices + 1 %}",
        "{% $slices + %}",
        STATE_MACHINE,
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
    ("a field of a state that is none", STATELINT, "", "JitterStrategy", "Jitter", STATE_MACHINE),
    ("a suppression that is gone", CHECKOV, "FailedEvents", "CKV_AWS_27\n", "CKV_AWS_28\n"),
    ("a role with every action", CHECKOV, "SweepRole", "Action: lambda:InvokeFunction", 'Action: "*"'),
]

BREAKAGES = [
    Breakage(says, check, "Replicator", old, new)
    for (says, old, new), check in zip(RULE, CHECKS, strict=True)
] + [Breakage(*row) for row in ROWS]
