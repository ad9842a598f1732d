use std::fmt;

use serde::Serialize;

use super::Region;

/// A KMS key as an API call names it: an ARN, a key id, or an alias. Which keys exist is for AWS
/// to say, in the Region where the name is used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct KmsKey(String);

impl KmsKey {
    /// Takes a key's name as it is.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The related key of a multi-Region key in another Region: related keys share their key id
    /// (KMS developer guide, "Multi-Region keys").
    fn related_in(&self, region: &Region) -> Self {
        let mut parts: Vec<&str> = self.0.splitn(6, ':').collect();
        if let [_, _, _, key_region, _, _] = &mut parts[..] {
            *key_region = region.as_str();
        }
        Self(parts.join(":"))
    }
}

impl fmt::Display for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a primary secret is encrypted, as far as it decides the replicas' keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// With the AWS managed key `aws/secretsmanager`, which every Region has.
    AwsManagedKey,
    /// With a multi-Region key (`mrk-...`), which may have a related key in the target Region.
    MultiRegionKey(KmsKey),
    /// With a customer key of one Region, or an alias, whose key cannot be told from its name.
    CustomerKey(KmsKey),
}

impl Encryption {
    /// Reads the `KmsKeyId` of a `DescribeSecret` answer. A primary secret on the AWS managed key
    /// has none, a replica on it says `alias/aws/secretsmanager` (recorded answers).
    #[must_use]
    pub fn from_kms_key_id(kms_key_id: Option<&str>) -> Self {
        let Some(text) = kms_key_id.filter(|text| !text.is_empty()) else {
            return Self::AwsManagedKey;
        };
        let resource = text.rsplit(':').next().unwrap_or(text);
        let key_id = resource.strip_prefix("key/").unwrap_or(resource);
        if resource == "alias/aws/secretsmanager" || resource == "aws/secretsmanager" {
            Self::AwsManagedKey
        } else if key_id.starts_with("mrk-") {
            Self::MultiRegionKey(KmsKey::new(text))
        } else {
            Self::CustomerKey(KmsKey::new(text))
        }
    }

    /// The key that a replica in `region` gets if nothing names another: `Ok(None)` is the AWS
    /// managed key there.
    ///
    /// # Errors
    /// The primary secret's key, if no key of `region` is known to be as strong: without one, AWS
    /// would silently fall back to the AWS managed key.
    pub fn replica_key(&self, region: &Region) -> Result<Option<KmsKey>, &KmsKey> {
        match self {
            Self::AwsManagedKey => Ok(None),
            Self::MultiRegionKey(key) => Ok(Some(key.related_in(region))),
            Self::CustomerKey(key) => Err(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica_key(kms_key_id: Option<&str>) -> Result<Option<String>, String> {
        let region = Region::parse("eu-west-1").unwrap();
        Encryption::from_kms_key_id(kms_key_id)
            .replica_key(&region)
            .map(|key| key.map(|key| key.to_string()))
            .map_err(ToString::to_string)
    }

    #[test]
    fn a_secret_on_the_aws_managed_key_replicates_to_the_aws_managed_key() {
        let managed = [
            None,
            Some(""),
            Some("alias/aws/secretsmanager"),
            Some("aws/secretsmanager"),
            Some("arn:aws:kms:us-east-1:123456789012:alias/aws/secretsmanager"),
        ];
        for key in managed {
            assert_eq!(replica_key(key), Ok(None), "{key:?}");
        }
    }

    #[test]
    fn a_multi_region_key_replicates_to_its_related_key() {
        assert_eq!(
            replica_key(Some("arn:aws:kms:us-east-1:123456789012:key/mrk-1234")),
            Ok(Some(
                "arn:aws:kms:eu-west-1:123456789012:key/mrk-1234".to_owned()
            ))
        );
        assert_eq!(
            replica_key(Some("mrk-1234")),
            Ok(Some("mrk-1234".to_owned()))
        );
    }

    #[test]
    fn any_other_customer_key_has_no_counterpart_to_guess() {
        let customer = [
            "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "alias/app",
            "alias/mrk-1234",
            "arn:aws:kms:us-east-1:123456789012:alias/mrk-1234",
        ];
        for key in customer {
            assert_eq!(replica_key(Some(key)), Err(key.to_owned()));
        }
    }
}
