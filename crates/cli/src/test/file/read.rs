//! Reads test files with the policy's node reader.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use secret_replicator_core::known_regions::{self, UnknownRegion};
use secret_replicator_core::limits::{AllowedRegions, Limits};
use secret_replicator_core::policy::Problem;
use secret_replicator_core::policy::reader::{Node, NodeReader, NodeRef, Reported, collect_all};
use secret_replicator_core::secret::{Region, Secret};
use secret_replicator_core::spelling::did_you_mean;

use super::{Case, Expected, FORM_HINT, KeyName, TestFile};
use crate::explain::{key_of_another_region, kms_key};
use crate::options::{self, limits};

const REGION_HINT: &str = "write a Region code, for instance `eu-west-1`";
const REPLICATE_HINT: &str =
    "write a list of Regions, or a map of Regions to keys; `[]` expects no replica";

/// The reasons for which the described secret can be skipped.
const SKIP_REASONS: [&str; 2] = ["no-rule-matched", "managed-by-service"];

/// The reasons for which a Region, or a token of a tag, can be refused. The described secret has no replicas.
const REFUSAL_REASONS: [&str; 8] = [
    "primary-region",
    "other-partition",
    "region-not-allowed",
    "forbidden-by-policy",
    "conflicting-rules",
    "weaker-encryption",
    "invalid-region",
    "empty-tag-value",
];

/// Reads a test file. A method reads its whole node before it returns [`Reported`], so that every
/// problem is reported.
#[derive(Default)]
pub(super) struct TestFileReader {
    reader: NodeReader,
    names: HashSet<String>,
}

impl TestFileReader {
    pub(super) fn problems(self, root: &Node<'_>) -> Vec<Problem> {
        self.reader.into_problems(root)
    }

    pub(super) fn file(&mut self, root: &NodeRef<'_>) -> Result<TestFile, Reported> {
        let [settings, tests] = self.reader.fields(root, ["settings", "tests"])?;
        let settings = settings.map(|settings| self.limits(&settings));
        let tests = self.reader.required(tests, root, "tests", FORM_HINT)?;
        let cases = self.reader.list_or_empty(&tests, FORM_HINT)?;
        if cases.len() == 0 {
            self.reader.error(
                &tests,
                "no-tests",
                "must contain at least one test",
                FORM_HINT,
            );
        }
        let cases = collect_all(cases.map(|case| self.case(&case)));
        let default = || limits(AllowedRegions::Any, false, false);
        Ok(TestFile {
            limits: settings.transpose()?.unwrap_or_else(default),
            warnings: Vec::new(),
            tests: cases?,
        })
    }

    fn limits(&mut self, node: &NodeRef<'_>) -> Result<Limits, Reported> {
        let names = [
            "allowed-replica-regions",
            "allow-overwrite",
            "allow-removal",
        ];
        let [allowed, overwrites, removal] = self.reader.fields(node, names)?;
        let allowed = allowed.map(|allowed| self.allowed_regions(&allowed));
        let hint = "write `allow-overwrite: true` or `allow-overwrite: false`";
        let overwrites = overwrites.map(|overwrites| self.reader.boolean(&overwrites, hint));
        let hint = "write `allow-removal: true` or `allow-removal: false`";
        let removal = removal.map(|removal| self.reader.boolean(&removal, hint));
        Ok(limits(
            allowed.transpose()?.unwrap_or(AllowedRegions::Any),
            overwrites.transpose()?.unwrap_or(false),
            removal.transpose()?.unwrap_or(false),
        ))
    }

    /// Reads a list of Regions, or a text in the format of the function's setting.
    fn allowed_regions(&mut self, node: &NodeRef<'_>) -> Result<AllowedRegions, Reported> {
        if node.is_list() {
            let regions = self.regions(node)?;
            return Ok(if regions.is_empty() {
                AllowedRegions::Any
            } else {
                AllowedRegions::Only(regions)
            });
        }
        let text = self.reader.text_or_empty(node, REGION_HINT)?;
        let allowed = options::allowed_regions(text).map_err(|error| {
            self.reader
                .error(node, "invalid-region", error, REGION_HINT)
        })?;
        for region in &allowed.named_regions() {
            self.warn_of_unknown(node, region);
        }
        Ok(allowed)
    }

