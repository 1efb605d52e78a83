//! What most services need: `use bergen::prelude::*;`.

pub use crate::rpc::{
    Context, RemoteError, RpcClient, RpcError, RpcServer, TypedCallError, endpoint, rpc_api,
};
pub use crate::target::{ClientTarget, ServerTarget, Target};
pub use crate::transport::{RpcTransport, TransportOptions};
