//! Services: what runs between a program's start and its end.
//!
//! A [`Service`] starts, stops, waits and resets. This crate knows no broker and no project of OpenStack's.

mod error;
mod launcher;
mod looping;
mod options;
mod periodic;
mod respawn;
mod retry;
mod service;
mod signals;
mod supervisor;
mod systemd;
mod task_group;
mod work;
mod worker;

pub use error::ServiceError;
pub use launcher::{
    LaunchError, Launcher, LauncherHandle, LauncherStatus, Phase, RestartMethod, Role,
    ServiceContext, ServiceSpec, ServiceStatus, WorkerAnswer, default_worker_count,
};
pub use looping::{
    AlreadyRunning, BackOff, Ended, LoopingCall, LoopingCallError, LoopingCallSnapshot,
    StartOptions,
};
pub use options::OPTIONS;
pub use periodic::{DynamicPasses, FixedPasses, PERIODIC_OPTIONS, PeriodicTask, PeriodicTasks};
pub use retry::Retry;
pub use service::Service;
pub use task_group::{GroupFull, TaskGroup, TaskGroupSnapshot, TaskSnapshot};
