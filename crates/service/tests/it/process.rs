//! The program in a process, and what it says.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::program::{SCENARIO, Scenario};

/// As long as anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program at work; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: mpsc::Receiver<Line>,
    /// All that was read so far.
    heard: Vec<Line>,
}

/// What a process said, and when.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) at: Instant,
}

impl Line {
    /// The process that said it, if it was the program itself and not its log.
    pub(crate) fn pid(&self) -> u32 {
        self.text.split(' ').next().unwrap().parse().unwrap()
    }
}

impl Process {
    pub(crate) fn start(scenario: &Scenario) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.stdout(Stdio::null());
        Self::spawn(command, scenario)
    }

    /// By a command that runs it, so far without its arguments.
    pub(crate) fn spawn(mut command: Command, scenario: &Scenario) -> Self {
        let mut child = command
            .args(["--exact", "program::the_program", "--nocapture"])
            .env(SCENARIO, serde_json::to_string(scenario).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for text in output.lines().map_while(Result::ok) {
                let at = Instant::now();
                if sender.send(Line { text, at }).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            heard: Vec::new(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line with this in it.
    pub(crate) fn wait_for(&mut self, what: &str) -> Line {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no {what:?} in {:#?}", self.heard);
            };
            self.heard.push(line.clone());
            if line.text.contains(what) {
                return line;
            }
        }
    }

    /// The next lines with these in them, in whatever order they come; given in the order of the list.
    pub(crate) fn wait_for_all(&mut self, whats: &[&str]) -> Vec<Line> {
        let mut found: Vec<Option<Line>> = vec![None; whats.len()];
        while found.iter().any(Option::is_none) {
            let line = self.wait_for("");
            for (what, found) in whats.iter().zip(&mut found) {
                if found.is_none() && line.text.contains(what) {
                    *found = Some(line.clone());
                    break;
                }
            }
        }
        found.into_iter().flatten().collect()
    }

    /// The process that said this, among what was heard so far.
    pub(crate) fn heard_from(&self, what: &str) -> u32 {
        let line = self.heard.iter().rfind(|line| line.text.contains(what));
        line.unwrap().pid()
    }

    /// How often what was heard so far has this in it.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.heard
            .iter()
            .filter(|line| line.text.contains(what))
            .count()
    }

    pub(crate) fn signal(&self, signal: Signal) -> Instant {
        signal_to(self.pid(), signal)
    }

    /// Waits for its end, and hears the rest.
    pub(crate) fn end(&mut self) -> i32 {
        let status = self.child.wait().unwrap();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.heard.push(line);
        }
        status.code().unwrap_or_else(|| panic!("{status}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.heard.extend(self.lines.try_iter());
            eprintln!("{:#?}", self.heard);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal_to(pid: u32, signal: Signal) -> Instant {
    let now = Instant::now();
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
    now
}

/// That what is tried takes no longer than `limit`; of three tries one has to do, since the machine may be busy with
/// something else.
pub(crate) fn takes_at_most(limit: Duration, attempt: impl Fn() -> Duration) {
    let mut tries = (0..3).map(|_| attempt());
    assert!(
        tries.any(|time| time <= limit),
        "it takes more than {limit:?}"
    );
}

/// Waits until a process is gone, which nobody may have reaped.
pub(crate) fn wait_until_gone(pid: u32) {
    let deadline = Instant::now() + PATIENCE;
    while is_alive(pid) {
        assert!(Instant::now() < deadline, "{pid} lives");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// A folder that goes with the test.
#[derive(Debug)]
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("service-{name}-{}", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
