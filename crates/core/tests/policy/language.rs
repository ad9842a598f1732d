//! The document as types, only to generate the JSON Schema. Editors show the descriptions. The function
//! parses documents without these types, so that it finds all problems at once.

#![expect(
    dead_code,
    reason = "the schema is generated from the types; no value is ever created"
)]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Specifies which secrets are replicated, to which Regions, and with which keys. Nothing replicates
/// without a rule; a secret replicates to the Regions of all matching rules; a matching `forbid` always
/// wins; the order of the rules never matters.
#[derive(JsonSchema)]
#[schemars(
    title = "secret-replicator policy",
    rename_all = "kebab-case",
    deny_unknown_fields
)]
pub(crate) struct Document {
    /// The version of the language: `1`.
    version: Version,
    /// Names for sets of Regions: `{ dr: [us-west-2] }`. A group can be used in place of a Region, also
    /// in tags. Groups contain Regions, not other groups.
    #[schemars(extend(
        "minProperties" = 1,
        "propertyNames" = {
            "pattern": "^[A-Za-z0-9._-]+$",
            "not": { "pattern": "^(none|([a-z]+-)+[0-9]+)$" }
        }
    ))]
    groups: Option<BTreeMap<String, OneOrMany<RegionCode>>>,
    /// The key for each replica Region or group for which no rule names a key. `"*"` means all other
    /// Regions. `aws/secretsmanager` here never weakens a secret with a customer managed key.
    kms_keys: Option<KeysByRegion>,
    /// The rules, which replicate secrets or forbid Regions. Their order never matters.
    #[schemars(length(min = 1, max = 1000))]
    rules: Vec<Rule>,
    /// Whether replicas that no rule wants are removed: `never` (the default), or `covered`, which
    /// also requires the setting `ALLOW_REMOVAL`.
    removal: Option<Removal>,
}

/// The version of the language.
pub(crate) struct Version;

/// Whether replicas that no rule wants are removed.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Removal {
    /// Never.
    Never,
    /// From secrets that a rule covers, if the setting `ALLOW_REMOVAL` is `true`.
    Covered,
}

/// A rule: the secrets that it applies to, and the Regions to replicate to or to forbid.
#[derive(JsonSchema)]
#[schemars(
    rename_all = "kebab-case",
    deny_unknown_fields,
    extend(
        "anyOf" = [{ "required": ["replicate-to"] }, { "required": ["forbid"] }],
        "dependencies" = { "kms-key": ["replicate-to"], "overwrite": ["replicate-to"] }
    )
)]
struct Rule {
    /// The unique name of the rule in logs and explanations.
    name: Text,
    /// The secrets that the rule applies to: `all`, or a condition of which every part must match.
    when: When,
    /// The Regions and groups to which matching secrets are replicated, or `{ tag: KEY }` for the
    /// Regions and groups in the value of the secret's own tag.
    replicate_to: Option<ReplicateTo>,
    /// The Regions to which matching secrets must not be replicated, regardless of other rules and
    /// tags: Regions, groups and wildcards such as `"us-*"`, or all `{ except: ["eu-*"] }`.
    forbid: Option<Forbid>,
    /// The key of the replicas: one key, or keys by Region or group, with `"*"` for all other Regions.
    /// It takes precedence over `kms-keys`. Only here can `aws/secretsmanager` replace a customer
    /// managed key.
    kms_key: Option<RuleKey>,
    /// `true` overwrites, and thereby destroys, a secret of the same name in the Region, if the setting
    /// `ALLOW_OVERWRITE` is `true`. The default is `false`.
    overwrite: Option<bool>,
}

/// The secrets that a rule applies to.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum When {
    /// Every secret.
    All(All),
    /// The secrets that match every part.
    Condition(Condition),
}

/// Every secret.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum All {
    /// Every secret.
    All,
}

/// A condition. A secret must match every part. To match every secret, write `when: all`.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, extend("minProperties" = 1))]
struct Condition {
    /// Tags that the secret must all have, each with one of the values: `{ tier: ["0", "1"] }`.
    /// `*` matches any text, `?` matches one character.
    tags: Option<Tags>,
    /// Names, one of which the secret must have: `["prod/*"]`. `*` matches any text, `?` matches one
    /// character.
    secret_name: Option<OneOrMany<Text>>,
    /// Regions, groups or wildcards, one of which must match the primary secret's Region:
    /// `[us-east-1, "eu-*"]`.
    primary_region: Option<OneOrMany<RegionPattern>>,
    /// Excludes the secrets that match all of these parts.
    not: Option<Exclusion>,
}

