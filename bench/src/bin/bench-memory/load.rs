//! The load: as many calls in flight as asked for, each followed by the next.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bergen::rpc::{Call, Context, DynamicEndpoint, MethodError, Parameter, RpcClient, RpcServer};
use bergen::target::{ClientTarget, EndpointTarget, ServerTarget};
use bergen::transport::{RpcTransport, TransportOptions};
use bergen_bench::BenchError;
use bergen_bench::options::Options;
use bergen_bench::process::Usage;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// The size of the echoed text.
pub(crate) const BYTES: usize = 64;

/// What the calls run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// One thread for everything.
    OneThread,
    /// A runtime of two threads.
    TwoThreads,
    /// Two threads, each with a runtime, a service and its callers: what a program does that scales by runtimes.
    TwoRuntimes,
}

/// What one round came to.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Point {
    pub(crate) ground: &'static str,
    pub(crate) in_flight: usize,
    pub(crate) calls_a_second: f64,
    pub(crate) cpu_micros: f64,
}

impl Ground {
    pub(crate) const ALL: [Self; 3] = [Self::OneThread, Self::TwoThreads, Self::TwoRuntimes];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OneThread => "one-thread",
            Self::TwoThreads => "two-threads",
            Self::TwoRuntimes => "two-runtimes",
        }
    }

    /// Runs one round.
    #[expect(clippy::cast_precision_loss, reason = "fewer calls than that")]
    pub(crate) fn measure(self, in_flight: usize, options: &Options) -> Result<Point, BenchError> {
        let shared = Arc::new(Shared::default());
        let runners = match self {
            Self::OneThread | Self::TwoThreads => 1,
            Self::TwoRuntimes => 2,
        };
        let threads: Vec<_> = (0..runners)
            .map(|number| {
                let (shared, in_flight) = (Arc::clone(&shared), in_flight.div_ceil(runners));
                thread::spawn(move || self.run(number, in_flight, &shared))
            })
            .collect();
        thread::sleep(Duration::from_secs_f64(options.warm_up));
        let (usage, calls) = (Usage::of(std::process::id())?, shared.calls());
        let start = Instant::now();
        thread::sleep(Duration::from_secs_f64(options.seconds));
        let (elapsed, calls) = (start.elapsed(), shared.calls() - calls);
        let used = Usage::of(std::process::id())? - usage;
        shared.over.store(true, Ordering::Relaxed);
        for thread in threads {
            let ended = thread.join();
            ended.map_err(|_| BenchError::Usage("a runner panicked".to_owned()))??;
        }
        Ok(Point {
            ground: self.name(),
            in_flight,
            calls_a_second: calls as f64 / elapsed.as_secs_f64(),
            cpu_micros: used.cpu.as_secs_f64() * 1e6 / calls.max(1) as f64,
        })
    }

    fn run(self, number: usize, in_flight: usize, shared: &Arc<Shared>) -> Result<(), BenchError> {
        self.runtime()?.block_on(async {
            let transport = transport(number)?;
            let server = server(&transport, in_flight);
            server.start().await.map_err(wrong)?;
            let client = RpcClient::new(&transport, ClientTarget::new("echo").version((1, 0)));
            let mut callers = JoinSet::new();
            for caller in 0..in_flight {
                callers.spawn(call(client.clone(), caller, Arc::clone(shared)));
            }
            while let Some(ended) = callers.join_next().await {
                ended.map_err(wrong)??;
            }
            server.stop().await.map_err(wrong)?;
            server.wait().await.map_err(wrong)?;
            transport.close(Duration::from_secs(5)).await;
            Ok(())
        })
    }

    fn runtime(self) -> Result<Runtime, BenchError> {
        bergen_bench::runtime(if self == Self::TwoThreads { 2 } else { 1 })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>12}, {:>5} in flight: {:>9.0} calls/s, {:.2} CPU-µs a call",
            self.ground, self.in_flight, self.calls_a_second, self.cpu_micros
        )
    }
}

/// What callers and the clock share.
#[derive(Default)]
struct Shared {
    over: AtomicBool,
    /// Apart, so that callers on different cores do not wait for each other here.
    calls: [Count; COUNTS],
}

#[derive(Default)]
#[repr(align(128))]
struct Count(AtomicU64);

impl Shared {
    fn calls(&self) -> u64 {
        let counts = self.calls.iter();
        counts.map(|count| count.0.load(Ordering::Relaxed)).sum()
    }
}

const COUNTS: usize = 16;

/// One caller: a call, and the next when it is answered.
async fn call(client: RpcClient, caller: usize, shared: Arc<Shared>) -> Result<(), BenchError> {
    let text = "x".repeat(BYTES);
    let (context, arguments) = (Context::default(), [("value", text.as_str())]);
    let arguments: std::collections::BTreeMap<_, _> = arguments.into_iter().collect();
    while !shared.over.load(Ordering::Relaxed) {
        let answer: String = client
            .call(&context, "echo", &arguments)
            .await
            .map_err(wrong)?;
        if answer != text {
            return Err(wrong("another answer than what was asked for"));
        }
        if let Some(count) = shared.calls.get(caller % COUNTS) {
            count.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn transport(number: usize) -> Result<RpcTransport, BenchError> {
    let url = format!("memory://bench-{number}").parse().map_err(wrong)?;
    RpcTransport::new(TransportOptions::default().url(url)).map_err(wrong)
}

fn server(transport: &RpcTransport, in_flight: usize) -> RpcServer {
    let target = EndpointTarget::new().version((1, 0));
    let endpoint = DynamicEndpoint::new(target).method("echo", |call: Call| async move {
        const PARAMETERS: &[Parameter] = &[Parameter::required("value")];
        let value: String = call.bind("echo", PARAMETERS)?.take("value")?;
        Ok::<_, MethodError>(value)
    });
    RpcServer::builder(transport, ServerTarget::new("echo", "one"))
        .endpoint(endpoint)
        .limit(in_flight.max(64))
        .build()
}

fn wrong(error: impl fmt::Display) -> BenchError {
    BenchError::Usage(error.to_string())
}
