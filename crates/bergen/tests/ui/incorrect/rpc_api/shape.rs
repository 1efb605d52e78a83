use bergen::rpc::rpc_api;

#[rpc_api]
trait Generic<T> {
    async fn reboot(&self);
}

#[rpc_api]
trait Empty {}

#[rpc_api]
trait WithType {
    type Instance;

    async fn reboot(&self);
}

fn main() {}
