//! `GetRandomPassword`.

use serde_json::json;

use super::ApiResult;
use crate::world::request::Input;
use crate::world::{ApiError, World};

/// The character types \[doc\].
const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMBERS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

impl World {
    /// Returns a password that is **not secret**: it follows from the calls before, so that a test
    /// can be repeated.
    pub(super) fn random_password(&mut self, input: &Input) -> ApiResult {
        let types = included_types(input);
        let length = usize::try_from(input.password_length.unwrap_or(32)).unwrap_or_default();
        let each_once = input.require_each_included_type.unwrap_or(true);
        let shortest = if each_once { types.len() } else { 1 };
        if types.is_empty() || !(shortest..=4096).contains(&length) {
            return Err(ApiError::invalid_parameter(
                "PasswordLength must be at most 4096 and allow each required character type.",
            ));
        }
        let mut random = fastrand::Rng::with_seed(self.next_number());
        let mut all = types.concat();
        if input.include_space.unwrap_or_default() {
            all.push(' ');
        }
        let required = types.iter().filter(|_| each_once);
        let mut password: Vec<char> = required.filter_map(|set| pick(&mut random, set)).collect();
        while password.len() < length {
            password.extend(pick(&mut random, &all));
        }
        random.shuffle(&mut password);
        let password: String = password.into_iter().collect();
        Ok(json!({ "RandomPassword": password }))
    }
}

/// Returns the characters of each type that the request does not exclude.
fn included_types(input: &Input) -> Vec<String> {
    let excluded = input.exclude_characters.as_deref().unwrap_or_default();
    let types = [
        (LOWERCASE, input.exclude_lowercase),
        (UPPERCASE, input.exclude_uppercase),
        (NUMBERS, input.exclude_numbers),
        (PUNCTUATION, input.exclude_punctuation),
    ];
    types
        .into_iter()
        .filter(|(_, is_excluded)| !is_excluded.unwrap_or_default())
        .map(|(set, _)| set.chars().filter(|c| !excluded.contains(*c)).collect())
        .filter(|set: &String| !set.is_empty())
        .collect()
}

fn pick(random: &mut fastrand::Rng, characters: &str) -> Option<char> {
    random.choice(characters.chars().collect::<Vec<_>>())
}
