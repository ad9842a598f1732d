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

/// Returns the step before the deletion of a promoted secret that has replicas of its own. AWS does not delete a secret
/// that has replicas.
pub(super) fn remove_replicas(
    arn: &SecretArn,
    from: &Region,
    replicas: &BTreeMap<Region, Replica>,
) -> Option<Step> {
    if replicas.is_empty() {
        return None;
    }
    let there = arn.in_region(from);
    let regions: Vec<&str> = replicas.keys().map(Region::as_str).collect();
    Some(Step::Person {
        text: format!(
            "The promoted secret in {from} has replicas in {}, without which AWS does not delete it. Their readers \
             read another Region from now on, and the owner removes them. A stack in {from} whose policy covers the \
             secret requests them again: exclude the secret from its policy before.",
            regions.join(" and ")
        ),
        command: Some(format!(
            "aws secretsmanager remove-regions-from-replication --region {from} --secret-id '{there}' \
             --remove-replica-regions {}",
            regions.join(" ")
        )),
        destroys: true,
    })
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
