use bergen::rpc::{RpcError, endpoint};

struct Compute;

#[derive(Debug, RpcError)]
#[rpc(module = "nova.exception")]
enum ComputeError {
    #[rpc(message = "not found")]
    NotFound,
}

#[endpoint]
impl Compute {
    #[rpc(expected(NotFond))]
    async fn reboot(&self) -> Result<u32, ComputeError> {
        Err(ComputeError::NotFound)
    }
}

fn main() {}
