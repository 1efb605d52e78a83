//! The same random programs on our broker and on RabbitMQ: everything that clients can see is the same.
//!
//! After each step of a program both brokers are asked for all their queues until what was said is equal; what is
//! still different after seconds is a difference. A program that shows one is made as small as it gets and printed.
//!
//! `BERGEN_PROGRAMS=10000` runs many programs, `BERGEN_PROGRAM=4711` one again.

mod bugs;
mod names;
mod program;
mod side;
mod wire;

use std::{
    env,
    fmt::Write as _,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use bergen_broker::{Address, Broker, core::HostSettings};
use bergen_testbed::TestVhost;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use bugs::Bug;
use names::Names;
use program::{Step, programs};
use side::Side;
use wire::Place;

/// How long both sides may take to say the same.
const AGREEMENT: Duration = Duration::from_secs(1);

/// Longer than what is short-lived lives.
const WAIT: Duration = Duration::from_millis(1_900);

/// Programs without being asked for more: about half a minute.
const PROGRAMS: u64 = 40;

/// So many differences are enough to think about.
const REPORTS: usize = 4;

/// Our broker and RabbitMQ.
#[derive(Debug)]
struct Pair {
    ours: Place,
    theirs: Place,
    runs: AtomicUsize,
}

/// Where the two differ.
#[derive(Debug)]
struct Difference {
    at: usize,
    ours: String,
    theirs: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn random_programs_do_the_same_on_rabbitmq() {
    with_both("differential", |pair| {
        let only = number("BERGEN_PROGRAM");
        let seeds = match only {
            Some(seed) => seed..seed + 1,
            None => 0..number("BERGEN_PROGRAMS").unwrap_or(PROGRAMS),
        };
        let reports: Vec<_> = seeds
            .filter_map(|seed| search(pair, seed).err())
            .take(REPORTS)
            .collect();
        if reports.is_empty() {
            return Ok(());
        }
        Err(reports.join("\n"))
    })
    .await;
}

/// The control: what the programs cannot tell apart they do not test.
#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_found_by_random_programs() {
    with_both("mistakes", |pair| {
        for bug in Bug::ALL {
            let found = (0..2 * PROGRAMS).find(|seed| run(pair, &drawn(*seed), Some(bug)).is_err());
            let Some(seed) = found else {
                return Err(format!("{bug:?} was not found"));
            };
            eprintln!("{bug:?} is found by program {seed}");
        }
        Ok(())
    })
    .await;
}

async fn with_both(name: &str, test: impl FnOnce(&Pair) -> Result<(), String> + Send + 'static) {
    let vhost = TestVhost::new(name).await.unwrap();
    let mut settings = HostSettings::default();
    settings.name = vhost.name().into();
    let broker = Broker::builder()
        .virtual_host(settings)
        .start()
        .await
        .unwrap();
    let [Address::Tcp(address), ..] = broker.addresses() else {
        panic!("{:?}", broker.addresses());
    };
    let rabbit = tokio::net::lookup_host((vhost.rabbit().host(), vhost.rabbit().port()))
        .await
        .unwrap()
        .next()
        .unwrap();
    let place = |address| Place {
        address,
        virtual_host: vhost.name().to_owned(),
    };
    let pair = Pair {
        ours: place(*address),
        theirs: place(rabbit),
        runs: AtomicUsize::new(0),
    };
    let result = tokio::task::spawn_blocking(move || test(&pair))
        .await
        .unwrap();
    broker.stop().await;
    if let Err(report) = result {
        panic!("{report}");
    }
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap())
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    TestRunner::new_with_rng(Config::default(), rng)
}

fn drawn(seed: u64) -> Vec<Step> {
    let tree = programs().new_tree(&mut runner(seed)).unwrap();
    tree.current()
}

/// Runs the program of this seed; if the brokers differ, says how, with the smallest program found that shows it.
fn search(pair: &Pair, seed: u64) -> Result<(), String> {
    let mut program = drawn(seed);
    let Err(first) = run(pair, &program, None) else {
        return Ok(());
    };
    // A machine that stood still for a second can make short-lived things live longer on one side.
    let Err(mut difference) = run(pair, &program, None) else {
        eprintln!(
            "program {seed} differed once, at step {}: {first:?}",
            first.at
        );
        return Ok(());
    };
    program.truncate(difference.at + 1);
    while let Some((smaller, found)) = smaller(&program)
        .into_iter()
        .map(|smaller| (run(pair, &smaller, None), smaller))
        .find_map(|(result, smaller)| Some((smaller, result.err()?)))
    {
        (program, difference) = (smaller, found);
        program.truncate(difference.at + 1);
    }
    let mut report = format!("the brokers differ (again with BERGEN_PROGRAM={seed}):\n");
    for (at, step) in program.iter().enumerate() {
        writeln!(report, "{at}: {step:?}").unwrap();
    }
    let Difference { ours, theirs, .. } = difference;
    Err(format!("{report}ours: {ours}theirs: {theirs}"))
}

/// The program with fewer steps: first without many, then without one, then with simpler declarations.
fn smaller(program: &[Step]) -> Vec<Vec<Step>> {
    let mut all = Vec::new();
    let mut size = program.len() / 2;
    while size > 0 {
        for from in (0..program.len()).step_by(size) {
            let mut smaller = program.to_vec();
            smaller.drain(from..program.len().min(from + size));
            all.push(smaller);
        }
        size /= 2;
    }
    for (at, step) in program.iter().enumerate() {
        let Step::DeclareQueue { arguments, .. } = step else {
            continue;
        };
        for argument in 0..arguments.len() {
            let mut smaller = program.to_vec();
            if let Step::DeclareQueue { arguments, .. } = &mut smaller[at] {
                arguments.remove(argument);
            }
            all.push(smaller);
        }
    }
    all
}

/// Runs a program on both, step by step.
fn run(pair: &Pair, program: &[Step], bug: Option<Bug>) -> Result<(), Difference> {
    let names = Names::new(pair.runs.fetch_add(1, Ordering::Relaxed));
    let mut ours = Side::new(&pair.ours, names.clone(), bug);
    let mut theirs = Side::new(&pair.theirs, names, None);
    let mut result = Ok(());
    let mut waited = false;
    for (at, step) in program.iter().enumerate() {
        if *step == Step::Wait {
            if waited {
                continue;
            }
            waited = true;
            thread::sleep(WAIT);
        }
        ours.act(at, step);
        theirs.act(at, step);
        // A dead letter may go from queue to queue twice before it rests.
        for _ in 0..2 {
            ours.round();
            theirs.round();
        }
        let end = Instant::now() + AGREEMENT;
        while ours.view() != theirs.view() && Instant::now() < end {
            thread::sleep(Duration::from_millis(2));
            ours.round();
            theirs.round();
        }
        let (our_view, their_view) = (ours.view(), theirs.view());
        if our_view != their_view {
            result = Err(Difference {
                at,
                ours: our_view.beside(&their_view),
                theirs: their_view.beside(&our_view),
            });
            break;
        }
        ours.finish_step();
        theirs.finish_step();
    }
    ours.clean_up();
    theirs.clean_up();
    result
}
