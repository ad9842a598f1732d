use std::fmt;

use serde::Serialize;
use smol_str::SmolStr;
use thiserror::Error;

use super::Region;

/// The name of a KMS key in an API call: an ARN, a key ID, or an alias. Only AWS checks whether the key
/// exists, in the Region of the call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct KmsKey(SmolStr);

impl KmsKey {
    /// Creates a key name without validation.
    #[must_use]
    pub fn new(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// Returns the key's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses a key's name in a policy: a key ARN, an alias ARN, a key ID, `alias/name`, or
    /// `aws/secretsmanager` for the AWS managed key (KMS API reference, "Key identifiers").
    ///
    /// # Errors
    /// [`NotAKmsKey`] if the text has none of these forms.
    pub fn parse(text: &str) -> Result<Self, NotAKmsKey> {
        let not_a_key = || NotAKmsKey::Form(text.to_owned());
        if text == "aws/secretsmanager" {
            return Ok(Self(AWS_MANAGED_ALIAS.into()));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let resource = match parts[..] {
            ["arn", partition, "kms", region, account, resource] => {
                let region = Region::parse(region).map_err(|_| not_a_key())?;
                check_arn(text, partition, &region, account)?;
                resource
            }
            [resource] if resource.starts_with("alias/") => resource,
            [key_id] if is_key_id(key_id) => return Ok(Self(text.into())),
            _ => return Err(not_a_key()),
        };
        let known = match resource.split_once('/') {
            Some(("alias", name)) => is_alias_name(name),
            Some(("key", key_id)) => is_key_id(key_id),
            _ => false,
        };
        if known {
            Ok(Self(text.into()))
        } else {
            Err(not_a_key())
        }
    }

    /// Returns the Region in the key's name, if it is an ARN. Keys and aliases are Regional.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        let mut parts = self.0.splitn(6, ':');
        parts.next().filter(|first| *first == "arn")?;
        Region::parse(parts.nth(2)?).ok()
    }

    /// Returns the Region in the key's name, if it is another one than this. The key does not work there.
    #[must_use]
    pub fn other_region(&self, region: &Region) -> Option<Region> {
        self.region().filter(|own| own != region)
    }

    /// Returns one name for all names of the AWS managed key. Other names stay unchanged.
    #[must_use]
    pub fn canonical(self) -> Self {
        if self.is_aws_managed() {
            Self(AWS_MANAGED_ALIAS.into())
        } else {
            self
        }
    }

    /// Returns the one form of the key's name that records use: `aws/secretsmanager`, or the ARN of the key or
    /// alias in this Region and account. AWS and policies also name keys by key ID or alias. Only AWS knows
    /// the key of an alias, so the ARN of an alias stays one. A name of another form stays unchanged.
    #[must_use]
    pub fn in_full(&self, region: &Region, account: &str) -> String {
        let arn = |resource: &str| {
            let partition = region.partition();
            format!("arn:{partition}:kms:{region}:{account}:{resource}")
        };
        match self.form() {
            Form::AwsManaged => "aws/secretsmanager".to_owned(),
            Form::Alias(_) | Form::KeyId(_) if self.0.starts_with("arn:") => self.0.to_string(),
            Form::Alias(name) => arn(&format!("alias/{name}")),
            Form::KeyId(key_id) => arn(&format!("key/{key_id}")),
            Form::Unknown => self.0.to_string(),
        }
    }

    /// Returns whether this is the AWS managed key `aws/secretsmanager`, which every Region has.
    #[must_use]
    pub fn is_aws_managed(&self) -> bool {
        let resource = self.0.splitn(6, ':').last();
        resource == Some(AWS_MANAGED_ALIAS)
    }

    /// Returns whether the two names cannot stand for the same key. Aliases are compared with aliases, and
    /// key IDs with key IDs. Related multi-Region keys have the same key ID. Only AWS knows the key of an
    /// alias, so an alias and a key ID do not contradict each other.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        match (self.form(), other.form()) {
            (Form::AwsManaged, Form::Alias(_) | Form::KeyId(_))
            | (Form::Alias(_) | Form::KeyId(_), Form::AwsManaged) => true,
            (Form::Alias(one), Form::Alias(other)) => one != other,
            (Form::KeyId(one), Form::KeyId(other)) => !one.eq_ignore_ascii_case(other),
            _ => false,
        }
    }

    fn form(&self) -> Form<'_> {
        let resource = self.0.splitn(6, ':').last().unwrap_or_default();
        match resource.split_once('/') {
            _ if self.is_aws_managed() || resource == "aws/secretsmanager" => Form::AwsManaged,
            Some(("alias", name)) => Form::Alias(name),
            Some(("key", key_id)) => Form::KeyId(key_id),
            None if is_key_id(resource) || resource.starts_with("mrk-") => Form::KeyId(resource),
            _ => Form::Unknown,
        }
    }

    /// Returns the related key of a multi-Region key in another Region. Related keys have the same key
    /// ID (KMS developer guide, "Multi-Region keys").
    fn related_in(&self, region: &Region) -> Self {
        let mut parts: Vec<&str> = self.0.splitn(6, ':').collect();
        if let [_, _, _, key_region, _, _] = &mut parts[..] {
            *key_region = region.as_str();
        }
        Self(parts.join(":").into())
    }
}

