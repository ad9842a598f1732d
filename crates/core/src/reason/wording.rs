//! Classifies AWS's messages: the `StatusMessage` of a failed replica, and the text of an error.
//!
//! AWS documents the cases but does not guarantee the wording. The phrases come from the user guide
//! ("Troubleshoot AWS Secrets Manager replication"), the API references of Secrets Manager and AWS KMS,
//! and messages that users have reported.
//!
//! Each phrase contains a space. The names that users choose (of secrets, roles, keys and aliases) do not,
//! so no name matches a phrase: a failure of the secret `prod/kms/token` is not classified as a failure of
//! a key.

use wildmatch::WildMatch;

use super::FailureReason;
use super::denial::{Denial, PolicyType};

/// Stands for an ARN or an alias of a key.
const KEY: &str = "{key}";

/// Stands for any other ARN.
const OTHER_ARN: &str = "{arn}";

/// Phrases in lower case. `*` stands for any text. The first match decides.
const PHRASES: [(FailureReason, &[&str]); 7] = [
    (
        FailureReason::OrphanedReplica,
        &["is currently replicated to * with a different arn"],
    ),
    (
        FailureReason::Throttled,
        &["exceeded the rate at which you may call", "rate exceeded"],
    ),
    (
        FailureReason::KmsAccessDenied(PolicyType::Unnamed),
        &[
            "no permissions available on the kms key",
            "access to kms is not allowed",
        ],
    ),
    (
        FailureReason::KmsKeyUnavailable,
        &[
            "invalid kms key",
            "using the provided kms key",
            "invalid keyid",
            "invalid arn ",
            "the ciphertext refers to a customer master key",
        ],
    ),
    (
        FailureReason::NameAlreadyExists,
        &[
            "secret with this name already exists",
            "secret with the same name exists",
            "secret with the same name already exists",
            "secret name * already exists",
            "secret * already exists in region",
            "secret with this name is already scheduled for deletion",
        ],
    ),
    (
        FailureReason::RegionNotEnabled,
        &[
            "invalid replica region",
            "not enabled the region",
            "region is not enabled",
            "region * is not enabled",
            "region is disabled",
            "region * is disabled",
        ],
    ),
    (
        FailureReason::ServiceUnavailable,
        &[
            "due to a network error",
            "internal service error",
            "error occurred on the server side",
            "processing has failed because of an unknown error",
            "service is temporarily unavailable",
        ],
    ),
];

/// The forms in which a message names a key.
const KEYS: [&str; 4] = [KEY, "kms key", "kms key *", "customer master key *"];

/// AWS KMS's descriptions of a key that cannot be used.
const UNAVAILABLE: [&str; 10] = [
    "is disabled",
    "is not found",
    "was not found",
    "not found",
    "does not exist",
    "is not enabled",
    "is pending",
    "is unavailable",
    "is still being created",
    "in an invalid state",
];

/// Classifies a message. Returns `None` if no known phrase occurs in it.
pub(super) fn classify(message: &str) -> Option<FailureReason> {
    if let Some(denial) = Denial::parse(message) {
        return Some(if denial.is_about_a_key() {
            FailureReason::KmsAccessDenied(denial.policy)
        } else {
            FailureReason::AccessDenied(denial.policy)
        });
    }
    let text = without_names(message);
    let has = |phrase: &str| WildMatch::new(&format!("*{phrase}*")).matches(&text);
    let named = PHRASES
        .iter()
        .find(|(_, phrases)| phrases.iter().any(|phrase| has(phrase)));
    let is_unavailable = || {
        let phrases = KEYS
            .iter()
            .flat_map(|key| UNAVAILABLE.map(|state| format!("{key} {state}")));
        phrases.into_iter().any(|phrase| has(&phrase))
    };
    named
        .map(|(reason, _)| *reason)
        .or_else(|| is_unavailable().then_some(FailureReason::KmsKeyUnavailable))
}

