//! The URL that receives the answer. It is presigned, so its holder can answer in place of the function.

use std::fmt;

use super::super::BadEvent;
use crate::secret::Region;

/// The domains of the partitions of AWS (botocore, `dnsSuffix`).
const DOMAINS: [&str; 7] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// The URL of a request, as it arrived. Its form for debugging does not contain it.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseUrl(String);

/// A URL that may receive the answer: of S3 through HTTPS, or of the local endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Destination<'a>(&'a str);

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseUrl(..)")
    }
}

impl fmt::Debug for Destination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Destination(..)")
    }
}

impl<'a> Destination<'a> {
    /// Returns the URL, which is a credential: only the HTTP client may receive it.
    #[must_use]
    pub fn expose(self) -> &'a str {
        self.0
    }
}

impl ResponseUrl {
    pub(super) fn new(url: String) -> Self {
        Self(url)
    }

    /// Checks the URL. `local_endpoint` is the endpoint of S3 that the function's environment names.
    pub(super) fn destination(
        &self,
        local_endpoint: Option<&str>,
    ) -> Result<Destination<'_>, BadEvent> {
        let is_printable = self.0.bytes().all(|byte| byte.is_ascii_graphic());
        let local_origin = local_endpoint.and_then(origin);
        let is_allowed = match origin(&self.0) {
            Some(("https", host)) if is_s3(host) => true,
            origin => origin.is_some() && origin == local_origin,
        };
        if is_printable && is_allowed {
            return Ok(Destination(&self.0));
        }
        Err(BadEvent {
            message: "`ResponseURL` is not an HTTPS URL of S3, so it gets no answer".to_owned(),
            remediation: "deploy the stack with CloudFormation; for a local endpoint, set AWS_ENDPOINT_URL_S3 to \
                          the scheme, host and port of the URL",
        })
    }
}

/// Returns the scheme and the authority of a URL.
fn origin(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some((scheme, &rest[..end]))
}

/// Returns whether a host is one of S3. A port or user information is not part of such a host.
fn is_s3(host: &str) -> bool {
    let labels = DOMAINS.iter().find_map(|domain| {
        let labels = host.strip_suffix(domain)?.strip_suffix('.')?;
        Some(labels.split('.').collect::<Vec<_>>())
    });
    let Some(labels) = labels else {
        return false;
    };
    labels.iter().all(|label| is_label(label))
        && match labels[..] {
            [.., "s3"] => true,
            [.., "s3" | "s3-fips", region] | [.., "s3" | "s3-fips", "dualstack", region] => {
                is_region(region)
            }
            // The older form. `s3-website-REGION` serves web pages.
            [.., last] => last
                .strip_prefix("s3-")
                .is_some_and(|region| is_region(region) && !region.starts_with("website-")),
            [] => false,
        }
}

fn is_label(label: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !label.is_empty() && label.chars().all(is_allowed)
}

