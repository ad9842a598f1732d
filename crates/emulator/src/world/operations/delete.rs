//! `DeleteSecret` and `RestoreSecret`.

use std::time::Duration;

use serde_json::Value;

use crate::world::agenda::Task;
use crate::world::render::Members;
use crate::world::request::{self, parse, required};
use crate::world::secret::{Role, Secret};
use crate::world::{ApiError, Time, World};

const DAY: Duration = Duration::from_hours(24);

/// When a secret goes for good.
#[derive(Clone, Copy)]
enum End {
    Now,
    After(Duration),
}

impl World {
    pub(super) fn delete_secret(
        &mut self,
        now: Time,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let raw: request::DeleteSecret = parse(body)?;
        let id = required(raw.secret_id.as_deref(), "secretId")?;
        let end = end_of(&raw)?;
        let Some(secret) = self.find(region, id) else {
            return match end {
                // Deleting a missing secret without recovery is not an error [doc].
                End::Now => Ok(deleted(None, id, now)),
                End::After(_) => Err(ApiError::secret_not_found()),
            };
        };
        let arn = self.arn_of(secret);
        check_deletable(secret, &arn, end)?;
        let name = secret.name.clone();
        let date = self.end(now, region, &name, end);
        Ok(deleted(Some(arn), &name, date))
    }

    fn end(&mut self, now: Time, region: &str, name: &str, end: End) -> Time {
        match end {
            End::Now => {
                self.remove(now, region, name);
                now
            }
            End::After(window) => {
                self.schedule_deletion(now, region, name, window);
                now + window
            }
        }
    }

    pub(in crate::world) fn schedule_deletion(
        &mut self,
        now: Time,
        region: &str,
        name: &str,
        window: Duration,
    ) {
        if let Some(secret) = self.by_name_mut(region, name) {
            secret.deletion = Some(now);
            secret.changed = now;
            let purge = Task::Purge {
                region: region.to_owned(),
                name: name.to_owned(),
                suffix: secret.suffix.clone(),
            };
            self.agenda.plan(now + window, purge);
        }
        self.note(now, region, name);
    }

    pub(super) fn restore_secret(
        &mut self,
        now: Time,
        region: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let raw: request::OneSecret = parse(body)?;
        let name = self.locate(region, &required(raw.secret_id, "secretId")?)?;
        let secret = self
            .by_name_mut(region, &name)
            .ok_or_else(ApiError::secret_not_found)?;
        if matches!(secret.role, Role::Replica { .. }) {
            return Err(ApiError::on_replica());
        }
        secret.deletion = None;
        secret.changed = now;
        self.note(now, region, &name);
        let arn = self
            .by_name(region, &name)
            .map(|secret| self.arn_of(secret));
        Ok(Members::default()
            .with_some("ARN", arn)
            .with("Name", name)
            .into_value())
    }
}

fn end_of(raw: &request::DeleteSecret) -> Result<End, ApiError> {
    let forced = raw.force_delete_without_recovery.unwrap_or_default();
    match raw.recovery_window_in_days {
        Some(_) if forced => Err(ApiError::invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        )),
        None if forced => Ok(End::Now),
        window => {
            let days = u32::try_from(window.unwrap_or(30))
                .ok()
                .filter(|days| (7..=30).contains(days))
                .ok_or_else(|| {
                    ApiError::invalid_parameter(
                        "RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
                    )
                })?;
            Ok(End::After(DAY * days))
        }
    }
}

fn check_deletable(secret: &Secret, arn: &str, end: End) -> Result<(), ApiError> {
    match (&secret.role, end) {
        (Role::Replica { .. }, _) => Err(ApiError::on_replica()),
        (Role::Primary(_), _) if secret.owning_service.is_some() => {
            Err(ApiError::managed_by_service())
        }
        (Role::Primary(rows), _) if !rows.is_empty() => {
            let regions: Vec<&str> = rows.iter().map(|row| row.region.as_str()).collect();
            Err(ApiError::invalid_parameter(format!(
                "You can't delete secret {arn} that still has replica regions [{}].",
                regions.join(", ")
            )))
        }
        (Role::Primary(_), End::After(_)) if secret.deletion.is_some() => {
            Err(ApiError::marked_for_deletion())
        }
        (Role::Primary(_), _) => Ok(()),
    }
}

fn deleted(arn: Option<String>, name: &str, date: Time) -> Value {
    Members::default()
        .with_some("ARN", arn)
        .with("Name", name)
        .with("DeletionDate", date.as_epoch_seconds())
        .into_value()
}