/// Returns the message in lower case, with placeholders for ARNs and aliases.
fn without_names(message: &str) -> String {
    let words = message.split_whitespace().map(|word| {
        let name = word.trim_matches(|c: char| !c.is_alphanumeric());
        if name.starts_with("alias/") || name.starts_with("arn:") && name.contains(":kms:") {
            KEY.to_owned()
        } else if name.starts_with("arn:") {
            OTHER_ARN.to_owned()
        } else {
            word.to_ascii_lowercase()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::FailureReason::*;
    use super::*;

    #[test]
    fn phrases_that_aws_uses_are_classified() {
        let key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let unnamed = PolicyType::Unnamed;
        let cases = [
            (
                "Secret with this name already exists in this region",
                NameAlreadyExists,
            ),
            (
                "Secret with the same name exists in the selected Region",
                NameAlreadyExists,
            ),
            (
                "You can't create this secret because a secret with this name is already scheduled \
                 for deletion.",
                NameAlreadyExists,
            ),
            (
                "Replication failed: Secret name prod/db already exists in region eu-west-1.",
                NameAlreadyExists,
            ),
            (
                "Replication failed: Secret prod/db is currently replicated to eu-west-1 with a \
                 different arn",
                OrphanedReplica,
            ),
            (
                "Secret replication failed due to a network error.",
                ServiceUnavailable,
            ),
            (
                "You have not enabled the Region where the replication occurs",
                RegionNotEnabled,
            ),
            (
                "Region me-south-1 is not enabled for this account",
                RegionNotEnabled,
            ),
            ("Invalid replica region.", RegionNotEnabled),
            ("The KMS key is disabled or not found", KmsKeyUnavailable),
            ("KMS key is disabled", KmsKeyUnavailable),
            ("The KMS key is still being created.", KmsKeyUnavailable),
            ("The KMS key alias/app was not found", KmsKeyUnavailable),
            (
                "The operation failed because of an invalid KMS key: Invalid keyId",
                KmsKeyUnavailable,
            ),
            (
                "Alias arn:aws:kms:eu-west-1:1:alias/access-keys is not found.",
                KmsKeyUnavailable,
            ),
            (
                "Alias alias/permission-keys is not found.",
                KmsKeyUnavailable,
            ),
            (&format!("{key} is pending deletion."), KmsKeyUnavailable),
            (&format!("{key} is disabled."), KmsKeyUnavailable),
            (&format!("Key '{key}' does not exist"), KmsKeyUnavailable),
            ("Invalid arn eu-west-1", KmsKeyUnavailable),
            (
                "The ciphertext refers to a customer master key that does not exist, does not \
                 exist in this region, or you are not allowed to access.",
                KmsKeyUnavailable,
            ),
            (
                "No permissions available on the KMS key to complete the replication",
                KmsAccessDenied(unnamed),
            ),
            ("Access to KMS is not allowed", KmsAccessDenied(unnamed)),
            (
                "You have exceeded the rate at which you may call KMS. Reduce the frequency of \
                 your calls.",
                Throttled,
            ),
            ("An error occurred on the server side.", ServiceUnavailable),
        ];
        for (message, reason) in cases {
            assert_eq!(classify(message), Some(reason), "{message}");
        }
    }

    #[test]
    fn the_denied_action_tells_a_key_from_a_secret() {
        let denied = |action: &str, resource: &str| {
            let message = format!(
                "User: arn:aws:sts::123456789012:assumed-role/kms-access/f is not authorized to \
                 perform: {action} on resource: {resource} because no identity-based policy allows \
                 the {action} action"
            );
            classify(&message)
        };
        let identity = PolicyType::Identity;
        let secret =
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:KMS-already-exists-AbCdEf";
        assert_eq!(
            denied("secretsmanager:CreateSecret", secret),
            Some(AccessDenied(identity))
        );
        assert_eq!(
            denied("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/1"),
            Some(KmsAccessDenied(identity))
        );
    }

    #[test]
    fn names_are_not_phrases() {
        for message in [
            "",
            "Something new",
            "Replication failed for secret prod/kms/token.",
            "Replication failed for already-exists/different-arn/kms-key-is-disabled",
            "Role kms-access could not replicate arn:aws:secretsmanager:us-east-1:1:secret:kms-key",
        ] {
            assert_eq!(classify(message), None, "{message}");
        }
        let message = "An internal service error occurred for secret prod/kms/token.";
        assert_eq!(classify(message), Some(ServiceUnavailable));
    }
}
