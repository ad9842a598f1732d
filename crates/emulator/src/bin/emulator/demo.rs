//! `emulator demo`.

mod ending;
mod event;
mod indent;
mod stage;
mod story;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::ensure;

use event::SampleEvent;
use stage::Stage;

/// The tag by which a secret names its Regions, under the default policy.
const REPLICATE_TO: &str = "replicate-to";

/// Options of `demo`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The function's binary.
    #[arg(long)]
    bootstrap: PathBuf,
    /// Play only this event; the secret it names is created first.
    #[arg(long)]
    event: Option<PathBuf>,
    /// With --event: the tag `replicate-to` of the secret if the event carries no tags; empty for
    /// none.
    #[arg(long, env = "REPLICATE_TO", default_value = "eu-west-1 us-west-2")]
    replicate_to: String,
    /// Where the events of the demo are.
    #[arg(long, default_value = "events/demo")]
    events: PathBuf,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    ensure!(
        arguments.bootstrap.is_file(),
        "{} is no file: build the function first",
        arguments.bootstrap.display()
    );
    match &arguments.event {
        Some(path) => play_one(arguments, path).await,
        None => play_all(&arguments.bootstrap, &arguments.events).await,
    }
}

async fn play_one(arguments: &Arguments, path: &Path) -> anyhow::Result<ExitCode> {
    let event = SampleEvent::read(path)?;
    let mut stage = Stage::open(&arguments.bootstrap, event.region()).await?;
    println!("{}", path.display());
    if let Some(mut seed) = event.secret() {
        let regions = arguments.replicate_to.as_str();
        // Recorded events carry no tags, and by default a secret without tags is left alone.
        if !event.carries_tags() && !regions.is_empty() {
            println!(
                "The event carries no tags; the secret gets the tag {REPLICATE_TO}: {regions}"
            );
            seed = seed.with_tag(REPLICATE_TO, regions);
        }
        stage.create(seed);
    }
    let ending = stage.play(&event, None).await?;
    println!("{}", ending.shown());
    println!("{}", table::of(&[ending]));
    Ok(ExitCode::SUCCESS)
}

async fn play_all(bootstrap: &Path, events: &Path) -> anyhow::Result<ExitCode> {
    let mut stage = Stage::open(bootstrap, story::HOME).await?;
    let mut endings = Vec::new();
    let mut differences = Vec::new();
    for story in story::ALL {
        let event = SampleEvent::read(&events.join(story.file))?.made_now();
        println!("{}: {}", story.file, story.title);
        stage.set_up(story, &event);
        let ending = stage.play(&event, story.value_comes_after).await?;
        println!("{}", ending.shown());
        let found = story.expected.differences(&ending);
        differences.extend(found.iter().map(|text| format!("{}: {text}", story.file)));
        endings.push(ending);
    }
    println!("{}", table::of(&endings));
    if differences.is_empty() {
        println!("Every event ended as expected.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("Not as expected:");
    for difference in differences {
        println!("  {difference}");
    }
    Ok(ExitCode::FAILURE)
}
