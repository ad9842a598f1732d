//! The write quota: a token bucket per Region.

use std::collections::BTreeMap;

use super::Time;

/// The price of a call in units; a bucket gains `rate` units every millisecond.
const CALL: u64 = 1000;

/// The buckets of all Regions.
#[derive(Debug)]
pub(super) struct WriteQuota {
    rate: Option<u32>,
    buckets: BTreeMap<String, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    units: u64,
    filled: Time,
}

impl WriteQuota {
    pub(super) fn new(rate: Option<u32>) -> WriteQuota {
        WriteQuota {
            rate,
            buckets: BTreeMap::new(),
        }
    }

    /// Whether a call of those that share the quota may proceed; takes its price if so.
    pub(super) fn admits(&mut self, now: Time, region: &str) -> bool {
        let Some(rate) = self.rate else {
            return true;
        };
        let full = u64::from(rate) * CALL;
        let bucket = self.buckets.entry(region.to_owned()).or_insert(Bucket {
            units: full,
            filled: now,
        });
        let elapsed = now.0.saturating_sub(bucket.filled.0);
        let gained = elapsed.saturating_mul(u64::from(rate));
        bucket.units = bucket.units.saturating_add(gained).min(full);
        bucket.filled = bucket.filled.max(now);
        let left = bucket.units.checked_sub(CALL);
        bucket.units = left.unwrap_or(bucket.units);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_has_its_own_bucket_that_refills_with_time() {
        let mut quota = WriteQuota::new(Some(2));
        assert!(quota.admits(Time(0), "us-east-1"));
        assert!(quota.admits(Time(0), "us-east-1"));
        assert!(!quota.admits(Time(499), "us-east-1"));
        assert!(quota.admits(Time(499), "eu-west-1"));
        assert!(quota.admits(Time(500), "us-east-1"));
        assert!(!quota.admits(Time(500), "us-east-1"));
    }

    #[test]
    fn no_rate_is_no_limit_and_a_rate_of_zero_admits_nothing() {
        assert!(!WriteQuota::new(Some(0)).admits(Time(0), "us-east-1"));
        assert!(WriteQuota::new(None).admits(Time(0), "us-east-1"));
    }
}
