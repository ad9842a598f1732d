//! The emulated AWS and the real function.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use secret_replicator_emulator::{
    Answer, ApiError, Emulator, Lambda, LambdaSettings, SecretSeed, WorldSettings,
};
use serde_json::json;

use super::ending::Ending;
use super::event::SampleEvent;
use super::story::Story;

/// An AWS, and the function in one of its Regions.
pub(crate) struct Stage {
    aws: Emulator,
    function: Lambda,
    bootstrap: PathBuf,
    region: String,
}

impl Stage {
    pub(crate) async fn open(bootstrap: &Path, region: &str) -> anyhow::Result<Stage> {
        let aws = Emulator::start(WorldSettings::default())
            .await
            .context("cannot start the emulator")?;
        let function = start(bootstrap, region, &aws).await?;
        Ok(Stage {
            aws,
            function,
            bootstrap: bootstrap.to_owned(),
            region: region.to_owned(),
        })
    }

    pub(crate) fn create(&self, seed: SecretSeed) {
        self.aws.with(|world, now| world.seed(now, seed));
    }

    /// Creates the secret of the story, and what stands in its way.
    pub(crate) fn set_up(&self, story: &Story, event: &SampleEvent) {
        let Some(seed) = event.secret() else {
            return;
        };
        self.aws.with(|world, now| {
            if let Some(region) = story.name_taken_in {
                world.seed(now, SecretSeed::new(region, &seed.name));
            }
            world.seed(now, story.secret(seed));
        });
    }

    /// Delivers the event and waits for its end. With a delay, the secret's value is put that long
    /// after the event, while the function is at it.
    pub(crate) async fn play(
        &mut self,
        event: &SampleEvent,
        value_after: Option<Duration>,
    ) -> anyhow::Result<Ending> {
        let name = event.secret_name().unwrap_or_default();
        let invoked = self.function.invoke(event.json());
        let put = put_value(&self.aws, &self.region, name, value_after);
        let (invocation, put) = tokio::join!(invoked, put);
        let invocation = invocation?;
        put.context("cannot put the secret's value")?;
        if matches!(invocation.answer, Answer::TimedOut | Answer::Exited(_)) {
            // As Lambda does: the next event gets a new sandbox.
            self.function = start(&self.bootstrap, &self.region, &self.aws).await?;
        }
        let truth = self
            .aws
            .with(|world, now| world.replicas(now, &self.region, name));
        let name = event.secret_name().map(str::to_owned);
        Ok(Ending::new(name, &self.region, invocation, truth))
    }
}

async fn put_value(
    aws: &Emulator,
    region: &str,
    name: &str,
    after: Option<Duration>,
) -> Result<(), ApiError> {
    let Some(delay) = after else {
        return Ok(());
    };
    tokio::time::sleep(delay).await;
    let body = json!({"SecretId": name, "SecretString": "late"});
    aws.with(|world, now| world.handle(now, region, "PutSecretValue", &body))
        .map(drop)
}

async fn start(bootstrap: &Path, region: &str, aws: &Emulator) -> anyhow::Result<Lambda> {
    let settings = LambdaSettings::new(bootstrap, region)
        .with_env("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.endpoint())
        .with_timeout(Duration::from_mins(1));
    Lambda::start(settings)
        .await
        .context("the function does not start")
}
