//! Worlds with one fault each, and the finding of each.

mod causes;
mod events;
mod function;
mod operators;
mod permissions;
mod stack;
mod sweeps;
mod unread;
mod world;

pub(crate) use world::stack;
