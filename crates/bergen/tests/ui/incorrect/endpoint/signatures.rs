#![allow(unused_variables)]

use bergen::rpc::endpoint;

struct Compute;

#[endpoint(version = "1.3")]
impl Compute {
    #[rpc]
    fn not_async(&self) {}

    #[rpc]
    async fn no_receiver() {}

    #[rpc]
    async fn by_value(self) {}

    #[rpc]
    async fn mutable(&mut self) {}

    #[rpc]
    async fn generic<T>(&self, value: T) {}

    #[rpc]
    async fn lifetime<'a>(&self, value: &'a str) {}

    #[rpc]
    async fn impl_argument(&self, value: impl Into<String>) {}

    #[rpc]
    async fn impl_result(&self) -> impl Iterator<Item = u32> {
        [1].into_iter()
    }
}

fn main() {}
