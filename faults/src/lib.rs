//! Faults under load, with an account of every message.
//!
//! A [`Stage`](stage::Stage) is a broker with servers and clients of both libraries. A [round](round::run) puts it under
//! a steady load of calls, casts and fanouts, lets a [`Fault`](fault::Fault) happen, waits until service has resumed,
//! and settles the [`Account`](account::Account): every message that was made was answered, failed with a typed error
//! before its deadline, or was lost with what the fault destroyed; nothing ran twice in one process. What remains is
//! unexplained, and makes the row red. A [`Control`](control::Control) does wrong on purpose, to show that it would.
//!
//! The embedded broker has a suite of its own, [`broker`].

pub mod account;
pub mod broker;
pub mod control;
mod error;
pub mod fault;
pub mod log;
pub mod record;
pub mod refusal;
pub mod report;
pub mod round;
pub mod stage;
pub mod suite;
pub mod worker;

pub use error::FaultsError;
