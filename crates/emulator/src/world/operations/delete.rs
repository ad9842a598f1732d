//! `DeleteSecret` and `RestoreSecret`.

use std::time::Duration;

use serde_json::{Value, json};

use super::ApiResult;
use crate::world::agenda::Task;
use crate::world::render::without_nulls;
use crate::world::request::Input;
use crate::world::secret::{Role, Secret};
use crate::world::{ApiError, Time, World};

const DAY: Duration = Duration::from_hours(24);

impl World {
    pub(super) fn delete_secret(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let id = input.secret_id()?;
        let window = recovery_window(input)?;
        let Some(secret) = self.find(region, id) else {
            return match window {
                // Deleting a missing secret without recovery is not an error [doc].
                None => Ok(deleted(None, id, now)),
                Some(_) => Err(ApiError::secret_not_found()),
            };
        };
        check_deletable(&secret, window)?;
        match window {
            None => {
                self.strand_replicas(now, &secret);
                self.remove(now, region, &secret.name);
            }
            Some(window) => self.schedule_deletion(now, &secret, window),
        }
        let date = now + window.unwrap_or_default();
        Ok(deleted(Some(&secret.arn()), &secret.name, date))
    }

    pub(in crate::world) fn schedule_deletion(
        &mut self,
        now: Time,
        secret: &Secret,
        window: Duration,
    ) {
        self.update(now, &secret.region, &secret.name, |secret| {
            secret.deletion = Some(now);
            secret.changed = now;
        });
        let purge = Task::Purge {
            region: secret.region.clone(),
            name: secret.name.clone(),
            suffix: secret.suffix.clone(),
        };
        self.agenda.plan(now + window, purge);
    }

    pub(super) fn restore_secret(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let secret = self.locate(region, input.secret_id()?)?;
        if matches!(secret.role, Role::Replica { .. }) {
            return Err(ApiError::on_replica());
        }
        self.update(now, region, &secret.name, |secret| {
            secret.deletion = None;
            secret.changed = now;
        });
        Ok(json!({ "ARN": secret.arn(), "Name": secret.name }))
    }
}

/// Returns the recovery window, or `None` for a deletion without recovery.
fn recovery_window(input: &Input) -> Result<Option<Duration>, ApiError> {
    let is_forced = input.force_delete_without_recovery.unwrap_or_default();
    match checked_days(input)? {
        Some(_) if is_forced => Err(ApiError::invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        )),
        None if is_forced => Ok(None),
        days => Ok(Some(DAY * days.unwrap_or(30))),
    }
}

/// Returns `RecoveryWindowInDays`, if the request has it, within its limits \[doc\].
fn checked_days(input: &Input) -> Result<Option<u32>, ApiError> {
    let Some(days) = input.recovery_window_in_days else {
        return Ok(None);
    };
    let days = u32::try_from(days).ok();
    let days = days.filter(|days| (7..=30).contains(days));
    days.map(Some).ok_or_else(|| {
        ApiError::invalid_parameter(
            "RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
        )
    })
}

fn check_deletable(secret: &Secret, window: Option<Duration>) -> Result<(), ApiError> {
    match &secret.role {
        Role::Replica { .. } => Err(ApiError::on_replica()),
        Role::Primary(_) if secret.owning_service.is_some() => Err(ApiError::managed_by_service()),
        Role::Primary(rows) if !rows.is_empty() => {
            let regions: Vec<&str> = rows.iter().map(|row| row.region.as_str()).collect();
            Err(ApiError::invalid_parameter(format!(
                "You can't delete secret {} that still has replica regions [{}].",
                secret.arn(),
                regions.join(", ")
            )))
        }
        Role::Primary(_) if window.is_some() && secret.deletion.is_some() => {
            Err(ApiError::marked_for_deletion())
        }
        Role::Primary(_) => Ok(()),
    }
}

fn deleted(arn: Option<&str>, name: &str, date: Time) -> Value {
    without_nulls(json!({
        "ARN": arn,
        "Name": name,
        "DeletionDate": date.as_epoch_seconds(),
    }))
}
