use super::commands::{
    again, delete, move_label, move_value, note, promote, remove_entry, remove_replicas, replicate,
    restore,
};
use super::compare::{newer, only_promoted};
use super::step::{Replication, Restoration, SafeCall, Step};
use super::{AtPromotion, Newer, Side, Standing};
use crate::secret::{Encryption, KmsKey, Region, SecretArn};

/// What is known about a failed-over secret.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    /// The ARN of the old primary secret.
    pub(super) arn: &'a SecretArn,
    /// The failover Region.
    pub(super) from: &'a Region,
    pub(super) old: Option<Side<'a>>,
    pub(super) new: Option<Side<'a>>,
    pub(super) at_promotion: Option<&'a AtPromotion>,
}

/// The key of a replica that is requested again.
enum Key {
    /// This one. `None` is the AWS managed key.
    Known(Option<KmsKey>),
    /// A customer managed key that nothing names.
    Unknown,
}

impl<'a> Sides<'a> {
    /// Returns the steps that lead back, in order.
    pub(super) fn steps(self, standing: &Standing) -> Vec<Step> {
        let Self { arn, from, .. } = self;
        let to = arn.region();
        match (standing, self.old, self.new) {
            (Standing::Gone, ..) => vec![note(format!(
                "If the secret was not deleted on purpose, create it again in {to} from a backup or from the system \
                 that issues its value."
            ))],
            (Standing::Reversed, ..) => vec![note(format!(
                "{from} is the primary Region now and {to} has its replica. To change the roles again, promote the \
                 replica in {to}, and read both sides with `failback`."
            ))],
            (Standing::NoOldPrimary, _, Some(new)) => self.no_old_primary(new),
            (Standing::NoPromoted, Some(old), _) => self.no_promoted(old),
            (Standing::ScheduledForDeletion, Some(old), Some(new)) => self.in_recovery(old, new),
            (Standing::Apart { newer }, Some(old), Some(new)) => self.apart(*newer, old, new),
            _ => Vec::new(),
        }
    }

    fn apart(self, newer: Newer, old: Side<'a>, new: Side<'a>) -> Vec<Step> {
        match newer {
            Newer::Same => self.rejoin(old, new),
            Newer::OldPrimary => {
                let mut steps = vec![note(format!(
                    "The owner confirms that the promoted value in {} is not needed any more: credentials that were \
                     issued or rotated there are in use until their readers have returned.",
                    self.from
                ))];
                steps.extend(self.rejoin(old, new));
                steps
            }
            Newer::Promoted => vec![self.adopt(old, new), again()],
            Newer::Unknown if old.current().is_some() && old.current() == new.current() => {
                let version = only_promoted(old, new).map_or("", |version| version.id.as_str());
                vec![
                    note(format!(
                        "The owner completes or cancels the rotation in {}, so that the version {version} has no \
                         label any more or becomes the current one. Nothing is deleted before.",
                        self.from
                    )),
                    again(),
                ]
            }
            Newer::Unknown => vec![
                note(
                    "The owner decides which value is right, for example by signing in with each. Nothing is \
                     deleted before."
                        .to_owned(),
                ),
                self.adopt(old, new),
                again(),
            ],
        }
    }

    /// Returns the step with which the owner makes the promoted value the current one of the old primary secret. A
    /// put with the ID of a version that is there would change nothing, so that version gets the label instead.
    fn adopt(self, old: Side<'a>, new: Side<'a>) -> Step {
        match (old.current(), new.current()) {
            (Some(current), Some(wanted)) if old.has_had(wanted) => {
                move_label(self.arn, self.from, current, wanted)
            }
            _ => move_value(self.arn, self.from),
        }
    }

    /// Returns the steps that make the standalone secret in the failover Region a replica again. The old primary
    /// secret has the right value.
    fn rejoin(self, old: Side<'a>, new: Side<'a>) -> Vec<Step> {
        let mut steps = vec![note(format!(
            "Readers return to {}, and the rotation there is enabled again. Nothing writes in {} any more.",
            self.arn.region(),
            self.from
        ))];
        steps.extend(remove_replicas(self.arn, self.from, &new.secret.replicas));
        steps.push(delete(self.arn, self.from));
        steps.extend(self.replicate_again(old));
        steps
    }

