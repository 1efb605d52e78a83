//! What was committed is there again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;

use super::disk::Disk;
use super::model::Model;
use super::*;

/// `BERGEN_CASES` runs more.
fn cases() -> ProptestConfig {
    let cases = std::env::var("BERGEN_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases.unwrap_or(48))
    }
}

/// Bindings have no order among themselves.
fn canonical(mut changes: Vec<(Arc<str>, Change)>) -> Vec<(Arc<str>, Change)> {
    for part in changes.chunk_by_mut(|a, b| {
        a.0 == b.0 && matches!((&a.1, &b.1), (Change::Bound { .. }, Change::Bound { .. }))
    }) {
        part.sort_by_key(|(_, bound)| format!("{bound:?}"));
    }
    changes
}

/// Commits a random batch; the model after it.
fn commit_random(open: &mut Open, model: &mut Model, random: &mut fastrand::Rng) -> Ticket {
    let mut batch = Batch::new();
    while batch.is_empty() || random.u8(..3) > 0 {
        let (host, changes) = model.random(random);
        for change in changes {
            model.apply(&host, &change);
            batch.push(&host, change);
        }
    }
    open.store.commit(batch)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_store_opened_again_holds_what_was_committed(seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let (disk, mut model) = (Disk::default(), Model::default());
        for _ in 0..4 {
            let mut open = Open::new(&disk, options());
            prop_assert_eq!(canonical(open.changes.clone()), canonical(model.changes()));
            prop_assert_eq!(&open.report.torn, &None);
            for _ in 0..random.usize(..100) {
                let ticket = commit_random(&mut open, &mut model, &mut random);
                // Else many share a frame.
                if random.bool() {
                    open.committed(ticket);
                }
            }
            open.store.close().unwrap();
        }
        let open = Open::new(&disk, options());
        prop_assert_eq!(canonical(open.changes.clone()), canonical(model.changes()));
    }

    /// After a power loss at any time there is all that was reported as committed, and whole batches of what was not.
    #[test]
    fn a_power_loss_takes_nothing_that_was_committed(seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut disk, mut model) = (Disk::default(), Model::default());
        for _ in 0..4 {
            let mut open = Open::new(&disk, options());
            let mut states = vec![canonical(model.changes())];
            let mut safe = 0;
            for _ in 0..random.usize(1..60) {
                let ticket = commit_random(&mut open, &mut model, &mut random);
                states.push(canonical(model.changes()));
                if random.bool() {
                    open.committed(ticket);
                    safe = states.len() - 1;
                }
            }
            let crashed = disk.after_power_loss(&mut random);
            drop(open);
            let found = canonical(Open::new(&crashed, options()).changes);
            prop_assert!(states[safe..].contains(&found), "{:?} never was", found);
            disk = crashed;
            model = Model::default();
            for (host, change) in found {
                model.apply(&host, &change);
            }
        }
    }
}

#[test]
fn batches_that_wait_share_a_write() {
    let disk = Disk::default();
    let mut open = Open::new(&disk, calm());
    let before = disk.syncs();
    disk.close_gate();
    open.batch([queue("q")]);
    disk.wait_for_sync();
    let mut last = None;
    for position in 0..500 {
        last = Some(open.batch([enqueued("q", position, b"body")]));
    }
    assert!(open.events.try_recv().is_err(), "nothing is on disk yet");
    disk.open_gate();
    open.committed(last.unwrap());
    assert_eq!(disk.syncs() - before, 2);
}

#[test]
fn too_much_on_the_way_to_the_disk_is_congestion() {
    let disk = Disk::default();
    let mut open = Open::new(
        &disk,
        StoreOptions {
            max_in_flight: 100_000,
            ..calm()
        },
    );
    disk.close_gate();
    open.batch([queue("q")]);
    assert!(!open.store.is_congested());
    let last = open.batch([enqueued("q", 0, &vec![0; 200_000])]);
    assert!(open.store.is_congested());
    disk.open_gate();
    open.committed(last);
    assert!(!open.store.is_congested());
    assert_eq!(open.store.in_flight(), 0);
}