/// The form of a key's name, without Region and account.
enum Form<'a> {
    AwsManaged,
    Alias(&'a str),
    KeyId(&'a str),
    Unknown,
}

const AWS_MANAGED_ALIAS: &str = "alias/aws/secretsmanager";

/// The text is not the name of a KMS key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAKmsKey {
    /// The text has another form.
    #[error("`{0}` is not a KMS key")]
    Form(String),
    /// The text is an ARN whose Region is in another partition.
    #[error("`{key}` is not a KMS key: {region} is in the partition `{partition}`")]
    Partition {
        /// The text.
        key: String,
        /// The Region in the ARN.
        region: Region,
        /// The partition of the Region.
        partition: &'static str,
    },
    /// The text is an ARN whose account ID has another form.
    #[error("`{key}` is not a KMS key: the account ID must have 12 digits, found `{account}`")]
    Account {
        /// The text.
        key: String,
        /// The account ID in the ARN.
        account: String,
    },
}

/// Checks that a key's ARN has the partition of its Region and a valid account ID.
fn check_arn(key: &str, partition: &str, region: &Region, account: &str) -> Result<(), NotAKmsKey> {
    let key = key.to_owned();
    if partition != region.partition() {
        return Err(NotAKmsKey::Partition {
            key,
            region: region.clone(),
            partition: region.partition(),
        });
    }
    if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        let account = account.to_owned();
        return Err(NotAKmsKey::Account { key, account });
    }
    Ok(())
}

/// Returns whether an alias may have the name (KMS API reference, `CreateAlias`). Names that begin with
/// `aws/` belong to AWS managed keys, of which only Secrets Manager's own encrypts secrets.
fn is_alias_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte);
    let is_foreign = name.starts_with("aws/") && name != "aws/secretsmanager";
    (1..=250).contains(&name.len()) && name.bytes().all(allowed) && !is_foreign
}

/// Returns whether the text is a key ID: a UUID, or `mrk-` and 32 hexadecimal digits.
fn is_key_id(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(digits) = text.strip_prefix("mrk-") {
        return digits.len() == 32 && is_hex(digits);
    }
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.into_iter().all(is_hex)
}

impl fmt::Display for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The encryption of a primary secret, which determines the replicas' keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// The AWS managed key `aws/secretsmanager`, which every Region has.
    AwsManagedKey,
    /// A multi-Region key (`mrk-...`), which may have a related key in the target Region.
    MultiRegionKey(KmsKey),
    /// A customer managed key of one Region, or an alias, which does not identify its key.
    CustomerKey(KmsKey),
}

impl Encryption {
    /// Parses the `KmsKeyId` of a `DescribeSecret` response. With the AWS managed key, it is absent for
    /// a primary secret and `alias/aws/secretsmanager` for a replica (recorded responses).
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

    /// Returns the customer managed key. `None` for the AWS managed key.
    #[must_use]
    pub fn customer_key(&self) -> Option<&KmsKey> {
        match self {
            Self::AwsManagedKey => None,
            Self::MultiRegionKey(key) | Self::CustomerKey(key) => Some(key),
        }
    }

