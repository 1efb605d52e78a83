//! RPC and services on the OpenStack bus: the crate to depend on
