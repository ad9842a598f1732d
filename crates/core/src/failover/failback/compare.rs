use chrono::SecondsFormat;

use super::{AtPromotion, Newer, Side, Standing, Version};

/// Returns which value is newer. A side that keeps the other side's current version in its own history has replaced
/// it, and is newer. The version at the promotion is history of both sides.
pub(super) fn newer(old: Side<'_>, new: Side<'_>, at_promotion: Option<&AtPromotion>) -> Newer {
    let (Some(old_version), Some(new_version)) = (old.current(), new.current()) else {
        return match (old.current(), new.current()) {
            (None, Some(_)) => Newer::Promoted,
            (Some(_), None) => Newer::OldPrimary,
            _ => Newer::Unknown,
        };
    };
    if old_version == new_version {
        return match only_promoted(old, new) {
            None => Newer::Same,
            Some(_) => Newer::Unknown,
        };
    }
    let was_current = |version: &str| at_promotion.is_some_and(|at| at.version == version);
    let promoted_follows = new.has_had(old_version) || was_current(old_version);
    let old_follows = old.has_had(new_version) || was_current(new_version);
    match (promoted_follows, old_follows) {
        (true, false) => Newer::Promoted,
        (false, true) => Newer::OldPrimary,
        _ => Newer::Unknown,
    }
}

/// Returns a labeled version that only the promoted secret has, for instance of a rotation in progress. It would be
/// lost with the promoted secret.
pub(super) fn only_promoted<'a>(old: Side<'_>, new: Side<'a>) -> Option<&'a Version> {
    let is_safe = |version: &Version| version.labels.is_empty() || old.has_had(&version.id);
    new.versions.iter().find(|version| !is_safe(version))
}

pub(super) fn evidence(
    standing: &Standing,
    old: Side<'_>,
    new: Side<'_>,
    at_promotion: Option<&AtPromotion>,
) -> String {
    let Standing::Apart { newer } = standing else {
        return String::new();
    };
    match newer {
        Newer::Same => {
            "both sides have the same current version; versions are immutable, so the value is the same"
                .to_owned()
        }
        Newer::Promoted => {
            "the old primary secret's current version is one that the promoted secret has replaced".to_owned()
        }
        Newer::OldPrimary => {
            "the promoted secret's current version is one that the old primary secret has replaced: the last \
             value before the failover did not reach the failover Region, or an owner changed the old primary \
             secret afterwards"
                .to_owned()
        }
        Newer::Unknown if old.current() == new.current() && old.current().is_some() => {
            "both sides have the same current version, but the promoted secret has another version with a label, for \
             instance of a rotation in progress, which the old primary secret lacks"
                .to_owned()
        }
        Newer::Unknown => {
            let time = |side: Side<'_>| {
                let created = side.created(side.current());
                created.map_or("an unknown time".to_owned(), |created| {
                    created.to_rfc3339_opts(SecondsFormat::Secs, true)
                })
            };
            let since = match at_promotion {
                Some(_) => "both sides changed after the promotion",
                None => "neither side keeps the other's current version",
            };
            format!(
                "{since}; the current version was created at {} in the old primary Region and at {} in the \
                 failover Region, but the later one is not always the right one",
                time(old),
                time(new)
            )
        }
    }
}
