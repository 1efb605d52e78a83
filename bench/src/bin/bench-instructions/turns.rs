//! A whole client and a whole server, as programs have them, over loopback sockets. The broker's
//! turns happen in the same thread and are not counted.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bergen::rpc::CallError;
use bergen_bench::BenchError;
use bergen_bench::rpc::{Caller, Echo, Node, failed};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::broker::{Broker, Calls, Part};
use crate::messages::{self, Requests, TOPIC};
use crate::sections::measured_future;

/// Turns before the count begins: connections, queues and pools are there then.
const WARM_UP: usize = 4;

pub(crate) fn client(count: usize, in_flight: usize) -> Result<(), BenchError> {
    caller(count, in_flight, |caller, value| async move {
        caller.call(&value).await
    })
}

pub(crate) fn casts(count: usize, in_flight: usize) -> Result<(), BenchError> {
    caller(count, in_flight, |caller, value| async move {
        caller.cast(&value).await
    })
}

fn caller<Send, Sent>(count: usize, in_flight: usize, send: Send) -> Result<(), BenchError>
where
    Send: Fn(Arc<Caller>, Arc<str>) -> Sent + Copy + std::marker::Send + 'static,
    Sent: Future<Output = Result<(), CallError>> + std::marker::Send + 'static,
{
    let stage = Stage::new(Part::Server)?;
    let runtime = &stage.runtime;
    let node = Node::new(&stage.url())?;
    let caller = Arc::new(Caller::new(&node, TOPIC)?);
    let value: Arc<str> = messages::value().into();
    let loops = |each: usize| {
        let mut callers = JoinSet::new();
        for _ in 0..in_flight {
            let (caller, value) = (Arc::clone(&caller), Arc::clone(&value));
            let one = async move {
                for _ in 0..each {
                    send(Arc::clone(&caller), Arc::clone(&value)).await?;
                }
                Ok::<_, CallError>(())
            };
            callers.spawn_on(one, runtime.handle());
        }
        async move {
            while let Some(done) = callers.join_next().await {
                done.map_err(failed)?.map_err(failed)?;
            }
            Ok(())
        }
    };
    runtime.block_on(loops(WARM_UP))?;
    measured_future(runtime, loops(count / in_flight))?;
    runtime.block_on(node.close());
    Ok(())
}

pub(crate) fn server(count: usize, in_flight: usize) -> Result<(), BenchError> {
    let done = Arc::new(Notify::new());
    let stage = Stage::new(Part::Client(Calls {
        requests: Requests::new()?,
        in_flight,
        left: 0,
        done: Arc::clone(&done),
    }))?;
    let runtime = &stage.runtime;
    let url = stage.url();
    let node = Node::new(&url)?;
    let server = runtime.block_on(node.serve(TOPIC, "bergen", Echo::default()))?;
    let serve = |calls: usize| {
        if let Some(order) = stage.broker().calls() {
            order.left = calls;
        }
        async {
            done.notified().await;
            Ok(())
        }
    };
    runtime.block_on(serve(WARM_UP * in_flight))?;
    measured_future(runtime, serve(count))?;
    runtime.block_on(async {
        server.stop().await.map_err(failed)?;
        server.wait().await.map_err(failed)?;
        node.close().await;
        Ok(())
    })
}

/// A runtime of one thread, and the broker that acts whenever the runtime would go to sleep.
struct Stage {
    runtime: Runtime,
    broker: Arc<Mutex<Broker>>,
}

impl Stage {
    fn new(part: Part) -> Result<Self, BenchError> {
        let broker = Arc::new(Mutex::new(Broker::new(part)?));
        let acting = Arc::clone(&broker);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .on_thread_park(move || turn_of_the_broker(&acting))
            .build()
            .map_err(BenchError::io("starting a runtime"))?;
        Ok(Self { runtime, broker })
    }

    fn broker(&self) -> MutexGuard<'_, Broker> {
        lock(&self.broker)
    }

    fn url(&self) -> String {
        format!("rabbit://guest:guest@127.0.0.1:{}/", self.broker().port())
    }
}

/// Not counted: its name is what valgrind is told.
#[inline(never)]
fn turn_of_the_broker(broker: &Mutex<Broker>) {
    if let Err(error) = lock(broker).turn() {
        // Nobody would ever answer the side under measurement.
        eprintln!("the broker of the bench: {error}");
        std::process::exit(1);
    }
}

fn lock(broker: &Mutex<Broker>) -> MutexGuard<'_, Broker> {
    broker.lock().unwrap_or_else(PoisonError::into_inner)
}