    /// Returns the name of the key.
    #[must_use]
    pub fn key(&self) -> KmsKey {
        match self {
            Self::AwsManagedKey => KmsKey(AWS_MANAGED_ALIAS.into()),
            Self::MultiRegionKey(key) | Self::CustomerKey(key) => key.clone(),
        }
    }

    /// Returns the default key of a replica in `region`. `Ok(None)` is the AWS managed key of that
    /// Region.
    ///
    /// # Errors
    /// The primary secret's key, if no equally strong key in `region` is known. Without a key, AWS
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
    fn a_record_names_a_key_in_one_form() {
        const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let region = Region::parse("cn-north-1").unwrap();
        let in_full = |name: &str| KmsKey::new(name).in_full(&region, "123456789012");
        let arn = |resource: &str| format!("arn:aws-cn:kms:cn-north-1:123456789012:{resource}");
        for name in ["aws/secretsmanager", "alias/aws/secretsmanager"] {
            assert_eq!(in_full(name), "aws/secretsmanager");
        }
        let managed = arn("alias/aws/secretsmanager");
        assert_eq!(in_full(&managed), "aws/secretsmanager");
        for (name, resource) in [
            (ID, format!("key/{ID}")),
            ("mrk-1", "key/mrk-1".to_owned()),
            ("alias/app", "alias/app".to_owned()),
        ] {
            assert_eq!(in_full(name), arn(&resource));
            assert_eq!(in_full(&arn(&resource)), arn(&resource));
        }
        let of_another = "arn:aws-cn:kms:cn-northwest-1:999999999999:key/1";
        assert_eq!(in_full(of_another), of_another);
        assert_eq!(in_full("a new form"), "a new form");
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
    fn the_names_of_keys_are_told_from_other_texts() {
        let keys = [
            "aws/secretsmanager",
            "alias/aws/secretsmanager",
            "alias/app",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws-cn:kms:cn-north-1:123456789012:alias/app",
        ];
        for text in keys {
            assert!(KmsKey::parse(text).is_ok(), "{text}");
        }
        let others = [
            "",
            "app",
            "alias/",
            "aws/kms",
            "key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "mrk-1234",
            "arn:aws:kms:us-east-1:123456789012:key/app",
            "arn:aws:kms:nowhere:123456789012:alias/app",
            "arn:aws:kms:us-east-1::alias/app",
            "arn:aws:kms:us-east-1:12345678901:alias/app",
            "arn:aws:kms:us-east-1:12345678901x:alias/app",
            "arn:aws:kms:cn-north-1:123456789012:alias/app",
            "arn:aws-cn:kms:us-east-1:123456789012:alias/app",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-a1b2c3",
        ];
        for text in others {
            assert!(KmsKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_names_of_one_form_contradict_each_other() {
        const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
        const KEY: &str =
            "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        const OTHER: &str = "99999999-12ab-34cd-56ef-1234567890ab";
        const MANAGED: &str = "alias/aws/secretsmanager";
        const ALIAS: &str = "arn:aws:kms:eu-west-1:123456789012:alias/app";
        let cases = [
            (MANAGED, "aws/secretsmanager", false),
            (
                MANAGED,
                "arn:aws:kms:eu-west-1:123456789012:alias/aws/secretsmanager",
                false,
            ),
            (MANAGED, "alias/app", true),
            (MANAGED, KEY, true),
            (MANAGED, ID, true),
            (MANAGED, "strange", false),
            (ALIAS, "alias/app", false),
            (ALIAS, "alias/other", true),
            (KEY, ID, false),
            (KEY, OTHER, true),
            (ALIAS, KEY, false),
            (
                "arn:aws:kms:us-east-1:123456789012:key/mrk-1234",
                "arn:aws:kms:eu-west-1:123456789012:key/mrk-1234",
                false,
            ),
            (
                "mrk-1234",
                "arn:aws:kms:eu-west-1:123456789012:key/mrk-1235",
                true,
            ),
        ];
        for (one, other, expected) in cases {
            let (one, other) = (KmsKey::new(one), KmsKey::new(other));
            assert_eq!(one.contradicts(&other), expected, "{one} {other}");
            assert_eq!(other.contradicts(&one), expected, "{other} {one}");
        }
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
