use bergen::rpc::endpoint;

#[endpoint(namespace = "compute")]
struct Compute;

fn main() {}
