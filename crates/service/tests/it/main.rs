//! Services in real processes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail loudly, and so may their helpers"
)]

mod handle;
mod launch;
mod process;
mod program;
mod reload;
mod signals;
mod stop;
mod supervision;
mod systemd;
