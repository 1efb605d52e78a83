//! What systemd hears.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::process::{Process, signal_to};
use super::program::{Kind, Scenario};

/// systemd's end, with what the environment variable says of it.
struct Manager {
    socket: UnixDatagram,
    name: String,
}

impl Manager {
    fn at_path(test: &str) -> Self {
        // A socket's path has room for some hundred bytes, which the folder of the tests may exceed.
        let path = std::env::temp_dir().join(format!("bergen-{test}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self {
            socket: UnixDatagram::bind(&path).unwrap(),
            name: path.to_str().unwrap().to_owned(),
        }
    }

    fn abstract_name(test: &str) -> Self {
        let name = format!("bergen-{test}-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        Self {
            socket: UnixDatagram::bind_addr(&address).unwrap(),
            name: format!("@{name}"),
        }
    }

    fn start(&self, scenario: &Scenario) -> Process {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .env("NOTIFY_SOCKET", &self.name)
            .stdout(Stdio::null());
        Process::spawn(command, scenario)
    }

    /// With a watchdog of 200 ms, for the process itself or for another one.
    fn start_watched(&self, scenario: &Scenario, own: bool) -> Process {
        let pid = if own { "$$" } else { "1" };
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("WATCHDOG_PID={pid} exec \"$0\" \"$@\""))
            .arg(std::env::current_exe().unwrap())
            .env("NOTIFY_SOCKET", &self.name)
            .env("WATCHDOG_USEC", "200000")
            .stdout(Stdio::null());
        Process::spawn(command, scenario)
    }

    /// The next message that comes in time.
    fn hear(&self, patience: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let mut buffer = [0; 1024];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    fn expect(&self, message: &str) {
        let heard = self.hear(Duration::from_secs(30)).unwrap();
        let (state, status) = heard.split_once('\n').unwrap();
        assert_eq!(state, message);
        assert!(status.starts_with("STATUS="), "{status}");
    }

    /// How many messages come in a time, all of them from the watchdog.
    fn count_alive(&self, time: Duration) -> usize {
        let end = Instant::now() + time;
        let mut count = 0;
        while let Some(left) = end
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
        {
            if let Some(message) = self.hear(left) {
                assert_eq!(message, "WATCHDOG=1");
                count += 1;
            }
        }
        count
    }

    /// Takes what is there already.
    fn drain(&self) {
        while self.hear(Duration::from_millis(1)).is_some() {}
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        if !self.name.starts_with('@') {
            let _ = std::fs::remove_file(&self.name);
        }
    }
}

/// P8
#[test]
fn ready_is_said_once_when_every_worker_has_started() {
    for manager in [Manager::at_path("ready"), Manager::abstract_name("ready")] {
        for workers in [1, 2, 3] {
            let mut scenario = Scenario::new(&[("conductor", workers)]);
            // The last worker needs the longest.
            scenario.start = 200;
            let begun = Instant::now();
            let mut process = manager.start(&scenario);
            manager.expect("READY=1");
            let all = Duration::from_millis(200 * workers as u64);
            assert!(begun.elapsed() >= all, "too early");
            for _ in 0..workers {
                process.wait_for(" started");
            }
            // A worker that is replaced is nothing that systemd needs to hear of.
            if workers > 1 {
                signal_to(process.heard_from("conductor 0 started"), Signal::KILL);
                process.wait_for("conductor 0 started");
            }
            process.signal(Signal::TERM);
            manager.expect("STOPPING=1");
            assert_eq!(process.end(), 0);
            assert_eq!(manager.hear(Duration::from_millis(20)), None);
        }
    }
}

#[test]
fn a_reload_is_framed() {
    let manager = Manager::abstract_name("reload");
    for workers in [1, 2] {
        for mutate in [false, true] {
            let mut scenario = Scenario::new(&[("conductor", workers)]);
            scenario.mutate = mutate;
            let mut process = manager.start(&scenario);
            manager.expect("READY=1");
            process.signal(Signal::HUP);
            let reloading = manager.hear(Duration::from_secs(30)).unwrap();
            let time = reloading
                .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
                .unwrap();
            let (time, _status) = time.split_once('\n').unwrap();
            let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
            let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
            let time = time.parse::<f64>().unwrap() / 1e6;
            assert!(time > 0.0 && time <= uptime + 1.0, "{time} {uptime}");
            manager.expect("READY=1");
            process.signal(Signal::TERM);
            manager.expect("STOPPING=1");
            assert_eq!(process.end(), 0);
        }
    }
}

#[test]
fn the_watchdog_is_served_while_every_worker_answers() {
    let manager = Manager::abstract_name("watchdog");
    let mut process = manager.start_watched(&Scenario::new(&[("conductor", 2)]), true);
    let started = process.wait_for_all(&["conductor 0 started", "conductor 1 started"]);
    manager.expect("READY=1");
    let alive = manager.count_alive(Duration::from_secs(1));
    assert!((5..=12).contains(&alive), "{alive} times in a second");

    signal_to(started[1].pid(), Signal::STOP);
    // What was asked before the stop may be answered still.
    std::thread::sleep(Duration::from_millis(150));
    manager.drain();
    assert_eq!(manager.count_alive(Duration::from_millis(500)), 0);
    signal_to(started[1].pid(), Signal::CONT);
    assert!(manager.count_alive(Duration::from_secs(1)) >= 5);
}

#[test]
fn the_watchdog_is_not_served_when_the_services_hang() {
    let manager = Manager::abstract_name("watchdog-hang");
    let mut scenario = Scenario::new(&[("conductor", 1)]);
    scenario.kind = Kind::Blocks;
    let mut process = manager.start_watched(&scenario, true);
    process.wait_for("blocked");
    std::thread::sleep(Duration::from_millis(150));
    manager.drain();
    assert_eq!(manager.count_alive(Duration::from_millis(500)), 0);
}

#[test]
fn a_watchdog_for_another_process_is_not_ours() {
    let manager = Manager::abstract_name("watchdog-other");
    let mut process = manager.start_watched(&Scenario::new(&[("conductor", 1)]), false);
    process.wait_for(" started");
    manager.expect("READY=1");
    assert_eq!(manager.count_alive(Duration::from_millis(400)), 0);
}

#[test]
fn workers_know_nothing_of_systemd() {
    let manager = Manager::abstract_name("workers");
    let mut process = manager.start_watched(&Scenario::new(&[("conductor", 2)]), true);
    let started = process.wait_for("conductor 1 started");
    let environment = std::fs::read(format!("/proc/{}/environ", started.pid())).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(environment.contains("BERGEN_WORKER="));
    for variable in ["NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID="] {
        assert!(!environment.contains(variable), "{variable}");
    }
}
