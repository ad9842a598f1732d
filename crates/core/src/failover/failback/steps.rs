use serde::Serialize;

use super::{Newer, Side, Standing};
use crate::secret::{Region, SecretArn};

/// A step of the way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Who does what, and why now.
    pub text: String,
    /// The command, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Whether the step destroys a secret or a value. It is never the tool's.
    pub destroys: bool,
}

/// Returns the steps that lead back.
pub(super) fn steps(
    standing: &Standing,
    arn: &SecretArn,
    from: &Region,
    old: Side<'_>,
    new: Side<'_>,
) -> Vec<Step> {
    match standing {
        Standing::Restored
        | Standing::NoOldPrimary
        | Standing::NoPromoted
        | Standing::NameTaken => Vec::new(),
        Standing::Reversed => vec![note(format!(
            "{from} is the primary Region now and {} has its replica. To change the roles again, promote the \
             replica in {}, and read both sides with `failback`.",
            arn.region(),
            arn.region()
        ))],
        Standing::ScheduledForDeletion => {
            let is_on_the_way = !old.secret.scheduled_for_deletion && old.current() == new.current();
            if is_on_the_way {
                // The owner has followed the steps of the same value.
                replicate_again(arn, from, Some(old))
            } else if old.secret.scheduled_for_deletion {
                vec![restore(&old.secret.arn)]
            } else {
                vec![restore(&new.secret.arn)]
            }
        }
        Standing::Apart { newer } => match newer {
            Newer::Same => rejoin(arn, from, old),
            Newer::OldPrimary => {
                let mut steps = vec![note(format!(
                    "The owner confirms that the promoted value in {from} is not needed any more: credentials that \
                     were issued or rotated there are in use until their readers have returned."
                ))];
                steps.extend(rejoin(arn, from, old));
                steps
            }
            Newer::Promoted => vec![move_value(arn, from), again()],
            Newer::Unknown => vec![
                note(
                    "The owner decides which value is right, for example by signing in with each. Nothing is \
                     deleted before."
                        .to_owned(),
                ),
                move_value(arn, from),
                again(),
            ],
        },
    }
}

/// Returns the steps that make the standalone secret in the failover Region a replica again. The old primary secret
/// has the right value.
fn rejoin(arn: &SecretArn, from: &Region, old: Side<'_>) -> Vec<Step> {
    let there = arn.in_region(from);
    let mut steps = vec![note(format!(
        "Readers return to {}, and the rotation there is enabled again. Nothing writes in {from} any more.",
        arn.region()
    ))];
    steps.push(Step {
        text: format!(
            "The owner deletes the promoted secret in {from}. A recovery window keeps the name taken, and a \
             replication fails until it ends."
        ),
        command: Some(format!(
            "aws secretsmanager delete-secret --region {from} --secret-id '{there}' --recovery-window-in-days 7"
        )),
        destroys: true,
    });
    steps.extend(replicate_again(arn, from, Some(old)));
    steps
}

/// Returns the steps that replicate the secret again, from the moment at which the failover Region has no secret of
/// its name. A primary Region that was unavailable during the promotion may keep the entry.
pub(super) fn replicate_again(arn: &SecretArn, from: &Region, old: Option<Side<'_>>) -> Vec<Step> {
    let to = arn.region();
    let is_listed = old.is_some_and(|old| old.secret.replicas.contains_key(from));
    let removal = is_listed.then(|| Step {
        text: format!(
            "When the name is free in {from}, and not before: if the primary secret still lists {from} in its \
             ReplicationStatus, remove that entry. AWS does not document what the call does to a promoted secret."
        ),
        command: Some(format!(
            "aws secretsmanager remove-regions-from-replication --region {to} --secret-id '{arn}' \
             --remove-replica-regions {from}"
        )),
        destroys: false,
    });
    let replication = Step {
        text: format!(
            "When the name is free in {from}, the secret is replicated again. A stack whose policy covers the \
             secret does it in its next sweep."
        ),
        command: Some(replicate(arn, from)),
        destroys: false,
    };
    removal.into_iter().chain([replication]).collect()
}

/// Returns the step with which the owner moves the newer value. The version ID becomes the token of the request, so
/// that both sides have the same version afterwards, and a repetition changes nothing.
fn move_value(arn: &SecretArn, from: &Region) -> Step {
    let there = arn.in_region(from);
    let to = arn.region();
    Step {
        text: format!(
            "The owner brings the value of {from} to {to}: by a rotation in {to}, by the system that issued it, or \
             by this command, which only the owner runs. The value is in a file that only the owner can read until \
             the command deletes it. The former value in {to} keeps the label AWSPREVIOUS. For a binary value, \
             replace SecretString by SecretBinary."
        ),
        command: Some(format!(
            "(umask 077; aws secretsmanager get-secret-value --region {from} --secret-id '{there}' --output json \
             --query '{{SecretId: `\"{arn}\"`, ClientRequestToken: VersionId, SecretString: SecretString}}' > \
             failback-value.json) && aws secretsmanager put-secret-value --region {to} --cli-input-json \
             file://failback-value.json && rm failback-value.json"
        )),
        destroys: false,
    }
}

pub(super) fn again() -> Step {
    note(
        "Run `failback` again: it compares the versions, and shows the remaining steps.".to_owned(),
    )
}

fn restore(arn: &SecretArn) -> Step {
    Step {
        text: "Restore the secret, and run `failback` again.".to_owned(),
        command: Some(format!(
            "aws secretsmanager restore-secret --region {} --secret-id '{arn}'",
            arn.region()
        )),
        destroys: false,
    }
}

pub(super) fn replicate(primary: &SecretArn, to: &Region) -> String {
    format!(
        "aws secretsmanager replicate-secret-to-regions --region {} --secret-id '{primary}' --add-replica-regions \
         Region={to}",
        primary.region()
    )
}

pub(super) fn note(text: String) -> Step {
    Step {
        text,
        command: None,
        destroys: false,
    }
}