    /// Returns the steps that replicate the secret again, from the moment at which the failover Region has no secret
    /// of its name. A primary Region that was unavailable during the promotion may keep the entry.
    fn replicate_again(self, old: Side<'a>) -> Vec<Step> {
        let is_listed = old.secret.replicas.contains_key(self.from);
        let removal = is_listed.then(|| remove_entry(self.arn, self.from));
        let text = format!(
            "When the name is free in {}, the secret is replicated again. A stack whose policy covers the secret \
             does it in its next sweep.",
            self.from
        );
        let key = match self.at_promotion {
            Some(at_promotion) => Key::Known(at_promotion.kms_key.clone()),
            None => key_like(&old.secret.encryption),
        };
        let replication = replication(text, self.arn, self.from, key);
        removal.into_iter().chain([replication]).collect()
    }

    /// Returns the steps of a secret of which a side is in its recovery window.
    fn in_recovery(self, old: Side<'a>, new: Side<'a>) -> Vec<Step> {
        if old.secret.scheduled_for_deletion {
            return vec![restoration(&old.secret.arn), again()];
        }
        let from = self.from;
        match newer(old, new, self.at_promotion) {
            Newer::Promoted => vec![restoration(&new.secret.arn), again()],
            // The owner has followed the steps of the same or of the old value.
            Newer::Same | Newer::OldPrimary => {
                let mut steps = vec![note(format!(
                    "Wait until the recovery window in {from} ends: the name is not free before."
                ))];
                steps.extend(self.replicate_again(old));
                steps
            }
            Newer::Unknown => vec![
                note(format!(
                    "The owner decides which value is right before the recovery window in {from} ends."
                )),
                Step::Person {
                    text: format!(
                        "If it is the value of {from}, or if that is not certain, the owner restores the secret, and \
                         runs `failback` again."
                    ),
                    command: Some(restore(&new.secret.arn)),
                    destroys: false,
                },
            ],
        }
    }

    /// The secret exists in the failover Region only, so it can be replicated to the old primary Region.
    fn no_old_primary(self, new: Side<'a>) -> Vec<Step> {
        let Self { arn, from, .. } = self;
        let (to, there) = (arn.region(), arn.in_region(from));
        if let Some(primary) = new.secret.replica_of() {
            return vec![
                promote(
                    &there,
                    primary,
                    format!(
                        "The secret in {from} is a replica of {primary}. Promote it, so that it can be replicated to \
                         {to}."
                    ),
                ),
                again(),
            ];
        }
        if new.secret.scheduled_for_deletion {
            return vec![restoration(&there), again()];
        }
        let text = format!("The secret is replicated to {to}. {from} is its primary Region then.");
        vec![
            replication(text, &there, to, key_like(&new.secret.encryption)),
            promote(
                arn,
                from,
                format!(
                    "To make {to} the primary Region, promote the replica there. The two sides are apart again then, \
                     with the same version."
                ),
            ),
            again(),
        ]
    }

    /// The secret exists in the old primary Region only.
    fn no_promoted(self, old: Side<'a>) -> Vec<Step> {
        let to = self.arn.region();
        if let Some(primary) = old.secret.replica_of() {
            return vec![note(format!(
                "The secret in {to} is a replica of {primary}, so {primary} is its primary Region. Nothing is \
                 replicated from {to}."
            ))];
        }
        if old.secret.scheduled_for_deletion {
            return vec![restoration(&old.secret.arn), again()];
        }
        if !old.secret.has_value() {
            return vec![
                note(format!(
                    "The secret in {to} has no current version. The owner puts a value."
                )),
                again(),
            ];
        }
        self.replicate_again(old)
    }
}

/// Returns the key of a replica whose primary secret is encrypted like this. A key belongs to one Region, so the
/// replica's key is unknown if it is not the AWS managed key, which every Region has.
fn key_like(encryption: &Encryption) -> Key {
    match encryption.customer_key() {
        None => Key::Known(None),
        Some(_) => Key::Unknown,
    }
}

/// Returns a replication. It is a person's if the key is unknown, because the AWS managed key would be weaker.
fn replication(text: String, primary: &SecretArn, to: &Region, key: Key) -> Step {
    match key {
        Key::Known(kms_key) => Step::Call {
            text,
            call: SafeCall::Replicate(Replication::new(primary.clone(), to.clone(), kms_key)),
        },
        Key::Unknown => Step::Person {
            text: format!(
                "{text} The secret has a customer managed key: replace KEY by the replica's key in {to}."
            ),
            command: Some(replicate(primary, to, Some("KEY"))),
            destroys: false,
        },
    }
}

fn restoration(secret: &SecretArn) -> Step {
    Step::Call {
        text: format!(
            "The secret in {} is restored before its recovery window ends.",
            secret.region()
        ),
        call: SafeCall::Restore(Restoration::new(secret.clone())),
    }
}
