//! `emulator demo`: sends sample events to the real function, which calls the emulated AWS.

mod account;
mod event;
mod expected;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use secret_replicator_emulator::{
    Answer, Emulator, Invocation, ReplicaView, SecretSeed, WorldSettings,
};
use serde_json::Value;

use event::{LOCAL_ACCOUNT, SampleEvent};
use expected::{Call, Expected};

use crate::function::{Function, Options, ensure_built};
use crate::output;

/// The tag that names a secret's Regions under the default policy.
const REPLICATE_TO: &str = "replicate-to";

/// Options of `demo`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The function's binary.
    #[arg(long)]
    bootstrap: PathBuf,
    /// Send only this event. Its secret is created first.
    #[arg(long)]
    event: Option<PathBuf>,
    /// With --event: the tag `replicate-to` of the secret, if the event has no tags. Empty for no
    /// tag. Default: `eu-west-1 us-west-2`, or no tag with --policy.
    #[arg(long, env = "REPLICATE_TO")]
    replicate_to: Option<String>,
    /// The directory of the demo's events, with their expected records in `expected/`.
    #[arg(long, default_value = "events/demo")]
    events: PathBuf,
    /// The command-line tool, whose `plan` and `status` show the account at the end. Not with --event.
    #[arg(long, conflicts_with = "event")]
    tool: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    ensure_built(&arguments.bootstrap)?;
    ensure!(
        arguments.event.is_some() || arguments.options.are_default(),
        "the events of the demo expect the built-in policy and settings: choose an event with --event (`make demo \
         EVENT=path.json`), or send your own calls to `make playground POLICY=path.yaml`"
    );
    match &arguments.event {
        Some(path) => run_one(arguments, path).await,
        None => run_all(arguments).await,
    }
}

async fn run_one(arguments: &Arguments, path: &Path) -> anyhow::Result<ExitCode> {
    let (event, account) = SampleEvent::read(path)?.in_local_account();
    let mut demo = Demo::start(
        &arguments.bootstrap,
        event.region(),
        Options::world(),
        &arguments.options,
    )
    .await?;
    println!("{}", path.display());
    if let Some(account) = account {
        println!("The account {account} of the event becomes {LOCAL_ACCOUNT}, the local one.");
    }
    if let Some(seed) = arguments.secret(&event) {
        println!("{}", described(&seed));
        demo.aws.with(|world, now| world.seed(now, seed));
    }
    println!("{}", arguments.options.describe());
    demo.function.print_warnings();
    let result = demo.send(&event, &[]).await?;
    println!("{}", table::of(event.region(), &[result]));
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    /// Returns the secret of an event. Recorded events have no tags, and the built-in policy skips a
    /// secret without tags.
    fn secret(&self, event: &SampleEvent) -> Option<SecretSeed> {
        let seed = event.secret()?;
        let default = if self.options.have_policy() {
            ""
        } else {
            "eu-west-1 us-west-2"
        };
        let regions = self.replicate_to.as_deref().unwrap_or(default);
        if event.has_tags() || regions.is_empty() {
            return Some(seed);
        }
        println!("The event has no tags. The secret gets the tag {REPLICATE_TO}: {regions}");
        Some(seed.with_tag(REPLICATE_TO, regions))
    }
}

/// Describes a secret, one property a line.
fn described(seed: &SecretSeed) -> String {
    let (name, region) = (&seed.name, &seed.region);
    let tags = seed.tags.iter();
    let tags = tags.map(|(key, value)| format!("\ntag: {key}={value}"));
    let tags: String = tags.collect();
    let key = seed.kms_key_id.as_deref().unwrap_or("aws/secretsmanager");
    format!("secret: {name} in {region}{tags}\nkey: {key}")
}

