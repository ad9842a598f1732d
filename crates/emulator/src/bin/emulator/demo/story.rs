//! What the demo tells: one story per event.

use std::fmt::Debug;
use std::time::Duration;

use secret_replicator_emulator::SecretSeed;

use super::REPLICATE_TO;
use super::ending::Ending;

/// The Region of every primary secret in the demo.
pub(crate) const HOME: &str = "us-east-1";

/// One event, the world it happens in, and how it must end.
pub(crate) struct Story {
    /// The event's file.
    pub(crate) file: &'static str,
    pub(crate) title: &'static str,
    /// The value of the tag `replicate-to`: the event does not have it, so the function must look.
    pub(crate) replicate_to: Option<&'static str>,
    pub(crate) owning_service: Option<&'static str>,
    /// A Region in which another secret has the name.
    pub(crate) name_taken_in: Option<&'static str>,
    /// The secret has no value until this long after the event.
    pub(crate) value_comes_after: Option<Duration>,
    pub(crate) expected: Expected,
}

/// How an event must end.
pub(crate) struct Expected {
    pub(crate) outcome: &'static str,
    pub(crate) reason: Option<&'static str>,
    pub(crate) error_type: Option<&'static str>,
    /// Region, status, reason.
    pub(crate) replicas: &'static [(&'static str, &'static str, Option<&'static str>)],
}

impl Expected {
    const SKIPPED: Expected = Expected {
        outcome: "skipped",
        reason: None,
        error_type: None,
        replicas: &[],
    };

    /// What is not as it must be; nothing if all is well.
    pub(crate) fn differences(&self, ending: &Ending) -> Vec<String> {
        let mut replicas: Vec<_> = ending.replicas().collect();
        replicas.sort_unstable();
        let replicas: Vec<_> = replicas
            .into_iter()
            .map(|replica| (replica.region, replica.status, replica.reason))
            .collect();
        let told = [
            differing("outcome", &ending.outcome(), &Some(self.outcome)),
            differing("reason", &ending.reason(), &self.reason),
            differing("errorType", &ending.error_type(), &self.error_type),
            differing("replicas", &replicas.as_slice(), &self.replicas),
        ];
        told.into_iter().flatten().chain(ending.lies()).collect()
    }
}

fn differing<T: PartialEq + Debug>(what: &str, actual: &T, expected: &T) -> Option<String> {
    (actual != expected).then(|| format!("{what} is {actual:?} instead of {expected:?}"))
}

impl Story {
    const PLAIN: Story = Story {
        file: "",
        title: "",
        replicate_to: None,
        owning_service: None,
        name_taken_in: None,
        value_comes_after: None,
        expected: Expected::SKIPPED,
    };

    /// The event's secret, as this story has it.
    pub(crate) fn secret(&self, mut seed: SecretSeed) -> SecretSeed {
        if let Some(regions) = self.replicate_to {
            seed = seed.with_tag(REPLICATE_TO, regions);
        }
        if let Some(service) = self.owning_service {
            seed = seed.with_owning_service(service);
        }
        if self.value_comes_after.is_some() {
            seed = seed.without_value();
        }
        seed
    }
}

/// The stories, in the order they are told.
pub(crate) const ALL: &[Story] = &[
    Story {
        file: "01-names-its-regions.json",
        title: "a secret names its Regions in a tag",
        replicate_to: Some("eu-west-1 us-west-2"),
        expected: Expected {
            outcome: "replicated",
            replicas: &[
                ("eu-west-1", "in-sync", None),
                ("us-west-2", "in-sync", None),
            ],
            ..Expected::SKIPPED
        },
        ..Story::PLAIN
    },
    Story {
        file: "02-no-tags.json",
        title: "a secret without tags is none of our business",
        expected: Expected {
            reason: Some("no-rule-matched"),
            ..Expected::SKIPPED
        },
        ..Story::PLAIN
    },
    Story {
        file: "03-name-taken.json",
        title: "the name is taken in one of two Regions",
        replicate_to: Some("eu-west-1 us-west-2"),
        name_taken_in: Some("eu-west-1"),
        expected: Expected {
            outcome: "failed",
            error_type: Some("ReplicationFailed"),
            replicas: &[
                ("eu-west-1", "failed", Some("name-already-exists")),
                ("us-west-2", "in-sync", None),
            ],
            ..Expected::SKIPPED
        },
        ..Story::PLAIN
    },
    Story {
        file: "04-managed-by-rds.json",
        title: "RDS manages the secret",
        replicate_to: Some("eu-west-1"),
        owning_service: Some("rds"),
        expected: Expected {
            reason: Some("managed-by-service"),
            ..Expected::SKIPPED
        },
        ..Story::PLAIN
    },
    Story {
        file: "05-value-comes-later.json",
        title: "Terraform puts the value two seconds later",
        replicate_to: Some("eu-west-1"),
        value_comes_after: Some(Duration::from_secs(2)),
        expected: Expected {
            outcome: "replicated",
            replicas: &[("eu-west-1", "in-sync", None)],
            ..Expected::SKIPPED
        },
        ..Story::PLAIN
    },
    Story {
        file: "06-typo-in-tag.json",
        title: "a typo in the tag does not stop the other Region",
        replicate_to: Some("eu-west-1 us-west2"),
        expected: Expected {
            outcome: "refused",
            replicas: &[
                ("eu-west-1", "in-sync", None),
                ("us-west2", "refused", Some("invalid-region")),
            ],
            ..Expected::SKIPPED
        },
        ..Story::PLAIN
    },
    Story {
        file: "07-customer-key.json",
        title: "a customer key must not silently become the default key",
        replicate_to: Some("eu-west-1"),
        expected: Expected {
            outcome: "refused",
            replicas: &[("eu-west-1", "refused", Some("weaker-encryption"))],
            ..Expected::SKIPPED
        },
        ..Story::PLAIN
    },
    Story {
        file: "08-failed-call.json",
        title: "the call failed, so there is no secret",
        expected: Expected {
            reason: Some("api-call-failed"),
            ..Expected::SKIPPED
        },
        ..Story::PLAIN
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use secret_replicator_emulator::{Time, World, WorldSettings};

    use super::*;
    use crate::demo::event::SampleEvent;

    #[test]
    fn every_story_has_an_event_of_its_own_and_every_event_a_story() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/demo");
        let files = std::fs::read_dir(&folder).unwrap();
        let files: BTreeSet<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        let told: BTreeSet<_> = ALL.iter().map(|story| story.file.to_owned()).collect();
        assert_eq!(files, told);
        let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
        for story in ALL {
            let event = SampleEvent::read(&folder.join(story.file)).unwrap();
            assert_eq!(event.region(), HOME, "{}", story.file);
            ids.insert(event.json()["detail"]["eventID"].to_string());
            names.insert(event.secret_name().map(str::to_owned));
        }
        assert_eq!((ids.len(), names.len()), (ALL.len(), ALL.len()));
    }

    #[test]
    fn a_seeded_secret_has_the_arn_that_its_event_names() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/demo");
        for story in ALL {
            let event = SampleEvent::read(&folder.join(story.file)).unwrap();
            let arn = event.json().pointer("/detail/responseElements/arn");
            let seed = event.secret().map(|seed| story.secret(seed));
            let mut world = World::new(WorldSettings::default());
            let seeded = seed.map(|seed| world.seed(Time(0), seed));
            assert_eq!(seeded.as_deref(), arn.and_then(|arn| arn.as_str()));
        }
    }
}
