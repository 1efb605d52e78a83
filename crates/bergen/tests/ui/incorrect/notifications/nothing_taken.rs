use bergen::notifications;

struct Inventory;

#[notifications]
impl Inventory {
    async fn created(&self) {}
}

fn main() {}
