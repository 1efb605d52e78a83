use bergen::rpc::RpcError;

#[derive(Debug, RpcError)]
#[rpc(module = "nova.exception")]
enum ComputeError {
    #[rpc(message = "{instanc} not found")]
    NotFound { instance: String },
}

fn main() {}
