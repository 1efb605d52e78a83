use bergen::rpc::endpoint;

struct A;
struct B;
struct C;
struct D;
struct E;

#[endpoint(topic = "compute")]
impl A {
    #[rpc]
    async fn reboot(&self) {}
}

#[endpoint(version = "1")]
impl B {
    #[rpc]
    async fn reboot(&self) {}
}

#[endpoint(namespace = "")]
impl C {
    #[rpc]
    async fn reboot(&self) {}
}

#[endpoint(version = "1.3", version = "1.4")]
impl D {
    #[rpc]
    async fn reboot(&self) {}
}

#[endpoint(version = 1.3)]
impl E {
    #[rpc]
    async fn reboot(&self) {}
}

fn main() {}
