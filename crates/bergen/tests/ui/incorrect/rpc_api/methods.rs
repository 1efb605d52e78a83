use bergen::rpc::{Context, rpc_api};

#[rpc_api(version = "1.3")]
trait ComputeApi {
    fn not_async(&self);

    async fn no_receiver(instance: String);

    async fn generic<T>(&self, value: T);

    #[rpc(cast)]
    async fn cast_with_an_answer(&self, ctxt: &Context) -> u32;

    #[rpc(version = "1.4")]
    async fn newer_than_the_api(&self);

    async fn fanout(&self);

    async fn pattern(&self, (a, b): (u32, u32));
}

fn main() {}
