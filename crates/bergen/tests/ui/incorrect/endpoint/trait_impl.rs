use bergen::rpc::endpoint;

struct Compute;

trait Reboots {
    async fn reboot(&self) -> u32;
}

#[endpoint]
impl Reboots for Compute {
    #[rpc]
    async fn reboot(&self) -> u32 {
        0
    }
}

fn main() {}
