//! Links that could not be checked.

use super::super::finding::Link;
use super::super::finding::Severity::Unknown;
use super::world::*;

#[test]
fn a_call_that_is_denied_is_an_unknown_link() {
    let findings = with(|chain| {
        for role in chain.roles.values_mut() {
            *role = Err(denied("iam:SimulatePrincipalPolicy"));
        }
    });
    let texts = [
        "failed to read the permissions",
        "allow `iam:SimulatePrincipalPolicy`",
    ];
    assert_only(&findings, Link::Role, Unknown, texts);
}

#[test]
fn a_trail_whose_selectors_cannot_be_read() {
    let findings = with(|chain| {
        let unread = Err(denied("cloudtrail:GetEventSelectors"));
        chain.trails.as_mut().unwrap()[0].selectors = unread;
    });
    assert_only(
        &findings,
        Link::Trail,
        Unknown,
        ["trail/audit", "cloudtrail:GetEventSelectors"],
    );
}