    fn case(&mut self, node: &NodeRef<'_>) -> Result<Case, Reported> {
        let [name, secret, expect] = self.reader.fields(node, ["name", "secret", "expect"])?;
        let name = self.reader.required(name, node, "name", FORM_HINT);
        let text = name.and_then(|name| self.name(&name));
        let secret = self.reader.required(secret, node, "secret", FORM_HINT);
        let secret = secret.and_then(|secret| self.secret(&secret));
        let expect = self.reader.required(expect, node, "expect", FORM_HINT);
        let expect = expect.and_then(|expect| self.expected(&expect));
        Ok(Case {
            name: text?,
            line: name?.line(),
            secret: secret?,
            expect: expect?,
        })
    }

    fn name(&mut self, node: &NodeRef<'_>) -> Result<String, Reported> {
        let name = self.reader.text(node, "name the test")?;
        self.reader.check_name(node, name);
        if !self.names.insert(name.to_owned()) {
            let message = format!("another test has the same name `{name}`");
            let hint = "give each test a unique name";
            self.reader
                .error(node, "duplicate-test-name", message, hint);
        }
        Ok(name.to_owned())
    }

    fn secret(&mut self, node: &NodeRef<'_>) -> Result<Secret, Reported> {
        let names = ["name", "tags", "primary-region", "kms-key"];
        let [name, tags, region, key] = self.reader.fields(node, names)?;
        let name = self.reader.required(name, node, "name", FORM_HINT);
        let name = name.and_then(|name| Ok((name, self.reader.text(&name, FORM_HINT)?)));
        let tags = tags.map(|tags| self.tags(&tags));
        let region = self
            .reader
            .required(region, node, "primary-region", FORM_HINT);
        let region = region.and_then(|region| self.region(&region));
        let key = key.map(|key| {
            let hint = "name the secret's own key, which is in its Region";
            self.key_in(&key, region.as_ref().ok(), hint)
        });
        let (name_node, name) = name?;
        let tags = tags.transpose()?.unwrap_or_default();
        let key = key.transpose()?.map(|KeyName(key)| key);
        Secret::hypothetical(name, tags, &region?, key.as_deref()).map_err(|error| {
            let message = error.to_string();
            self.reader
                .error(&name_node, "not-a-secret-name", message, FORM_HINT)
        })
    }

    fn tags(&mut self, node: &NodeRef<'_>) -> Result<BTreeMap<String, String>, Reported> {
        let hint = "map tag keys to values, for instance `tags: { tier: \"1\" }`";
        let entries = self.reader.entries_or_none(node, hint)?;
        collect_all(entries.map(|entry| {
            let value = self.reader.text_or_empty(&entry.value, hint)?;
            Ok((entry.key.to_owned(), value.to_owned()))
        }))
    }

    fn expected(&mut self, node: &NodeRef<'_>) -> Result<Expected, Reported> {
        let names = ["replicate", "refuse", "skip", "rules", "overwrite"];
        let [replicate, refuse, skip, rules, overwrite] = self.reader.fields(node, names)?;
        let replicate = replicate.map(|replicate| self.replicas(&replicate));
        let refuse = refuse.map(|refuse| self.refusals(&refuse));
        let hint = "write the reason for skipping the secret, for instance `skip: no-rule-matched`";
        let skip = skip.map(|skip| self.reason(&skip, &SKIP_REASONS, hint));
        let rules = rules.map(|rules| self.rules(&rules));
        let overwrite = overwrite.map(|overwrite| self.regions(&overwrite));
        let expected = Expected {
            replicate: replicate.transpose()?,
            refuse: refuse.transpose()?,
            skip: skip.transpose()?,
            rules: rules.transpose()?,
            overwrite: overwrite.transpose()?.unwrap_or_default(),
        };
        if let Some((code, message, hint)) = expected.contradiction() {
            self.reader.error(node, code, message, hint);
        }
        Ok(expected)
    }

