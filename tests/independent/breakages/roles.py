"""Roles that allow too little or too much."""

from breakages.breakage import Breakage

PERMISSIONS = "check_permissions.py::test_"
CALLS_ALLOWED = f"{PERMISSIONS}each_call_is_allowed_to_a_stack_with_the_settings_of_its_function"
NOTHING_ELSE = f"{PERMISSIONS}the_function_is_allowed_nothing_that_it_was_not_seen_to_need"
SWITCHED_OFF = f"{PERMISSIONS}a_call_that_a_parameter_allows_is_denied_without_it"
SWEEP_ROLES = f"{PERMISSIONS}sweep_and_schedule_are_allowed_what_they_do_and_nothing_else"
ROLES = "test_roles.py::test_"
STACK = "test_stack.py::test_"

FUNCTION = [
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
    (
        "it may look at secrets of every Region",
        f"{ROLES}the_function_reads_secrets_in_its_own_region_and_in_allowed_ones",
        "                Condition:\n                  StringEquals:\n"
        "                    aws:RequestedRegion: !Ref AllowedReplicaRegions\n",
        "",
    ),
    (
        "it may replicate secrets of every Region",
        f"{ROLES}the_function_replicates_no_secret_of_another_region",
        "Action: secretsmanager:ReplicateSecretToRegions\n                Resource: !Sub arn:"
        "${AWS::Partition}:secretsmanager:${AWS::Region}:",
        "Action: secretsmanager:ReplicateSecretToRegions\n                Resource: !Sub arn:"
        "${AWS::Partition}:secretsmanager:*:",
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
    ("removal is always allowed", SWITCHED_OFF, "- AllowsRemoval", "- SchedulesSweep"),
    (
        "it may always remove replicas",
        f"{ROLES}the_function_removes_replicas_only_if_the_stack_allows_it",
        "- AllowsRemoval",
        "- SchedulesSweep",
    ),
    (
        "it may always overwrite",
        f"{ROLES}the_function_overwrites_only_if_the_stack_allows_it",
        "- AllowsOverwrite",
        "- SchedulesSweep",
    ),
    ("overwriting is always allowed", SWITCHED_OFF, "- AllowsOverwrite", "- SchedulesSweep"),
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
        "- secretsmanager.${AWS::Region}.*,secretsmanager.${Regions}.*",
        '- "*.${AWS::Region}.*,*.${Regions}.*"',
    ),
    (
        "keys are good in Regions that are not allowed",
        f"{ROLES}a_key_is_used_only_if_the_stack_names_it_and_only_by_secrets_manager",
        "secretsmanager.${Regions}.*",
        "secretsmanager.${Regions}.*,secretsmanager.*",
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
        "PermissionsBoundary: !If [HasPermissionsBoundary, !Ref PermissionsBoundaryArn, !Ref AWS::NoValue]",
        "Path: /",
    ),
]

SWEEP = [
    ("it may not find other sweeps", SWEEP_ROLES, "SweepRole", "states:ListExecutions", "states:X"),
    (
        "it may stop sweeps",
        SWEEP_ROLES,
        "SweepRole",
        "Action: states:ListExecutions",
        "Action: [states:ListExecutions, states:StopExecution]",
    ),
    (
        "the sweep may invoke what is called alike",
        f"{ROLES}the_sweep_invokes_the_function_and_looks_for_other_sweeps_and_no_more",
        "SweepRole",
        "Resource: !GetAtt Replicator.Arn",
        'Resource: !Sub "${Replicator.Arn}*"',
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
]

BREAKAGES = [
    Breakage(says, check, "ReplicatorRole", old, new) for says, check, old, new in FUNCTION
] + [Breakage(*row) for row in SWEEP]
