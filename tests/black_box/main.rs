//! Black-box tests. They run the real `bootstrap` in its own process and connect it over sockets to the
//! emulator's Secrets Manager and Lambda Runtime API.

mod aws_refuses;
mod dry_runs;
mod event_age;
mod fresh_reads;
mod hostile_input;
mod https;
mod intended_refusals;
mod leftovers;
mod metrics;
mod native_events;
mod not_ready;
mod owners;
mod policy_decides;
mod promoted;
mod record_fields;
mod record_schema;
mod regional_keys;
mod removal;
mod repair;
mod replicas_fail;
mod samples;
mod stage;
mod start;
mod sweep;
mod sweep_at_scale;
mod sweep_changes;
mod sweep_outage;
mod sweep_repeats;
mod sweep_slices;
mod tags_that_change;
mod unwanted_replicas;
mod versions;
mod which_secret;
mod whole_language;
mod without_a_trail;