fn is_region(label: &str) -> bool {
    Region::parse(label).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUCKET: &str = "cloudformation-custom-resource-response-useast1";

    fn is_allowed(url: &str, local: Option<&str>) -> bool {
        ResponseUrl::new(url.to_owned()).destination(local).is_ok()
    }

    #[test]
    fn the_hosts_of_s3_are_allowed_in_every_partition() {
        for host in [
            format!("{BUCKET}.s3.amazonaws.com"),
            format!("{BUCKET}.s3.us-east-1.amazonaws.com"),
            format!("{BUCKET}.s3-eu-west-1.amazonaws.com"),
            format!("{BUCKET}.s3.dualstack.eu-west-1.amazonaws.com"),
            format!("{BUCKET}.s3-fips.us-gov-west-1.amazonaws.com"),
            format!("{BUCKET}.s3.cn-north-1.amazonaws.com.cn"),
            format!("{BUCKET}.s3.eusc-de-east-1.amazonaws.eu"),
            format!("{BUCKET}.s3.us-iso-east-1.c2s.ic.gov"),
            "s3.ap-northeast-3.amazonaws.com".to_owned(),
        ] {
            assert!(
                is_allowed(&format!("https://{host}/key?a=b"), None),
                "{host}"
            );
            assert!(
                !is_allowed(&format!("http://{host}/key?a=b"), None),
                "{host}"
            );
        }
    }

    #[test]
    fn other_hosts_are_refused() {
        for url in [
            "https://example.com/s3.amazonaws.com",
            "https://example.com?x.s3.amazonaws.com",
            "https://example.com#x.s3.amazonaws.com",
            "https://example.com\\.s3.amazonaws.com/",
            "https://x.s3.amazonaws.com.example.com/",
            "https://xs3.amazonaws.com/",
            "https://xamazonaws.com/",
            "https://amazonaws.com/",
            "https://s3amazonaws.com/",
            "https://.s3.amazonaws.com/",
            "https://x.s3..amazonaws.com/",
            "https://user@x.s3.amazonaws.com/",
            "https://x.s3.amazonaws.com@example.com/",
            "https://x.s3.amazonaws.com:8443/",
            "https://x.s3.amazonaws.com:443/",
            "https://X.S3.AMAZONAWS.COM/",
            "https://x.s3.amazonaws.com./",
            "https://bucket.s3-website-us-east-1.amazonaws.com/",
            "https://bucket.s3-website.eu-central-1.amazonaws.com/",
            "https://bucket.s3-accelerate.amazonaws.com/",
            "https://s3.us-east-1.elb.amazonaws.com/",
            "https://x.execute-api.us-east-1.amazonaws.com/",
            "https://ec2-1-2-3-4.compute-1.amazonaws.com/",
            "https://s3.compute.amazonaws.com/",
            "https://x.s3.us-east-1.vpce.amazonaws.com/",
            "https://x.s3.frankfurt.amazonaws.com/",
            "https://x.s3.amazonaws.com/a b",
            "https://x.s3.amazonaws.com/\r\nHost: example.com",
            "ftp://x.s3.amazonaws.com/",
            "HTTPS://x.s3.amazonaws.com/",
            "x.s3.amazonaws.com/",
            "",
        ] {
            assert!(!is_allowed(url, None), "{url}");
        }
    }

    #[test]
    fn the_local_endpoint_is_allowed_with_its_scheme_and_port_only() {
        let local = Some("http://localhost:4566/");
        assert!(is_allowed(
            "http://localhost:4566/_ministack/cfn-response/1",
            local
        ));
        for url in [
            "https://localhost:4566/",
            "http://localhost:4567/",
            "http://localhost/",
            "http://user@localhost:4566/",
            "http://localhost:4566@example.com/",
            "http://localhost:4566.example.com/",
        ] {
            assert!(!is_allowed(url, local), "{url}");
        }
        for endpoint in [None, Some(""), Some("localhost:4566")] {
            assert!(!is_allowed("http://localhost:4566/", endpoint));
            assert!(!is_allowed("", endpoint));
        }
    }

    #[test]
    fn a_refusal_does_not_contain_the_url() {
        let url = ResponseUrl::new("https://example.com/key?signature=secret".to_owned());
        let refused = url.destination(None).unwrap_err();
        let text = format!("{refused:?}{url:?}");
        assert!(
            !text.contains("example.com") && !text.contains("secret"),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn an_allowed_host_ends_in_a_domain_of_aws(host in "[a-z0-9.@:/-]{0,30}(s3|s3\\.us-east-1|)(\\.amazonaws\\.com|\\.com)[a-z.:@/]{0,9}") {
            let url = format!("https://{host}");
            if is_allowed(&url, None) {
                let (_, authority) = origin(&url).unwrap();
                let is_in = |domain: &&str| authority.ends_with(&format!(".{domain}"));
                prop_assert!(DOMAINS.iter().any(is_in));
                prop_assert!(!authority.contains(['@', ':']));
            }
        }
    }
}
