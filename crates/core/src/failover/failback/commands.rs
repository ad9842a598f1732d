use std::collections::BTreeMap;

use super::step::Step;
use crate::secret::{Region, Replica, SecretArn};

/// Returns the step with which the owner deletes the promoted secret.
pub(super) fn delete(arn: &SecretArn, from: &Region) -> Step {
    let there = arn.in_region(from);
    Step::Person {
        text: format!(
            "The owner deletes the promoted secret in {from}. A recovery window keeps the name taken, and a \
             replication fails until it ends."
        ),
        command: Some(format!(
            "aws secretsmanager delete-secret --region {from} --secret-id '{there}' --recovery-window-in-days 7"
        )),
        destroys: true,
    }
}

/// Returns the steps before the deletion of a promoted secret that lists other Regions. AWS does not delete a secret
/// that has replicas. The old primary Region can be listed after a request that failed because of the name; what a removal
/// does to the old primary secret is not documented, so it has no command.
pub(super) fn remove_replicas(
    arn: &SecretArn,
    from: &Region,
    listed: &BTreeMap<Region, Replica>,
) -> Vec<Step> {
    let to = arn.region();
    let there = arn.in_region(from);
    let others = listed.keys().filter(|region| *region != to);
    let others: Vec<&str> = others.map(Region::as_str).collect();
    let replicas = (!others.is_empty()).then(|| Step::Person {
        text: format!(
            "AWS does not delete the promoted secret while it lists {}. If a stack in {from} covers it, first exclude \
             it from the policy there, so that no sweep requests the replicas again. When no reader needs them, the \
             owner removes them.",
            others.join(" and ")
        ),
        command: Some(format!(
            "aws secretsmanager remove-regions-from-replication --region {from} --secret-id '{there}' \
             --remove-replica-regions {}",
            others.join(" ")
        )),
        destroys: true,
    });
    let of_old_primary = listed.contains_key(to).then(|| {
        note(format!(
            "The promoted secret lists {to}, which has the old primary secret and no replica. AWS may not delete it \
             because of this entry, and does not document what a removal of the entry does there: ask AWS Support."
        ))
    });
    replicas.into_iter().chain(of_old_primary).collect()
}

/// Returns the step that removes the entry of the failover Region from the old primary secret. It is a removal of a
/// replica if the Region has one, so it is a person's.
pub(super) fn remove_entry(arn: &SecretArn, from: &Region) -> Step {
    let to = arn.region();
    Step::Person {
        text: format!(
            "When the name is free in {from}, and not before: if the primary secret still lists {from} in its \
             ReplicationStatus, remove that entry. AWS does not document what the call does to a promoted secret."
        ),
        command: Some(format!(
            "aws secretsmanager remove-regions-from-replication --region {to} --secret-id '{arn}' \
             --remove-replica-regions {from}"
        )),
        destroys: false,
    }
}

/// Returns the step with which the owner moves the newer value. The version ID becomes the token of the request, so
/// that both sides have the same version afterwards, and a repetition changes nothing.
pub(super) fn move_value(arn: &SecretArn, from: &Region) -> Step {
    let there = arn.in_region(from);
    let to = arn.region();
    Step::Person {
        text: format!(
            "The owner brings the value of {from} to {to}: by a rotation in {to}, by the system that issued it, or \
             by this command, which only the owner runs. The value is in a temporary file that only the owner can \
             read, and that the shell deletes at the end, also after an error. The former value in {to} keeps the \
             label AWSPREVIOUS. For a binary value, replace SecretString by SecretBinary."
        ),
        command: Some(format!(
            "(umask 077; file=$(mktemp) || exit; trap 'rm -f \"$file\"' EXIT; trap 'exit 1' HUP INT TERM; \
             aws secretsmanager get-secret-value --region {from} --secret-id '{there}' --output json \
             --query '{{SecretId: `\"{arn}\"`, ClientRequestToken: VersionId, SecretString: SecretString}}' \
             > \"$file\" && aws secretsmanager put-secret-value --region {to} --cli-input-json \"file://$file\")"
        )),
        destroys: false,
    }
}

/// Returns the step with which the owner makes a version current that the old primary secret has.
pub(super) fn move_label(arn: &SecretArn, from: &Region, current: &str, wanted: &str) -> Step {
    let to = arn.region();
    Step::Person {
        text: format!(
            "{to} has the current version of {from} in its history. If that is the right value, the owner makes it \
             the current one again, without moving a value. The former value in {to} keeps the label AWSPREVIOUS."
        ),
        command: Some(format!(
            "aws secretsmanager update-secret-version-stage --region {to} --secret-id '{arn}' --version-stage \
             AWSCURRENT --remove-from-version-id {current} --move-to-version-id {wanted}"
        )),
        destroys: false,
    }
}

/// Returns the step that promotes one replica. It cannot be undone, so it is a person's.
pub(super) fn promote(replica: &SecretArn, from: &Region, text: String) -> Step {
    Step::Person {
        text,
        command: Some(format!(
            "secret-replicator promote --to {} --from {from} --only '{replica}'",
            replica.region()
        )),
        destroys: false,
    }
}

pub(super) fn again() -> Step {
    note(
        "Run `failback` again: it compares the versions, and shows the remaining steps.".to_owned(),
    )
}

pub(super) fn note(text: String) -> Step {
    Step::Person {
        text,
        command: None,
        destroys: false,
    }
}

/// Returns the call that requests a replica. Without a key, the replica gets the AWS managed key.
pub(in crate::failover) fn replicate(
    primary: &SecretArn,
    to: &Region,
    kms_key: Option<&str>,
) -> String {
    let key = kms_key.map_or_else(String::new, |key| format!(",KmsKeyId={key}"));
    format!(
        "aws secretsmanager replicate-secret-to-regions --region {} --secret-id '{primary}' --add-replica-regions \
         Region={to}{key}",
        primary.region()
    )
}

pub(super) fn restore(secret: &SecretArn) -> String {
    format!(
        "aws secretsmanager restore-secret --region {} --secret-id '{secret}'",
        secret.region()
    )
}
