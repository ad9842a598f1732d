//! Reads a file of tests with the reader that reads policies.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use secret_replicator_core::limits::{AllowedRegions, Limits, RemovalLimit};
use secret_replicator_core::policy::Problem;
use secret_replicator_core::policy::reader::{Node, Place, Reader};
use secret_replicator_core::secret::{Region, Secret};

use super::{Case, Expected, FORM_HINT, KeyName};
use crate::arguments;
use crate::explain::{kms_key, overwrite};

const REGION_HINT: &str = "write a Region code, for instance `eu-west-1`";
const REPLICATE_HINT: &str =
    "write a list of Regions, or a map of Regions to keys; `[]` expects no replica";

/// A file of tests that is being read. A method answers nothing only after it has noted why.
#[derive(Default)]
pub(super) struct File {
    reader: Reader,
    names: HashSet<String>,
}

impl File {
    pub(super) fn problems(self, root: &Node<'_>) -> Vec<Problem> {
        self.reader.into_problems(root)
    }

    pub(super) fn file(&mut self, root: &Place<'_>) -> Option<super::File> {
        let [settings, tests] = self.reader.fields(root, ["settings", "tests"])?;
        let limits = match settings {
            Some(settings) => self.limits(&settings),
            None => Some(limits(AllowedRegions::Any, false)),
        };
        let tests = self.reader.required(tests, root, "tests", FORM_HINT)?;
        let places = self.reader.list_or_empty(&tests, FORM_HINT)?;
        if places.len() == 0 {
            self.reader
                .error(&tests, "no-tests", "there are no tests", FORM_HINT);
        }
        let cases: Vec<_> = places.map(|place| self.case(&place)).collect();
        Some(super::File {
            limits: limits?,
            tests: cases.into_iter().collect::<Option<_>>()?,
        })
    }

    fn limits(&mut self, place: &Place<'_>) -> Option<Limits> {
        let names = ["allowed-replica-regions", "allow-overwrite"];
        let [allowed, overwrites] = self.reader.fields(place, names)?;
        let allowed_regions = match allowed {
            None => Some(AllowedRegions::Any),
            Some(place) if place.is_list() => self.regions(&place).map(|regions| {
                if regions.is_empty() {
                    AllowedRegions::Any
                } else {
                    AllowedRegions::Only(regions)
                }
            }),
            Some(place) => self.allowed_regions(&place),
        };
        let hint = "write `allow-overwrite: true` or `allow-overwrite: false`";
        let overwrites = match overwrites {
            Some(place) => self.reader.boolean(&place, hint),
            None => Some(false),
        };
        Some(limits(allowed_regions?, overwrites?))
    }

    /// The Regions as the function's setting writes them.
    fn allowed_regions(&mut self, place: &Place<'_>) -> Option<AllowedRegions> {
        let text = self.reader.text_or_empty(place, REGION_HINT)?;
        let allowed_regions = arguments::allowed_regions(text).map_err(|error| {
            self.reader
                .error(place, "invalid-region", error, REGION_HINT);
        });
        allowed_regions.ok()
    }

    fn case(&mut self, place: &Place<'_>) -> Option<Case> {
        let [name, secret, expect] = self.reader.fields(place, ["name", "secret", "expect"])?;
        let name = self.reader.required(name, place, "name", FORM_HINT);
        let text = name.and_then(|name| self.name(&name));
        let secret = self.reader.required(secret, place, "secret", FORM_HINT);
        let secret = secret.and_then(|secret| self.secret(&secret));
        let expect = self.reader.required(expect, place, "expect", FORM_HINT);
        let expect = expect.and_then(|expect| self.expected(&expect));
        Some(Case {
            name: text?,
            line: name?.line(),
            secret: secret?,
            expect: expect?,
        })
    }

    fn name(&mut self, place: &Place<'_>) -> Option<String> {
        let name = self.reader.text(place, "name the test")?;
        if !self.names.insert(name.to_owned()) {
            let message = format!("another test has the name `{name}` too");
            let hint = "give each test a name of its own";
            self.reader
                .error(place, "duplicate-test-name", message, hint);
        }
        Some(name.to_owned())
    }

    fn secret(&mut self, place: &Place<'_>) -> Option<Secret> {
        let names = ["name", "tags", "primary-region", "kms-key"];
        let [name, tags, region, key] = self.reader.fields(place, names)?;
        let name = self.reader.required(name, place, "name", FORM_HINT);
        let name = name.and_then(|name| Some((name, self.reader.text(&name, FORM_HINT)?)));
        let tags = match tags {
            Some(tags) => self.tags(&tags),
            None => Some(BTreeMap::new()),
        };
        let region = self
            .reader
            .required(region, place, "primary-region", FORM_HINT);
        let region = region.and_then(|region| self.region(&region));
        let key = match key {
            Some(key) => self.key(&key).map(Some),
            None => Some(None),
        };
        let (name_place, name) = name?;
        let key = key?.map(|KeyName(key)| key);
        let secret = Secret::hypothetical(name, tags?, &region?, key.as_deref());
        let secret = secret.map_err(|error| {
            self.reader.error(
                &name_place,
                "not-a-secret-name",
                error.to_string(),
                FORM_HINT,
            );
        });
        secret.ok()
    }

