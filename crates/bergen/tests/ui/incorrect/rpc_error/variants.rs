use bergen::rpc::RpcError;

#[derive(Debug, RpcError)]
enum NoModule {
    #[rpc(message = "not found")]
    NotFound,
}

#[derive(Debug, RpcError)]
#[rpc(module = "nova.exception")]
enum UnknownKey {
    #[rpc(text = "not found")]
    NotFound,
}

#[derive(Debug, RpcError)]
#[rpc(module = "nova.exception")]
enum SameClass {
    #[rpc(message = "not found")]
    NotFound,
    #[rpc(class = "NotFound", message = "missing")]
    Missing,
}

#[derive(Debug, RpcError)]
#[rpc(module = "nova.exception")]
enum SomeMessages {
    #[rpc(message = "not found")]
    NotFound,
    Missing,
}

#[derive(Debug, RpcError)]
#[rpc(module = "nova.exception")]
enum BadTransparent {
    #[rpc(transparent)]
    Other { inner: u32, outer: u32 },
    #[rpc(transparent, class = "Other")]
    Another(u32),
}

#[derive(Debug, RpcError)]
#[rpc(module = "nova.exception")]
enum NamedPositional {
    #[rpc(message = "{0}")]
    NotFound(#[rpc(name = "instance")] String),
}

#[derive(Debug, RpcError)]
#[rpc(module = nova)]
enum Unquoted {
    #[rpc(message = "not found")]
    NotFound,
}

fn main() {}
