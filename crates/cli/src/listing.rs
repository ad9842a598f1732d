//! Reads the whole list of a Region.

use std::time::Duration;

use chrono::Utc;
use secret_replicator_aws::{DeletedSecrets, ListedSecret, Reader};
use secret_replicator_core::policy::ListFilter;
use secret_replicator_core::secret::{Region, Secret};
use tokio::time::Instant;

use crate::access::ApiError;
use crate::progress::Progress;
use crate::survey::ListTime;

/// The secrets of a Region.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The secrets with their rotation, in the order of the list.
    pub(crate) secrets: Vec<ListedSecret>,
    /// The time of the list, and why it is incomplete.
    pub(crate) time: ListTime,
}

impl Listing {
    /// Returns the secrets without their rotation.
    pub(crate) fn into_secrets(self) -> (Vec<Secret>, ListTime) {
        let secrets = self.secrets.into_iter().map(|listed| listed.secret);
        (secrets.collect(), self.time)
    }
}

/// Reads a Region's list. Each page must arrive within the timeout.
///
/// # Errors
/// AWS does not return a page.
pub(crate) async fn read(
    reader: &Reader,
    region: &Region,
    filter: Option<&ListFilter>,
    deleted: DeletedSecrets,
    timeout: Duration,
    progress: &Progress,
) -> Result<Listing, ApiError> {
    let started = Utc::now();
    let mut listing = Listing {
        secrets: Vec::new(),
        time: ListTime {
            account: None,
            primary_region: region.clone(),
            region: region.clone(),
            started,
            ended: started,
            error: None,
        },
    };
    let mut token: Option<String> = None;
    loop {
        let until = Instant::now() + timeout;
        let page = reader
            .list_with_rotation(filter, deleted, token.as_deref(), until)
            .await;
        let page = page.map_err(|error| ApiError::from(&error))?;
        progress.add(page.secrets.len());
        for listed in page.secrets {
            match listed {
                Ok(listed) => listing.secrets.push(listed),
                Err(entry) => {
                    listing.time.error = Some(ApiError::from(&entry.error).to_string());
                }
            }
        }
        listing.time.ended = Utc::now();
        token = page.next_token;
        if token.is_none() {
            return Ok(listing);
        }
    }
}

/// Returns the filter for the names that begin with a text. `None` for every name.
pub(crate) fn by_prefix(prefix: &str) -> Option<ListFilter> {
    let prefixes = || [prefix.to_owned()].into();
    (!prefix.is_empty()).then(|| ListFilter::NamePrefixes(prefixes()))
}
