use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use super::Region;

/// The full ARN of a secret:
/// `arn:partition:secretsmanager:region:account:secret:name-suffix`
/// (Service Authorization Reference, Secrets Manager resource types).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SecretArn {
    text: String,
    region: Region,
}

/// The text is not the ARN of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a secret ARN; expected, for example, \
     `arn:aws:secretsmanager:eu-west-1:123456789012:secret:name-a1b2c3`"
)]
pub struct NotASecretArn(pub String);

/// The maximum length of an ARN (Secrets Manager API reference).
const LONGEST: usize = 2048;

impl SecretArn {
    /// Parses an ARN.
    ///
    /// # Errors
    /// [`NotASecretArn`] if the text is not the full ARN of a secret.
    pub fn parse(text: &str) -> Result<Self, NotASecretArn> {
        let parts: Vec<&str> = text.splitn(7, ':').collect();
        let [arn, partition, service, region, account, kind, name] = parts[..] else {
            return Err(NotASecretArn(text.to_owned()));
        };
        let fixed = arn == "arn" && service == "secretsmanager" && kind == "secret";
        let filled = !partition.is_empty() && !name.is_empty();
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        match Region::parse(region) {
            Ok(region) if fixed && filled && is_account && text.len() <= LONGEST => Ok(Self {
                text: text.to_owned(),
                region,
            }),
            _ => Err(NotASecretArn(text.to_owned())),
        }
    }

    /// Returns the ARN as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the Region of the ARN: the primary secret's, or a replica's.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Returns the part after `secret:`: the name, a hyphen, and six characters that AWS chose. It is
    /// the same for a secret and its replicas, and no two secrets share it.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.text.splitn(7, ':').last().unwrap_or_default()
    }

    /// Returns the ARN of the same secret in another Region: that of a replica, or of a replica's primary secret.
    #[must_use]
    pub fn in_region(&self, region: &Region) -> Self {
        let parts: Vec<&str> = self.text.splitn(5, ':').collect();
        let text = match parts[..] {
            [arn, partition, service, _, rest] => {
                format!("{arn}:{partition}:{service}:{region}:{rest}")
            }
            _ => self.text.clone(),
        };
        Self {
            text,
            region: region.clone(),
        }
    }

    /// Returns the ARN of a secret of this name in another account.
    #[must_use]
    pub fn in_account(&self, account: &str) -> Self {
        let own = format!(":{}:", self.account());
        Self {
            text: self.text.replacen(&own, &format!(":{account}:"), 1),
            region: self.region.clone(),
        }
    }

    /// Returns the account that owns the secret.
    #[must_use]
    pub fn account(&self) -> &str {
        self.text.split(':').nth(4).unwrap_or_default()
    }
}

impl TryFrom<String> for SecretArn {
    type Error = NotASecretArn;

    fn try_from(text: String) -> Result<Self, NotASecretArn> {
        Self::parse(&text)
    }
}

impl fmt::Display for SecretArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for SecretArn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_tells_its_region_and_account() {
        let arn =
            SecretArn::parse("arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:a/b-c1D2e3")
                .unwrap();
        assert_eq!(arn.region().as_str(), "cn-north-1");
        assert_eq!(arn.account(), "123456789012");
        let there = arn.in_region(&Region::parse("cn-northwest-1").unwrap());
        let expected = "arn:aws-cn:secretsmanager:cn-northwest-1:123456789012:secret:a/b-c1D2e3";
        assert_eq!(there, SecretArn::parse(expected).unwrap());
    }

    #[test]
    fn names_and_arns_of_other_things_are_refused() {
        let wrong = [
            "",
            "prod/db",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:",
            "arn:aws:secretsmanager:nowhere:123456789012:secret:a",
            "arn:aws:secretsmanager:us-east-1:1234:secret:a",
            "arn:aws:kms:us-east-1:123456789012:key/1234",
            "arn:aws:lambda:us-east-1:123456789012:function:a",
        ];
        for text in wrong {
            assert!(SecretArn::parse(text).is_err(), "{text}");
        }
    }
}
