//! ARNs, partitions and the spellings of a secret's id.

/// The partition a Region belongs to, by the form of its code.
pub(super) fn partition_of(region: &str) -> &'static str {
    const BY_PREFIX: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    BY_PREFIX
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("aws", |(_, partition)| partition)
}

/// Whether the text has the form that the service model demands of a Region: `^([a-z]+-)+\d+$`.
pub(super) fn is_region_code(text: &str) -> bool {
    let mut parts = text.rsplit('-');
    let number = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && !words.is_empty()
        && words.iter().all(is_word)
        && text.len() <= 128
}

/// The ARN of a secret.
pub(super) fn secret_arn(account_id: &str, region: &str, name: &str, suffix: &str) -> String {
    let partition = partition_of(region);
    format!("arn:{partition}:secretsmanager:{region}:{account_id}:secret:{name}-{suffix}")
}

/// The identifier of a secret in a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SecretId<'a> {
    /// By its name.
    Name(&'a str),
    /// By an ARN, complete or without the suffix.
    Arn {
        region: &'a str,
        account_id: &'a str,
        /// `name-suffix` or, in a partial ARN, `name`.
        resource: &'a str,
    },
}

impl<'a> SecretId<'a> {
    pub(super) fn parse(text: &'a str) -> SecretId<'a> {
        let mut parts = text.splitn(7, ':');
        match (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) {
            (
                Some("arn"),
                Some(_),
                Some("secretsmanager"),
                Some(region),
                Some(account_id),
                Some("secret"),
                Some(resource),
            ) => SecretId::Arn {
                region,
                account_id,
                resource,
            },
            _ => SecretId::Name(text),
        }
    }
}

/// Splits `name-suffix` of a complete ARN.
pub(super) fn split_suffix(resource: &str) -> Option<(&str, &str)> {
    resource
        .rsplit_once('-')
        .filter(|(name, suffix)| !name.is_empty() && suffix.len() == 6)
}

/// Whether `secret_id` (a name, an ARN or a partial ARN) can mean the secret of this name.
pub(crate) fn is_named(secret_id: &str, name: &str) -> bool {
    match SecretId::parse(secret_id) {
        SecretId::Name(id) => id == name,
        SecretId::Arn { resource, .. } => {
            resource == name || split_suffix(resource).is_some_and(|(id, _)| id == name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_is_told_by_its_region_codes() {
        assert_eq!(partition_of("eu-west-1"), "aws");
        assert_eq!(partition_of("us-gov-west-1"), "aws-us-gov");
        assert_eq!(partition_of("cn-north-1"), "aws-cn");
        assert_eq!(partition_of("us-isob-east-1"), "aws-iso-b");
        assert_eq!(partition_of("eusc-de-east-1"), "aws-eusc");
    }

    #[test]
    fn a_region_code_is_lower_case_words_and_a_number() {
        for good in ["us-east-1", "eu-isoe-west-1", "x-10"] {
            assert!(is_region_code(good), "{good}");
        }
        for bad in ["", "1", "-1", "us-east", "US-east-1", "us--1", "us east-1"] {
            assert!(!is_region_code(bad), "{bad}");
        }
    }

    #[test]
    fn a_secret_id_is_an_arn_only_if_it_is_one_of_a_secret() {
        assert_eq!(SecretId::parse("prod/db"), SecretId::Name("prod/db"));
        assert_eq!(
            SecretId::parse("arn:aws:secretsmanager:eu-west-1:123456789012:secret:a:b-AbCdEf"),
            SecretId::Arn {
                region: "eu-west-1",
                account_id: "123456789012",
                resource: "a:b-AbCdEf"
            }
        );
        assert_eq!(
            SecretId::parse("arn:aws:kms:eu-west-1:123456789012:key:x"),
            SecretId::Name("arn:aws:kms:eu-west-1:123456789012:key:x")
        );
    }
}
