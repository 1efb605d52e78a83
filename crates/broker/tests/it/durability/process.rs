//! A broker in a process of its own: this test binary once more.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bergen_amqp::client::{ConnectOptions, Connection, ConnectionEvents};
use bergen_broker::{Address, Broker};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::{Scratch, within};

const DIRECTORY: &str = "BERGEN_TEST_DATA";
const READY: &str = "listening on ";

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    pub(super) fn start(directory: &Path) -> Self {
        Self::start_limited(directory, None)
    }

    /// One that may not write files larger than `file_size` bytes, until [`lift_limit`](Self::lift_limit).
    pub(super) fn start_limited(directory: &Path, file_size: Option<u64>) -> Self {
        let program = env::current_exe().unwrap();
        let mut command = if file_size.is_none() {
            Command::new(&program)
        } else {
            // A write beyond the limit shall be an error and no signal; that is for a parent to say.
            let mut shell = Command::new("sh");
            shell
                .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
                .arg(&program);
            shell
        };
        let mut child = command
            .args([
                "--exact",
                "durability::process::a_broker_in_a_process_ends_in_order_when_its_input_does",
                "--nocapture",
            ])
            .env(DIRECTORY, directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| Some(line.unwrap().split_once(READY)?.1.parse().unwrap()))
            .expect("the broker did not start");
        let process = Self { child, address };
        if file_size.is_some() {
            process.limit_files(file_size);
        }
        process
    }

    pub(super) fn lift_limit(&self) {
        self.limit_files(None);
    }

    /// `kill -9`
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(super) async fn connect(&self) -> (Connection, ConnectionEvents) {
        let options = ConnectOptions {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            ..ConnectOptions::default()
        };
        within(Connection::open(options)).await.unwrap()
    }

    fn limit_files(&self, bytes: Option<u64>) {
        let pid = Pid::from_child(&self.child);
        let maximum = rustix::process::getrlimit(Resource::Fsize).maximum;
        prlimit(
            Some(pid),
            Resource::Fsize,
            Rlimit {
                current: bytes,
                maximum,
            },
        )
        .unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Started by [`Process`] it is the broker, which lives until its standard input closes or it is killed.
#[test]
fn a_broker_in_a_process_ends_in_order_when_its_input_does() {
    if let Ok(directory) = env::var(DIRECTORY) {
        return be_the_broker(&directory);
    }
    let scratch = Scratch::new("process");
    let mut process = Process::start(&scratch.0);
    drop(process.child.stdin.take());
    // Its exit code is the test harness's, which has nobody to write to any more.
    assert!(process.child.wait().unwrap().code().is_some());
    assert!(!scratch.log_files().is_empty(), "it kept nothing");
}

#[expect(clippy::print_stdout, reason = "its parent reads its address there")]
fn be_the_broker(directory: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let broker = Broker::builder().data(directory).start().await.unwrap();
        let [Address::Tcp(address)] = broker.addresses() else {
            panic!()
        };
        println!("{READY}{address}");
        let mut input = String::new();
        std::io::stdin().read_line(&mut input).unwrap();
        broker.stop().await;
    });
}
