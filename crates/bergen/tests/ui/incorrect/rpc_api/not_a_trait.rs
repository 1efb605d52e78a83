use bergen::rpc::rpc_api;

struct Compute;

#[rpc_api]
impl Compute {
    async fn reboot(&self) {}
}

fn main() {}