#[test]
fn what_passes_through_leaves_little() {
    let disk = Disk::default();
    let mut open = Open::new(
        &disk,
        StoreOptions {
            file_size: 100_000,
            ..options()
        },
    );
    open.batch([queue("q"), queue("kept"), enqueued("kept", 0, b"kept")]);
    let mut most = 0;
    for turn in 0..2_000_u64 {
        let new = (turn * 20..turn * 20 + 20).map(|position| enqueued("q", position, &[7; 100]));
        let ticket = open.batch(new.collect::<Vec<_>>());
        let gone = open.batch([removed("q", turn * 20..turn * 20 + 20)]);
        if turn % 50 == 0 {
            open.committed(gone.max(ticket));
            most = most.max(disk.size());
        }
    }
    assert!(most < 400_000, "{most} bytes while 6 MB passed");
    // With some time it becomes smaller still.
    let ticket = open.batch([enqueued("q", 1_000_000, b"last")]);
    open.committed(ticket);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while disk.size() > 70_000 && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert!(disk.size() <= 70_000, "{} bytes are left", disk.size());
    drop(open);
    let open = Open::new(&disk, calm());
    assert_eq!(bodies(&open.changes, "kept"), ["kept"]);
    assert_eq!(bodies(&open.changes, "q"), ["last"]);
}

#[test]
fn a_message_of_many_queues_is_written_and_kept_once() {
    let disk = Disk::default();
    let mut open = Open::new(&disk, calm());
    let message = message(&[1; 10_000]);
    let names: Vec<String> = (0..100).map(|number| format!("q{number}")).collect();
    open.batch(names.iter().map(|name| queue(name)).collect::<Vec<_>>());
    let everywhere = names.iter().map(|name| {
        let (queue, message) = (name.as_str().into(), message.clone());
        (
            host(),
            Change::Enqueued {
                queue,
                position: Position(1),
                message,
                at: 1,
            },
        )
    });
    let ticket = open.batch(everywhere.collect::<Vec<_>>());
    open.committed(ticket);
    drop(open);
    assert!(disk.size() < 30_000, "{}", disk.size());
    let open = Open::new(&disk, calm());
    let mut messages = open.changes.iter().filter_map(|(_, change)| match change {
        Change::Enqueued { message, .. } => Some(message),
        _ => None,
    });
    let first = messages.next().unwrap();
    assert_eq!(
        messages
            .filter(|message| Arc::ptr_eq(message, first))
            .count(),
        99
    );
}

#[test]
fn virtual_hosts_come_and_go_with_all_they_hold() {
    let disk = Disk::default();
    let mut open = Open::new(&disk, options());
    let (gone, kept): (Arc<str>, Arc<str>) = ("gone".into(), "kept".into());
    let mut batch = Batch::new();
    batch.add_host(&gone);
    batch.add_host(&kept);
    batch.push(&gone, queue("q").1);
    batch.push(&gone, enqueued("q", 1, b"body").1);
    open.store.commit(batch);
    let mut batch = Batch::new();
    batch.remove_host(&gone);
    open.store.commit(batch);
    open.store.close().unwrap();
    let opened = Store::open_files(Box::new(disk), options()).unwrap();
    let names: Vec<_> = opened
        .restored
        .hosts
        .iter()
        .map(|host| host.name().to_string())
        .collect();
    assert_eq!(names, ["kept"]);
    assert_eq!(opened.restored.report.messages, 0);
}

/// A directory of its own that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bergen-store-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_directory_is_private_and_for_one_broker() {
    let scratch = Scratch::new("private");
    let mut open = Open::from(Store::open(&scratch.0, calm()).unwrap());
    let ticket = open.batch([queue("q"), enqueued("q", 3, b"body")]);
    open.committed(ticket);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&scratch.0), 0o700);
    for entry in fs::read_dir(&scratch.0).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    let refused = Store::open(&scratch.0, calm()).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    assert!(refused.to_string().contains("another broker"), "{refused}");

    open.store.close().unwrap();
    let open = Open::from(Store::open(&scratch.0, calm()).unwrap());
    assert_eq!(bodies(&open.changes, "q"), ["body"]);
}

#[test]
fn a_directory_of_another_version_is_refused() {
    let scratch = Scratch::new("version");
    drop(Store::open(&scratch.0, calm()).unwrap());
    fs::write(scratch.0.join("format"), "bergen broker data 2\n").unwrap();
    let refused = Store::open(&scratch.0, calm()).unwrap_err();
    assert!(matches!(refused, StoreError::Version { .. }), "{refused}");
    assert!(
        refused.to_string().contains("bergen broker data 2"),
        "{refused}"
    );
}

#[test]
fn a_path_that_is_no_directory_is_an_error_that_names_it() {
    let scratch = Scratch::new("file");
    fs::write(&scratch.0, "a file").unwrap();
    let refused = Store::open(&scratch.0, calm()).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains(&scratch.0.display().to_string()),
        "{refused}"
    );
    fs::remove_file(&scratch.0).unwrap();
}