    fn replicas(
        &mut self,
        node: &NodeRef<'_>,
    ) -> Result<BTreeMap<Region, Option<KeyName>>, Reported> {
        if node.is_list() {
            let regions = self.regions(node)?;
            return Ok(regions.into_iter().map(|region| (region, None)).collect());
        }
        if node.is_nothing() {
            let expected = "a list of Regions, or a map of Regions to keys";
            return Err(self.reader.wrong_type(node, expected, REPLICATE_HINT));
        }
        if !node.is_map() {
            return Ok([(self.region(node)?, None)].into());
        }
        let entries = self.reader.entries_or_none(node, REPLICATE_HINT)?;
        collect_all(entries.map(|entry| {
            let region = self.region_code(&entry.at_key, entry.key);
            let hint = "name the replica's key, which is in the replica's Region";
            let key = self.key_in(&entry.value, region.as_ref().ok(), hint);
            Ok((region?, Some(key?)))
        }))
    }

    fn refusals(&mut self, node: &NodeRef<'_>) -> Result<BTreeMap<String, String>, Reported> {
        let hint =
            "map Regions, or tokens of a tag, to reasons: `{ ap-south-1: forbidden-by-policy }`";
        let entries = self.reader.entries_or_none(node, hint)?;
        collect_all(entries.map(|entry| {
            let reason = self.reason(&entry.value, &REFUSAL_REASONS, hint)?;
            Ok((entry.key.to_owned(), reason))
        }))
    }

    fn rules(&mut self, node: &NodeRef<'_>) -> Result<BTreeSet<String>, Reported> {
        let hint = "list the names of the rules that cover the secret";
        let names = self.reader.list_or_empty(node, hint)?;
        collect_all(names.map(|name| self.reader.text(&name, hint).map(str::to_owned)))
    }

    fn regions(&mut self, node: &NodeRef<'_>) -> Result<BTreeSet<Region>, Reported> {
        let regions = self.reader.list_or_empty(node, "write a list of Regions")?;
        collect_all(regions.map(|region| self.region(&region)))
    }

    fn region(&mut self, node: &NodeRef<'_>) -> Result<Region, Reported> {
        let code = self.reader.text(node, REGION_HINT)?;
        self.region_code(node, code)
    }

    fn region_code(&mut self, node: &NodeRef<'_>, code: &str) -> Result<Region, Reported> {
        let region = Region::parse(code).map_err(|error| {
            let hint = known_regions::did_you_mean(code);
            let hint = hint.as_deref().unwrap_or(REGION_HINT);
            self.reader
                .error(node, "invalid-region", error.to_string(), hint)
        })?;
        self.warn_of_unknown(node, &region);
        Ok(region)
    }

    fn warn_of_unknown(&mut self, node: &NodeRef<'_>, region: &Region) {
        if let Some(unknown) = UnknownRegion::check(region) {
            self.reader
                .warning(node, "unknown-region", unknown.message, &unknown.hint);
        }
    }

    /// Reads the key of a secret in a Region. `hint` is the hint for a key of another Region.
    fn key_in(
        &mut self,
        node: &NodeRef<'_>,
        region: Option<&Region>,
        hint: &str,
    ) -> Result<KeyName, Reported> {
        let KeyName(key) = self.key(node)?;
        match region.and_then(|region| key_of_another_region(&key, region)) {
            Some(message) => Err(self
                .reader
                .error(node, "key-of-another-region", message, hint)),
            None => Ok(KeyName(key)),
        }
    }

    /// Reads a reason, which must be one that a decision can have.
    fn reason(
        &mut self,
        node: &NodeRef<'_>,
        reasons: &[&'static str],
        hint: &str,
    ) -> Result<String, Reported> {
        let reason = self.reader.text(node, hint)?;
        if reasons.contains(&reason) {
            return Ok(reason.to_owned());
        }
        let message = format!("no decision has the reason `{reason}`");
        let hint = match did_you_mean(reason, reasons.iter().copied()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("the reasons are {}", reasons.join(", ")),
        };
        Err(self.reader.error(node, "unknown-reason", message, &hint))
    }

    fn key(&mut self, node: &NodeRef<'_>) -> Result<KeyName, Reported> {
        let hint = "write a key ARN, a key ID, `alias/name` or `aws/secretsmanager`";
        let text = self.reader.text(node, hint)?;
        let key = kms_key(text).map_err(|error| {
            let (error, _) = error.split_once("; ").unwrap_or((&error, ""));
            self.reader.error(node, "not-a-key", error, hint)
        });
        key.map(KeyName)
    }
}
