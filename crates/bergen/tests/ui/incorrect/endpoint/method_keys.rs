use bergen::rpc::endpoint;

struct Compute;

type Answer = std::result::Result<u32, Never>;

#[derive(Debug, bergen::rpc::RpcError)]
#[rpc(module = "compute")]
enum Never {
    #[rpc(message = "never")]
    Ever,
}

#[endpoint(version = "1.3")]
impl Compute {
    #[rpc(unknown)]
    async fn unknown_key(&self) {}

    #[rpc(version = "1.x")]
    async fn bad_version(&self) {}

    #[rpc(version = "1.4")]
    async fn newer_than_the_api(&self) {}

    #[rpc(version = "2.0")]
    async fn another_major(&self) {}

    #[rpc(cast)]
    async fn cast_on_the_server(&self) {}

    #[rpc(expected)]
    async fn expected_without_errors(&self) -> u32 {
        0
    }

    #[rpc(expected())]
    async fn expected_nothing(&self) -> Result<u32, Never> {
        Ok(0)
    }

    #[rpc(expected(Ever))]
    async fn expected_of_unknown_type(&self) -> bergen_result::Result<u32> {
        Ok(0)
    }

    #[rpc]
    async fn reboot(&self) {}

    #[rpc(name = "reboot")]
    async fn same_name(&self) {}
}

mod bergen_result {
    pub type Result<T> = std::result::Result<T, super::Never>;
}

fn main() {
    let _: Answer = Ok(0);
}
