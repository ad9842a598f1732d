//! The document as types, for the JSON Schema only: what the descriptions say is what an editor
//! shows. The function itself reads documents without them, to find every problem at once.

#![expect(
    dead_code,
    reason = "the schema is generated from the types; no value is ever made"
)]

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Which secrets are replicated, where to, and with which keys. Nothing replicates unless a rule
/// says so; a secret goes wherever any matching rule sends it; a matching `forbid` always wins; the
/// order of the rules never matters.
#[derive(JsonSchema)]
#[schemars(
    title = "secret-replicator policy",
    rename_all = "kebab-case",
    deny_unknown_fields
)]
pub(crate) struct Document {
    /// The version of the language: `1`.
    version: Version,
    /// Names for sets of Regions, to be used wherever a Region is, in tags too:
    /// `{ dr: [us-west-2] }`. Groups hold Regions, not other groups.
    #[schemars(extend(
        "minProperties" = 1,
        "propertyNames" = {
            "pattern": "^[A-Za-z0-9._-]+$",
            "not": { "pattern": "^(none|([a-z]+-)+[0-9]+)$" }
        }
    ))]
    groups: Option<BTreeMap<String, OneOrMany<RegionCode>>>,
    /// The key for each replica Region or group, where no rule names one; `"*"` is for any other
    /// Region. `aws/secretsmanager` here never weakens a secret that has a customer key.
    kms_keys: Option<KeysByRegion>,
    /// What is replicated and what is forbidden. The order never matters.
    #[schemars(length(min = 1, max = 1000))]
    rules: Vec<Rule>,
    /// Whether replicas that no rule wants are removed: `never` (the default), or `covered`, which
    /// needs the setting `ALLOW_REMOVAL` too.
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
    /// From secrets that a rule covers, if the setting `ALLOW_REMOVAL` agrees.
    Covered,
}

/// A rule: which secrets it is for, and where they are replicated, or must not be.
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
    /// The name that logs and explanations show. No two rules have the same.
    name: Text,
    /// Which secrets the rule is for: `all`, or a condition of which every part must match.
    when: When,
    /// Where matching secrets are replicated: Regions and groups, or `{ tag: KEY }` for those that
    /// the value of the secret's own tag lists.
    replicate_to: Option<ReplicateTo>,
    /// Where matching secrets must not be replicated, whatever any rule or tag says: Regions,
    /// groups and wildcards such as `"us-*"`, or all `{ except: ["eu-*"] }`.
    forbid: Option<Forbid>,
    /// The key of the replicas: one key, or keys by Region or group, `"*"` for any other. It comes
    /// before `kms-keys`. Only here can `aws/secretsmanager` replace a customer key.
    kms_key: Option<RuleKey>,
    /// `true` overwrites, and so destroys, a secret of the same name in the Region, if the setting
    /// `ALLOW_OVERWRITE` agrees. The default is `false`.
    overwrite: Option<bool>,
}

/// Which secrets a rule is for.
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

/// What a secret must match: every part. To mean every secret, write `when: all`.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, extend("minProperties" = 1))]
struct Condition {
    /// Tags that the secret must all have, each with one of its values: `{ tier: ["0", "1"] }`.
    /// `*` stands for any text, `?` for one character.
    tags: Option<Tags>,
    /// Names of which the secret has one: `["prod/*"]`. `*` stands for any text, `?` for one
    /// character.
    secret_name: Option<OneOrMany<Text>>,
    /// The Regions, groups or wildcards in which the primary secret lives: `[us-east-1, "eu-*"]`.
    primary_region: Option<OneOrMany<RegionPattern>>,
    /// What is excluded: secrets that match all of these parts.
    not: Option<Exclusion>,
}

/// What is excluded: secrets that match every part.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields, extend("minProperties" = 1))]
struct Exclusion {
    /// Tags that the secret must all have to be excluded.
    tags: Option<Tags>,
    /// Names of which the secret must have one to be excluded.
    secret_name: Option<OneOrMany<Text>>,
    /// Regions of which the primary secret must live in one to be excluded.
    primary_region: Option<OneOrMany<RegionPattern>>,
}

/// Tag keys and the values that match; one value, or a list of which one must match.
#[derive(JsonSchema)]
#[schemars(extend("minProperties" = 1, "propertyNames" = { "minLength": 1, "maxLength": 128 }))]
struct Tags(BTreeMap<String, OneOrMany<TagPattern>>);

/// Where secrets are replicated.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum ReplicateTo {
    /// Regions and groups.
    Words(OneOrMany<RegionOrGroup>),
    /// The Regions and groups that the secret's own tag lists.
    Tag(FromTag),
}

/// The Regions and groups that the secret's own tag lists, separated by spaces. `none` wants no
/// replica.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FromTag {
    /// The tag's key, for instance `replicate-to`.
    #[schemars(extend("maxLength" = 128))]
    tag: Text,
}

/// Where secrets must not be replicated.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Forbid {
    /// In these Regions.
    Words(OneOrMany<RegionPattern>),
    /// In any but these Regions.
    Except(AllExcept),
}

/// All Regions but some.
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

/// Keys by Region or group; `"*"` is for any other Region.
#[derive(JsonSchema)]
#[schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^([A-Za-z0-9._-]+|\\*)$" }))]
struct KeysByRegion(BTreeMap<String, KmsKey>);

/// One alone, or a list of at least one.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "{T}OrList")]
enum OneOrMany<T> {
    /// One.
    One(T),
    /// At least one.
    Many(#[schemars(length(min = 1))] Vec<T>),
}

/// Declares a text with a form of its own.
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
    /// A text. A number or boolean without quotes is taken as it is written.
    Text: { "type": ["string", "number", "boolean"], "minLength": 1 }
}

text! {
    /// A tag's value, where `*` stands for any text and `?` for one character. A number or boolean
    /// without quotes is taken as it is written.
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
    /// A KMS key: `alias/name`, a key id, an ARN of either, or `aws/secretsmanager`. An ARN must be
    /// of the replica's own Region, and its partition that of the Region.
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