async fn run_all(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let files = json_files(&arguments.events)?;
    let first = files.first().context("the demo has no events")?;
    let region = SampleEvent::read(first)?.region().to_owned();
    let options = &arguments.options;
    let world = WorldSettings::default();
    let mut demo = Demo::start(&arguments.bootstrap, &region, world, options).await?;
    let mut results = Vec::new();
    let mut differences = Vec::new();
    for path in &files {
        let event = SampleEvent::read(path)?.made_now();
        let expected = Expected::of(path)?;
        let file = path.file_name().unwrap_or_default().display();
        println!("{file}: {}", expected.title);
        for seed in &expected.secrets {
            demo.aws.with(|world, now| world.seed(now, seed.clone()));
        }
        let result = demo.send(&event, &expected.calls).await?;
        let found = expected.differences(&result);
        differences.extend(found.iter().map(|text| format!("{file}: {text}")));
        results.push(result);
    }
    if let Some(tool) = &arguments.tool {
        account::show(tool, &region, &demo.aws.endpoint()).await?;
    }
    println!("{}", table::of(&region, &results));
    if differences.is_empty() {
        println!("Every event ended as expected.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("Not as expected:\n  {}", differences.join("\n  "));
    Ok(ExitCode::FAILURE)
}

/// Lists the JSON files of a directory, by name.
fn json_files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("failed to read {}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry?.path());
    }
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    Ok(files)
}

/// The emulated AWS, and the function in one of its Regions.
struct Demo {
    aws: Emulator,
    function: Function,
}

/// The result of one event.
struct EventResult {
    /// The name of the secret in the event.
    secret: Option<String>,
    /// The function's record; `null` if it wrote none.
    record: Value,
    /// The type of the invocation's error.
    error_type: Option<String>,
    /// The secret's replicas in the emulated Secrets Manager.
    replicas: Vec<ReplicaView>,
}

impl Demo {
    async fn start(
        bootstrap: &Path,
        region: &str,
        world: WorldSettings,
        options: &Options,
    ) -> anyhow::Result<Demo> {
        let aws = Emulator::start(world)
            .await
            .context("failed to start the emulator")?;
        options.remove_keys(&aws);
        let function = Function::start(bootstrap, region, &aws, options).await?;
        Ok(Demo { aws, function })
    }

    /// Invokes the function with an event, makes the calls in the meantime, and prints the output.
    async fn send(&mut self, event: &SampleEvent, calls: &[Call]) -> anyhow::Result<EventResult> {
        let region = self.function.region().to_owned();
        let (invocation, calls) = tokio::join!(
            self.function.send(event.json()),
            make_calls(&self.aws, &region, calls)
        );
        let invocation = invocation?;
        calls?;
        println!("{}", output::of(&invocation));
        let secret = event.secret_name();
        let id = secret.unwrap_or_default();
        Ok(EventResult {
            secret: secret.map(str::to_owned),
            record: record(&invocation),
            error_type: error_type(invocation.answer),
            replicas: self.aws.with(|world, now| world.replicas(now, &region, id)),
        })
    }
}

/// Makes the calls in order, each after its delay.
async fn make_calls(aws: &Emulator, region: &str, calls: &[Call]) -> anyhow::Result<()> {
    for call in calls {
        tokio::time::sleep(Duration::from_secs(call.after_seconds)).await;
        aws.with(|world, now| world.handle(now, region, &call.operation, &call.input))
            .with_context(|| format!("{} failed", call.operation))?;
    }
    Ok(())
}

/// Returns the log line with an outcome.
fn record(invocation: &Invocation) -> Value {
    let lines = invocation.log.iter();
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .find(|line: &Value| line["outcome"].is_string())
        .unwrap_or_default()
}

fn error_type(answer: Answer) -> Option<String> {
    match answer {
        Answer::Success(_) => None,
        Answer::Error { error_type, .. } => Some(error_type),
        Answer::TimedOut => Some("Sandbox.Timedout".to_owned()),
        Answer::Exited(_) => Some("Runtime.ExitError".to_owned()),
    }
}

impl EventResult {
    /// The Regions in the record.
    fn regions(&self) -> impl Iterator<Item = &Value> {
        self.record["replicas"].as_array().into_iter().flatten()
    }
}
