//! ARNs, partitions and the IDs of secrets.

/// The account in every ARN.
pub(crate) const ACCOUNT_ID: &str = "123456789012";

/// Returns the partition of a Region, by the prefix of its code.
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

/// Returns whether the text matches the service model's pattern of a Region: `^([a-z]+-)+\d+$`.
pub(super) fn is_region_code(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else {
        return false;
    };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    words.split('-').all(is_word) && is_number && text.len() <= 128
}

/// Splits the ARN of a secret into Region, account and resource, which is `name-suffix` or, in a
/// partial ARN, `name`. Returns `None` for any other text, which can only be a name.
pub(super) fn parse_arn(secret_id: &str) -> Option<(&str, &str, &str)> {
    match secret_id.splitn(7, ':').collect::<Vec<_>>()[..] {
        [
            "arn",
            _,
            "secretsmanager",
            region,
            account,
            "secret",
            resource,
        ] => Some((region, account, resource)),
        _ => None,
    }
}

/// Splits `name-suffix` of a complete ARN.
pub(super) fn split_suffix(resource: &str) -> Option<(&str, &str)> {
    resource
        .rsplit_once('-')
        .filter(|(name, suffix)| !name.is_empty() && suffix.len() == 6)
}

/// Returns the name in the ARN of a secret. Returns any other text unchanged.
pub(super) fn name_of(arn: &str) -> &str {
    let resource = parse_arn(arn).map_or(arn, |(_, _, resource)| resource);
    split_suffix(resource).map_or(resource, |(name, _)| name)
}

/// Returns whether `secret_id` (a name, an ARN or a partial ARN) can mean the secret of this name.
pub(crate) fn is_named(secret_id: &str, name: &str) -> bool {
    match parse_arn(secret_id) {
        None => secret_id == name,
        Some((_, _, resource)) => {
            resource == name || split_suffix(resource).is_some_and(|(id, _)| id == name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_is_recognized_by_its_region_codes() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition_of(region), partition);
        }
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
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a:b-AbCdEf";
        assert_eq!(
            parse_arn(arn),
            Some(("eu-west-1", ACCOUNT_ID, "a:b-AbCdEf"))
        );
        for name in ["prod/db", "arn:aws:kms:eu-west-1:123456789012:key:x"] {
            assert_eq!(parse_arn(name), None);
        }
    }
}
