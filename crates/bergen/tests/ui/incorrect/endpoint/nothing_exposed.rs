use bergen::rpc::endpoint;

struct Compute;

#[endpoint]
impl Compute {
    async fn reboot(&self) {}
}

fn main() {}
