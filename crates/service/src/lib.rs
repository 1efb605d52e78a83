//! Services: what runs between a program's start and its end.
//!
//! A [`Service`] starts, stops, waits and resets. This crate knows no broker and no project of OpenStack's.

mod backdoor;
mod control;
mod error;
mod introspect;
mod launcher;
mod looping;
mod options;
mod periodic;
mod report;
mod respawn;
mod retry;
#[cfg(feature = "rpc")]
mod rpc;
mod service;
mod signals;
mod supervisor;
mod systemd;
mod task_group;
mod work;
mod worker;

pub use backdoor::BackdoorPort;
pub use control::{
    ControlClient, ControlCommand, ControlError, ControlStatus, DrainEnd, DrainProgress,
    ProcessAnswer, ServiceLine, StillRunning,
};
pub use error::ServiceError;
pub use introspect::{
    CallInFlight, ConnectionSnapshot, INTROSPECTION_OPTIONS, Introspection, MessagingSnapshot,
    Package, ProcessSnapshot, RpcServerSnapshot, RunningTask, RunningTimer,
};
pub use launcher::{
    LaunchError, Launcher, LauncherHandle, LauncherStatus, Phase, RestartMethod, Role,
    ServiceContext, ServiceSpec, ServiceStatus, WorkerAnswer, default_worker_count,
};
pub use looping::{
    AlreadyRunning, BackOff, Ended, LoopingCall, LoopingCallError, LoopingCallSnapshot,
    StartOptions,
};
pub use options::{DECLARED, OPTIONS};
pub use periodic::{DynamicPasses, FixedPasses, PERIODIC_OPTIONS, PeriodicTask, PeriodicTasks};
pub use retry::Retry;
#[cfg(feature = "rpc")]
pub use rpc::RpcServers;
pub use service::Service;
pub use task_group::{GroupFull, TaskGroup, TaskGroupSnapshot, TaskSnapshot};
