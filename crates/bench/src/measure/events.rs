//! Cold start, first event, warm events, calls, processor, memory.

use std::fs;
use std::time::Duration;

use anyhow::ensure;
use secret_replicator_emulator::{Answer, Lambda};

use super::process::{self, Cpu};
use crate::contender::{Contender, Programs};
use crate::event::{self, Subject};
use crate::options::Amounts;
use crate::results::{EventResult, number};
use crate::server::{Authority, FixedServer, Transport};
use crate::statistics::Summary;

/// Events that are not measured, while allocators, caches and Python's specialization warm up.
const WARM_UP: usize = 20;

/// One contender over one transport, with its measurements so far.
struct Case {
    contender: Contender,
    transport: Transport,
    server: FixedServer,
    cold_ms: Vec<f64>,
    first_ms: Vec<f64>,
    unchanged: Warm,
    write: Warm,
    /// The processor time of the warm events of both kinds.
    cpu: Cpu,
    peak_memory_mib: Vec<f64>,
    anonymous_memory_mib: Vec<f64>,
}

/// Warm events of one kind.
#[derive(Default)]
struct Warm {
    ms: Vec<f64>,
    calls: u64,
}

/// Measures every contender over every transport. Each round runs one process of each, so that the
/// load of the machine affects all of them.
pub(crate) async fn measure(
    programs: &Programs,
    authority: &Authority,
    amounts: Amounts,
) -> anyhow::Result<Vec<EventResult>> {
    let mut cases = Vec::new();
    for contender in Contender::ALL {
        for &transport in contender.transports() {
            cases.push(Case::new(contender, transport, authority).await?);
        }
    }
    for _ in 0..amounts.rounds {
        for case in &mut cases {
            case.run_process(programs, amounts.events).await?;
        }
    }
    cases.iter().map(Case::result).collect()
}

impl Case {
    async fn new(
        contender: Contender,
        transport: Transport,
        authority: &Authority,
    ) -> anyhow::Result<Case> {
        Ok(Case {
            contender,
            transport,
            server: FixedServer::start(transport, authority).await?,
            cold_ms: Vec::new(),
            first_ms: Vec::new(),
            unchanged: Warm::default(),
            write: Warm::default(),
            cpu: Cpu::default(),
            peak_memory_mib: Vec::new(),
            anonymous_memory_mib: Vec::new(),
        })
    }

    /// Runs one process.
    async fn run_process(&mut self, programs: &Programs, events: usize) -> anyhow::Result<()> {
        let program = programs.entry(self.contender);
        let settings = programs.lambda(program, self.server.endpoint());
        let mut function = Lambda::start(settings).await?;
        self.cold_ms
            .push(function.init_duration().as_secs_f64() * 1e3);
        let first = self.deliver(&mut function, Subject::Drifted).await?;
        self.first_ms.push(first.0);
        for _ in 0..WARM_UP {
            self.deliver(&mut function, Subject::Unchanged).await?;
            self.deliver(&mut function, Subject::Drifted).await?;
        }
        let pid = function.pid();
        let before = Cpu::of(pid)?;
        for _ in 0..events {
            let unchanged = self.deliver(&mut function, Subject::Unchanged).await?;
            self.unchanged.add(unchanged);
            let write = self.deliver(&mut function, Subject::Drifted).await?;
            self.write.add(write);
        }
        self.cpu.add(before, Cpu::of(pid)?);
        self.peak_memory_mib.push(process::peak_mib(pid)?);
        self.anonymous_memory_mib.push(process::anonymous_mib(pid)?);
        drop(function);
        wait_for_exit(pid).await;
        Ok(())
    }

    /// Delivers one event and checks its writes. Returns its time and its number of calls.
    async fn deliver(&self, function: &mut Lambda, subject: Subject) -> anyhow::Result<(f64, u64)> {
        self.server.reset();
        let calls = self.server.calls();
        let invocation = function.invoke(&event::created(subject)?).await?;
        ensure!(
            matches!(invocation.answer, Answer::Success(_)),
            "{}: {invocation:#?}",
            self.contender
        );
        let calls = self.server.calls() - calls;
        let is_real = self.contender != Contender::HelloWorld;
        let expected = (is_real, is_real && subject == Subject::Drifted);
        let found = (calls > 0, self.server.is_repaired());
        ensure!(
            found == expected,
            "{}: expected (calls, writes) {expected:?}, found {found:?}: {invocation:#?}",
            self.contender
        );
        Ok((invocation.duration.as_secs_f64() * 1e3, calls))
    }

    fn result(&self) -> anyhow::Result<EventResult> {
        let events = number(self.unchanged.ms.len() + self.write.ms.len());
        Ok(EventResult {
            contender: self.contender,
            transport: self.transport,
            cold_ms: Summary::of(&self.cold_ms)?,
            first_ms: Summary::of(&self.first_ms)?,
            unchanged_ms: Summary::of(&self.unchanged.ms)?,
            unchanged_calls: self.unchanged.calls_per_event(),
            write_ms: Summary::of(&self.write.ms)?,
            write_calls: self.write.calls_per_event(),
            cpu_ms: self.cpu.ms / events,
            system_share: self.cpu.system_share(),
            peak_memory_mib: Summary::of(&self.peak_memory_mib)?,
            anonymous_memory_mib: Summary::of(&self.anonymous_memory_mib)?,
        })
    }
}

/// Waits until a killed process has released its memory, which would slow down the next process.
async fn wait_for_exit(pid: Option<u32>) {
    let Some(pid) = pid else { return };
    let command_line = format!("/proc/{pid}/cmdline");
    // A zombie process has an empty command line.
    while fs::read(&command_line).is_ok_and(|line| !line.is_empty()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

impl Warm {
    fn add(&mut self, (ms, calls): (f64, u64)) {
        self.ms.push(ms);
        self.calls += calls;
    }

    fn calls_per_event(&self) -> f64 {
        let calls = usize::try_from(self.calls).unwrap_or(usize::MAX);
        number(calls) / number(self.ms.len())
    }
}
