#![allow(unused_variables)]

use bergen::rpc::{Context, endpoint};

struct Compute;

#[endpoint]
impl Compute {
    #[rpc]
    async fn pattern(&self, (a, b): (u32, u32)) {}

    #[rpc]
    async fn nameless(&self, _: u32) {}

    #[rpc]
    async fn unused(&self, _instance: String) {}

    #[rpc]
    async fn mutable(&self, instance: &mut String) {}

    #[rpc]
    async fn same_name(&self, kind: String, #[rpc(name = "kind")] sort: String) {}

    #[rpc]
    async fn unknown_key(&self, #[rpc(optional)] hard: bool) {}

    #[rpc]
    async fn owned_context(&self, ctxt: Context) {}

    #[rpc]
    async fn late_context(&self, instance: String, ctxt: &Context) {}

    #[rpc]
    async fn default_context(&self, #[rpc(default)] ctxt: &Context) {}
}

fn main() {}
