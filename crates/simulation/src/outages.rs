//! Outages of AWS and of single Regions.

use std::time::Duration;

use secret_replicator_emulator::{Fault, Service};
use tokio::time::sleep;

use crate::scenario::HOME;

/// Lets calls fail for some time, after a while. Times are in milliseconds. If the fault names a Region other
/// than [`HOME`], that Region makes no changes meanwhile.
pub(crate) async fn disturb(service: &Service, after: u32, length: u32, fault: &Fault) {
    let milliseconds = |time: u32| Duration::from_millis(time.into());
    let stopped = fault.region.as_deref().filter(|region| *region != HOME);
    sleep(milliseconds(after)).await;
    service.script(fault.clone());
    if let Some(region) = stopped {
        service.with(|world, now| world.suspend(now, region));
    }
    sleep(milliseconds(length)).await;
    service.forget_fault(fault);
    if let Some(region) = stopped {
        service.with(|world, now| world.resume(now, region));
    }
}