/// Excludes the secrets that match every part.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, extend("minProperties" = 1))]
struct Exclusion {
    /// Tags that the secret must all have to be excluded.
    tags: Option<Tags>,
    /// Names, one of which the secret must have to be excluded.
    secret_name: Option<OneOrMany<Text>>,
    /// Regions, one of which must be the primary secret's for the secret to be excluded.
    primary_region: Option<OneOrMany<RegionPattern>>,
}

/// Tag keys and their values: one value, or a list of which one must match.
#[derive(JsonSchema)]
#[schemars(extend("minProperties" = 1, "propertyNames" = { "minLength": 1, "maxLength": 128 }))]
struct Tags(BTreeMap<String, OneOrMany<TagPattern>>);

/// The Regions to which secrets are replicated.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum ReplicateTo {
    /// Regions and groups.
    Words(OneOrMany<RegionOrGroup>),
    /// The Regions and groups in the secret's own tag.
    Tag(FromTag),
}

/// The Regions and groups in the secret's own tag, separated by spaces. `none` means no replicas.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FromTag {
    /// The tag's key, for instance `replicate-to`.
    #[schemars(extend("maxLength" = 128))]
    tag: Text,
}

/// The Regions to which secrets must not be replicated.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Forbid {
    /// These Regions.
    Words(OneOrMany<RegionPattern>),
    /// All Regions except these.
    Except(AllExcept),
}

/// All Regions with exceptions.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AllExcept {
    /// The Regions, groups and wildcards that are not forbidden.
    except: OneOrMany<RegionPattern>,
}

/// One key, or keys by Region.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum RuleKey {
    /// For every Region of the rule.
    One(KmsKey),
    /// For each Region.
    ByRegion(KeysByRegion),
}

/// Keys by Region or group. `"*"` means all other Regions.
#[derive(JsonSchema)]
#[schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^([A-Za-z0-9._-]+|\\*)$" }))]
struct KeysByRegion(BTreeMap<String, KmsKey>);

/// One item, or a list of at least one.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "{T}OrList")]
enum OneOrMany<T> {
    /// One item.
    One(T),
    /// A list of at least one item.
    Many(#[schemars(length(min = 1))] Vec<T>),
}

/// Declares a text type with its own schema.
macro_rules! text {
    ($(#[doc = $description:literal])+ $name:ident: $schema:tt) => {
        $(#[doc = $description])+
        struct $name(String);

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = json_schema!($schema);
                let description = [$($description.trim()),+].join(" ");
                schema.insert("description".to_owned(), description.into());
                schema
            }
        }
    };
}

text! {
    /// A text. An unquoted number or boolean is read as text.
    Text: { "type": ["string", "number", "boolean"], "minLength": 1 }
}

text! {
    /// A tag value, in which `*` matches any text and `?` matches one character. An unquoted number or
    /// boolean is read as text.
    TagPattern: { "type": ["string", "number", "boolean"] }
}

text! {
    /// A Region code, for instance `eu-west-1`.
    RegionCode: { "type": "string", "maxLength": 32, "pattern": "^([a-z]+-)+[0-9]+$" }
}

text! {
    /// A Region code, for instance `eu-west-1`, or the name of a group.
    RegionOrGroup: { "type": ["string", "number", "boolean"], "pattern": "^[A-Za-z0-9._-]+$" }
}

text! {
    /// A Region code, the name of a group, or a wildcard over Region codes such as `eu-*`.
    RegionPattern: {
        "type": ["string", "number", "boolean"],
        "pattern": "^([A-Za-z0-9._-]+|[a-z0-9*?-]+)$"
    }
}

text! {
    /// A KMS key: `alias/name`, a key ID, an ARN of either, or `aws/secretsmanager`. An ARN must have the
    /// replica's Region and the partition of that Region.
    KmsKey: {
        "type": "string",
        "pattern": "^(aws/secretsmanager|(arn:(aws-cn:kms:cn-|aws-us-gov:kms:us-gov-|aws-iso:kms:us-iso-|aws-iso-b:kms:us-isob-|aws-iso-e:kms:eu-isoe-|aws-iso-f:kms:us-isof-|aws-eusc:kms:eusc-|aws:kms:(?!cn-|us-gov-|us-iso[bf]?-|eu-isoe-|eusc-)[a-z]+-)([a-z]+-)*[0-9]+:[0-9]{12}:)?alias/.+|(arn:(aws-cn:kms:cn-|aws-us-gov:kms:us-gov-|aws-iso:kms:us-iso-|aws-iso-b:kms:us-isob-|aws-iso-e:kms:eu-isoe-|aws-iso-f:kms:us-isof-|aws-eusc:kms:eusc-|aws:kms:(?!cn-|us-gov-|us-iso[bf]?-|eu-isoe-|eusc-)[a-z]+-)([a-z]+-)*[0-9]+:[0-9]{12}:key/)?(mrk-[0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}))$"
    }
}

impl JsonSchema for Version {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [1, "1"] })
    }
}
