//! The native events about replicas: AWS moves a label or changes tags of a replica when it copies the primary
//! secret. Whether it sends these events is inferred.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use secret_replicator_emulator::{SecretView, Time, World};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::connector::SimulatedAws;
use crate::events;
use crate::journal::Purpose;
use crate::lambda::Lambda;
use crate::scenario::{HOME, REGIONS, ReplicaEvents};

/// The time between two snapshots of the replicas, which is also the longest delay of an event.
const INTERVAL: Duration = Duration::from_secs(1);

/// Delivers the events about replicas until this time, and waits for the last invocation.
pub(crate) async fn deliver(
    aws: &SimulatedAws,
    lambda: &Rc<Lambda>,
    arrive: ReplicaEvents,
    until: Instant,
) {
    if arrive == ReplicaEvents::Nowhere {
        return;
    }
    let mut replicas = Replicas::default();
    aws.service.with(|world, now| replicas.changes(world, now));
    let mut deliveries = JoinSet::new();
    while Instant::now() < until {
        sleep(INTERVAL).await;
        for (region, event) in aws.service.with(|world, now| replicas.changes(world, now)) {
            let lambda = Rc::clone(lambda);
            let region = match arrive {
                ReplicaEvents::Home => HOME,
                _ => region,
            };
            deliveries.spawn_local(async move {
                let purpose = Purpose::ReplicaEvent;
                lambda.deliver_in(region, &event, purpose).await;
            });
        }
    }
    deliveries.join_all().await;
}

/// The last snapshot of the replicas, by Region and ARN.
#[derive(Default)]
struct Replicas {
    known: BTreeMap<(&'static str, String), SecretView>,
    events: usize,
}

impl Replicas {
    /// Returns the events since the last snapshot, each with its Region.
    fn changes(&mut self, world: &mut World, now: Time) -> Vec<(&'static str, Value)> {
        let mut events = Vec::new();
        let mut replicas = BTreeMap::new();
        for region in REGIONS {
            let secrets = world.secrets(now, region).into_iter();
            let of_home = |secret: &SecretView| {
                secret.is_replica && secret.primary_region.as_deref() == Some(HOME)
            };
            for replica in secrets.filter(of_home) {
                let place = (region, replica.arn.clone());
                let before = self.known.get(&place);
                self.events += 1;
                let id = format!("replica-{}", self.events);
                if before.is_none_or(|before| before.version_id != replica.version_id) {
                    events.push((region, events::label(&replica, &id)));
                }
                if before.is_none_or(|before| before.tags != replica.tags) {
                    events.push((region, events::tag_change(&replica, &id)));
                }
                replicas.insert(place, replica);
            }
        }
        self.known = replicas;
        events
    }
}