    fn tags(&mut self, place: &Place<'_>) -> Option<BTreeMap<String, String>> {
        let hint = "map tag keys to values, for instance `tags: { tier: \"1\" }`";
        let entries = self.reader.entries_or_none(place, hint)?;
        let tags: Vec<_> = entries
            .map(|entry| {
                let value = self.reader.text_or_empty(&entry.value, hint)?;
                Some((entry.key.to_owned(), value.to_owned()))
            })
            .collect();
        tags.into_iter().collect()
    }

    fn expected(&mut self, place: &Place<'_>) -> Option<Expected> {
        let names = ["replicate", "refuse", "skip", "rules", "overwrite"];
        let [replicate, refuse, skip, rules, overwrite] = self.reader.fields(place, names)?;
        let replicate = replicate.map(|place| self.replicas(&place).ok_or(Noted));
        let refuse = refuse.map(|place| self.refusals(&place).ok_or(Noted));
        let hint = "write why the secret is left alone, for instance `skip: no-rule-matched`";
        let skip = skip.map(|place| self.reader.text(&place, hint).ok_or(Noted));
        let rules = rules.map(|place| self.rules(&place).ok_or(Noted));
        let overwrite = overwrite.map(|place| self.regions(&place).ok_or(Noted));
        let expected = Expected {
            replicate: replicate.transpose().ok()?,
            refuse: refuse.transpose().ok()?,
            skip: skip.transpose().ok()?.map(str::to_owned),
            rules: rules.transpose().ok()?,
            overwrite: overwrite.transpose().ok()?.unwrap_or_default(),
        };
        if let Some((code, message, hint)) = expected.contradiction() {
            self.reader.error(place, code, message, hint);
        }
        Some(expected)
    }

    fn replicas(&mut self, place: &Place<'_>) -> Option<BTreeMap<Region, Option<KeyName>>> {
        if !place.is_map() {
            if !place.is_list() {
                let expected = "a list of Regions, or a map of Regions to keys,";
                self.reader.wrong_type(place, expected, REPLICATE_HINT);
                return None;
            }
            let regions = self.regions(place)?;
            return Some(regions.into_iter().map(|region| (region, None)).collect());
        }
        let entries = self.reader.entries_or_none(place, REPLICATE_HINT)?;
        let replicas: Vec<_> = entries
            .map(|entry| {
                let region = self.region_code(&entry.key_place, entry.key);
                let key = self.key(&entry.value);
                Some((region?, Some(key?)))
            })
            .collect();
        replicas.into_iter().collect()
    }

    fn refusals(&mut self, place: &Place<'_>) -> Option<BTreeMap<String, String>> {
        let hint =
            "map Regions, or words in a tag, to reasons: `{ ap-south-1: forbidden-by-policy }`";
        let entries = self.reader.entries_or_none(place, hint)?;
        let refusals: Vec<_> = entries
            .map(|entry| {
                let reason = self.reader.text(&entry.value, hint)?;
                Some((entry.key.to_owned(), reason.to_owned()))
            })
            .collect();
        refusals.into_iter().collect()
    }

    fn rules(&mut self, place: &Place<'_>) -> Option<BTreeSet<String>> {
        let hint = "list the names of the rules that cover the secret";
        let places = self.reader.list_or_empty(place, hint)?;
        let names: Vec<_> = places
            .map(|place| self.reader.text(&place, hint).map(str::to_owned))
            .collect();
        names.into_iter().collect()
    }

    fn regions(&mut self, place: &Place<'_>) -> Option<BTreeSet<Region>> {
        let places = self
            .reader
            .list_or_empty(place, "write a list of Regions")?;
        let regions: Vec<_> = places.map(|place| self.region(&place)).collect();
        regions.into_iter().collect()
    }

    fn region(&mut self, place: &Place<'_>) -> Option<Region> {
        let code = self.reader.text(place, REGION_HINT)?;
        self.region_code(place, code)
    }

    fn region_code(&mut self, place: &Place<'_>, code: &str) -> Option<Region> {
        let region = Region::parse(code).map_err(|error| {
            let message = error.to_string();
            self.reader
                .error(place, "invalid-region", message, REGION_HINT);
        });
        region.ok()
    }

    fn key(&mut self, place: &Place<'_>) -> Option<KeyName> {
        let hint = "write a key ARN, a key id, `alias/name` or `aws/secretsmanager`";
        let text = self.reader.text(place, hint)?;
        let key = kms_key(text).map_err(|error| {
            let (error, _) = error.split_once("; ").unwrap_or((&error, ""));
            self.reader.error(place, "not-a-key", error, hint);
        });
        key.ok().map(KeyName)
    }
}

/// Something else stands there, which is noted.
struct Noted;

fn limits(allowed_regions: AllowedRegions, overwrites: bool) -> Limits {
    Limits {
        allowed_regions,
        overwrite: overwrite(overwrites),
        removal: RemovalLimit::Never,
    }
}
