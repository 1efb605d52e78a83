use bergen::rpc::RpcError;

#[derive(Debug, RpcError)]
struct NotFound;

#[derive(Debug, RpcError)]
#[rpc(module = "nova.exception")]
enum Generic<T> {
    #[rpc(message = "not found")]
    NotFound { instance: T },
}

#[derive(Debug, RpcError)]
#[rpc(module = "nova.exception")]
enum Empty {}

fn main() {}
