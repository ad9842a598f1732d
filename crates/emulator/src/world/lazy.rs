//! Secrets that are computed from their number when a call needs them, so that a world of half a million
//! secrets takes little memory.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::history::{Order, SortKey};
use super::replication::replica_of;
use super::secret::Secret;
use super::seed::{SecretSeries, secret_from};
use super::{Time, World};

/// A series in a world, for all its Regions.
#[derive(Debug)]
pub(super) struct SeededSeries {
    pub(super) series: SecretSeries,
    /// The time of its seeding.
    pub(super) since: Time,
    /// The world's counter before its seeding.
    pub(super) counter: u64,
}

/// The secrets of a series in one Region that have not changed since.
#[derive(Debug)]
pub(super) struct LazySecrets {
    seeded: Arc<SeededSeries>,
    region: String,
    /// The numbers of the secrets that the Region stores like any other, or has removed.
    taken: BTreeSet<usize>,
}

impl SeededSeries {
    /// Returns the primary secret or the replica with this number, as the seed of each would make it.
    fn secret(&self, number: usize, region: &str) -> Secret {
        let mut counter = self.counter + self.series.numbers_before(number);
        let next_number = || {
            counter += 1;
            counter
        };
        let primary = secret_from(self.since, self.series.seed(number), next_number);
        let replica = primary.rows().iter().find(|row| row.region == region);
        replica.map_or_else(
            || primary.clone(),
            |row| replica_of(&primary, row, self.since),
        )
    }
}

impl LazySecrets {
    pub(super) fn new(seeded: Arc<SeededSeries>, region: &str) -> LazySecrets {
        LazySecrets {
            seeded,
            region: region.to_owned(),
            taken: BTreeSet::new(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<Secret> {
        let number = self.number(name)?;
        Some(self.seeded.secret(number, &self.region))
    }

    /// Removes a secret from the lazy ones. Returns it with the time since which it exists.
    pub(super) fn take(&mut self, name: &str) -> Option<(Time, Arc<Secret>)> {
        let number = self.number(name)?;
        self.taken.insert(number);
        let secret = self.seeded.secret(number, &self.region);
        Some((self.seeded.since, Arc::new(secret)))
    }

    /// Returns the names of the secrets.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let series = &self.seeded.series;
        let numbers = (0..series.count()).filter(|number| !self.taken.contains(number));
        numbers.map(|number| series.name(number))
    }

    /// Returns the secrets that existed `lag` ago and come after a key in this order. Their numbers have
    /// the order of their keys, because they were created at the same time and their names differ only in
    /// digits.
    pub(super) fn list<'a>(
        &'a self,
        now: Time,
        lag: Duration,
        order: Order,
        after: Option<SortKey>,
        key: impl Fn(&Secret) -> SortKey + 'a,
    ) -> Box<dyn Iterator<Item = Arc<Secret>> + 'a> {
        let count = self.seeded.series.count();
        let secret = |number| self.seeded.secret(number, &self.region);
        let is_visible = self.seeded.since + lag <= now;
        let numbers = match after {
            _ if !is_visible => 0..0,
            None => 0..count,
            Some(after) if order.is_descending => 0..first(count, |n| key(&secret(n)) >= after),
            Some(after) => first(count, |n| key(&secret(n)) > after)..count,
        };
        let untaken = move |number: &usize| !self.taken.contains(number);
        let secret = move |number| Arc::new(self.seeded.secret(number, &self.region));
        if order.is_descending {
            Box::new(numbers.rev().filter(untaken).map(secret))
        } else {
            Box::new(numbers.filter(untaken).map(secret))
        }
    }

    fn number(&self, name: &str) -> Option<usize> {
        let number = self.seeded.series.number(name)?;
        (!self.taken.contains(&number)).then_some(number)
    }
}

/// Returns the first number that meets a condition which all following numbers meet; `count` if none does.
fn first(count: usize, is_met: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if is_met(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

impl World {
    /// Puts the secrets of a series into their Region, with the result of [`World::seed`] for each in turn.
    ///
    /// If no Region of the series has had secrets, a secret of the series takes memory only after its first
    /// change. A world that keeps its history and secrets that are scheduled for deletion do not save memory.
    pub fn seed_series(&mut self, now: Time, series: SecretSeries) {
        self.advance(now);
        let Some(regions) = self.lazy_regions(&series) else {
            for number in 0..series.count() {
                self.seed(now, series.seed(number));
            }
            return;
        };
        if let Some(key) = &series.template.kms_key_id {
            self.add_key_if_unknown(&series.template.region, key);
        }
        let counter = self.counter;
        self.counter += series.numbers_before(series.count());
        let since = now;
        let seeded = Arc::new(SeededSeries {
            series,
            since,
            counter,
        });
        for region in regions {
            let secrets = LazySecrets::new(Arc::clone(&seeded), &region);
            self.region_mut(&region).add_lazy(secrets);
        }
    }

    /// Returns the Regions of a series whose secrets can be lazy.
    fn lazy_regions(&mut self, series: &SecretSeries) -> Option<Vec<String>> {
        if self.settings.keeps_history || series.template.scheduled_for_deletion {
            return None;
        }
        let regions: Vec<String> = series.regions()?.into_iter().map(str::to_owned).collect();
        let mut untouched = regions
            .iter()
            .map(|region| self.region_mut(region).is_untouched());
        untouched
            .all(|is_untouched| is_untouched)
            .then_some(regions)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{SecretSeed, WorldSettings};

    const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "us-west-2"];

    /// Returns how many secrets each Region stores.
    fn stored(world: &World) -> [usize; 3] {
        REGIONS.map(|region| world.regions[region].stored())
    }

    #[test]
    fn a_secret_of_a_series_is_stored_when_it_changes_and_not_when_it_is_read() {
        let mut world = World::new(WorldSettings::default());
        let template = SecretSeed::new(REGIONS[0], "app/")
            .with_replica_in(REGIONS[1])
            .with_replica_in(REGIONS[2]);
        world.seed_series(Time(0), SecretSeries::new(template, 500_000));
        for (sort, first) in [("asc", "app/000000"), ("desc", "app/499999")] {
            let body = json!({ "SortBy": "name", "SortOrder": sort });
            for region in REGIONS {
                let page = world.handle(Time(0), region, "ListSecrets", &body).unwrap();
                assert_eq!(page["SecretList"][0]["Name"], first);
            }
        }
        let id = json!({ "SecretId": "app/250000" });
        world
            .handle(Time(0), REGIONS[0], "DescribeSecret", &id)
            .unwrap();
        assert_eq!(stored(&world), [0, 0, 0]);
        let tags = json!({ "SecretId": "app/250000", "Tags": [{ "Key": "a", "Value": "b" }] });
        world
            .handle(Time(0), REGIONS[0], "TagResource", &tags)
            .unwrap();
        assert_eq!(stored(&world), [1, 0, 0]);
        world.replicas(Time(10_000), REGIONS[0], "app/250000");
        assert_eq!(stored(&world), [1, 1, 1]);
    }
}
