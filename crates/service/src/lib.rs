//! Services: what runs between a program's start and its end.
//!
//! A [`Service`] starts, stops, waits and resets. This crate knows no broker and no project of OpenStack's.

mod error;
mod service;

pub use error::ServiceError;
pub use service::Service;
