//! `BatchGetSecretValue`.

use serde_json::{Value, json};

use super::ApiResult;
use crate::world::render::without_nulls;
use crate::world::request::Input;
use crate::world::{ApiError, Time, World};

impl World {
    /// Returns the current values of the listed or filtered secrets, and an error for each secret
    /// without one \[doc\].
    pub(super) fn batch_get_values(&mut self, now: Time, region: &str, input: &Input) -> ApiResult {
        let (ids, next_token) = self.batch(now, region, input)?;
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for id in &ids {
            match self.value(now, region, id, input) {
                Ok(value) => values.push(value),
                Err(error) => errors.push(json!({
                    "SecretId": id,
                    "ErrorCode": error.code,
                    "Message": error.message,
                })),
            }
        }
        Ok(without_nulls(json!({
            "SecretValues": values,
            "NextToken": next_token,
            "Errors": errors,
        })))
    }

    /// Returns the IDs of the secrets, and the token of the next page of a filtered list.
    fn batch(
        &mut self,
        now: Time,
        region: &str,
        input: &Input,
    ) -> Result<(Vec<String>, Value), ApiError> {
        match (&input.secret_id_list, &input.filters) {
            (Some(_), None) if input.max_results.is_some() => Err(ApiError::invalid_parameter(
                "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is \
                 provided.",
            )),
            (Some(ids), None) => Ok((ids.clone(), Value::Null)),
            (None, Some(_)) => {
                let page = self.list_secrets(now, region, input)?;
                let entries = page["SecretList"].as_array().into_iter().flatten();
                let arns = entries.filter_map(|entry| entry["ARN"].as_str());
                let ids = arns.map(str::to_owned).collect();
                Ok((ids, page["NextToken"].clone()))
            }
            _ => Err(ApiError::invalid_parameter(
                "Either 'SecretIdList' or 'Filters' must be provided, but not both.",
            )),
        }
    }
}
