//! Neither settings nor context: a method is all it takes.

use bergen::rpc::{Endpoint, endpoint};

struct Echo;

#[endpoint]
impl Echo {
    #[rpc]
    async fn echo(&self, value: String) -> String {
        value
    }
}

/// The macros' output finds bergen where it is said to be.
mod elsewhere {
    pub use bergen as bus;
}

struct Silent;

#[endpoint(crate = crate::elsewhere::bus)]
impl Silent {
    #[rpc]
    async fn nothing(&self) {}
}

fn main() {
    let endpoint: &dyn Endpoint = &Echo;
    assert_eq!(endpoint.methods().len(), 1);
    assert_eq!(Silent.methods().len(), 1);
}
