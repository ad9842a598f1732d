//! The secrets as `ListSecrets` returns them, which may be an older state.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use super::Time;
use super::past::Past;
use super::secret::{Secret, Tag};

/// The part of a secret that a list shows.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) created: Time,
    pub(super) changed: Time,
    pub(super) deleted: Option<Time>,
    pub(super) tags: Vec<Tag>,
    pub(super) stages: Vec<(String, Vec<String>)>,
    pub(super) owning_service: Option<String>,
    pub(super) primary_region: Option<String>,
}

impl Listed {
    pub(super) fn new(arn: String, secret: &Secret) -> Listed {
        Listed {
            arn,
            name: secret.name.clone(),
            description: secret.description.clone(),
            kms_key_id: secret.kms_key_id.clone(),
            created: secret.created,
            changed: secret.changed,
            deleted: secret.deletion,
            tags: secret.tags.clone(),
            stages: secret
                .versions
                .iter()
                .map(|version| (version.id.clone(), version.stages.clone()))
                .collect(),
            owning_service: secret.owning_service.clone(),
            primary_region: secret.primary_region().map(str::to_owned),
        }
    }
}

/// The place of a secret in a list: lists are in the order of creation.
pub(super) type Place = (Time, String);

/// The states of a secret; `None` is that it is gone.
type History = Past<Option<Listed>>;

/// Every Region's list, with as much of its past as the lag needs.
#[derive(Debug)]
pub(super) struct ListIndex {
    lag: Duration,
    regions: BTreeMap<String, BTreeMap<Place, History>>,
}

impl ListIndex {
    pub(super) fn new(lag: Duration) -> ListIndex {
        ListIndex {
            lag,
            regions: BTreeMap::new(),
        }
    }

    pub(super) fn record(&mut self, at: Time, region: &str, listed: Listed) {
        let place = (listed.created, listed.arn.clone());
        self.append(at, region, &place, Some(listed));
    }

    pub(super) fn forget(&mut self, at: Time, region: &str, place: &Place) {
        self.append(at, region, place, None);
    }

    fn append(&mut self, at: Time, region: &str, place: &Place, state: Option<Listed>) {
        let lag = self.lag;
        let secrets = self.regions.entry(region.to_owned()).or_default();
        let history = secrets.entry(place.clone()).or_default();
        history.record(at, lag, state);
        if let Some(None) = history.only() {
            secrets.remove(place);
        }
    }

    /// The secrets behind `after`, in order, as a list at `now` shows them.
    pub(super) fn after(
        &self,
        now: Time,
        region: &str,
        after: Option<&Place>,
    ) -> impl Iterator<Item = (&Place, &Listed)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.regions
            .get(region)
            .into_iter()
            .flat_map(move |secrets| secrets.range((from, Bound::Unbounded)))
            .filter_map(move |(place, history)| {
                let state = history.seen(now, self.lag)?;
                Some((place, state.as_ref()?))
            })
    }
}
