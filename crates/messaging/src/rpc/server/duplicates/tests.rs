use super::*;

fn window(size: usize) -> Duplicates {
    Duplicates::new(DuplicateWindow {
        age: Duration::from_mins(10),
        size,
    })
}

#[test]
fn a_repeated_id_is_known() {
    let duplicates = window(10);
    let now = Instant::now();
    assert!(!duplicates.contains("0f", now));
    assert!(duplicates.record("0f", now).is_new);
    assert!(duplicates.contains("0f", now));
    assert!(!duplicates.record("0f", now).is_new);
}

#[test]
fn ids_that_are_not_hex_are_told_apart() {
    let duplicates = window(10);
    let now = Instant::now();
    for id in [
        "",
        "a",
        "b",
        "no hex at all, and rather longer than 32",
        "ä",
    ] {
        assert!(duplicates.record(id, now).is_new, "{id}");
        assert!(!duplicates.record(id, now).is_new, "{id}");
    }
}

#[test]
fn an_id_is_forgotten_after_its_time_without_counting_as_evicted() {
    let duplicates = window(10);
    let now = Instant::now();
    duplicates.record("a", now);
    assert!(duplicates.contains("a", now + Duration::from_mins(10)));
    assert!(!duplicates.contains("a", now + Duration::from_secs(601)));
    assert_eq!(
        duplicates.record("a", now + Duration::from_secs(601)),
        Recorded {
            is_new: true,
            evicted: 0
        }
    );
}

#[test]
fn a_full_window_evicts_the_oldest_and_says_so() {
    let duplicates = window(2);
    let now = Instant::now();
    assert_eq!(duplicates.record("a", now).evicted, 0);
    assert_eq!(duplicates.record("b", now).evicted, 0);
    assert_eq!(duplicates.record("c", now).evicted, 1);
    assert!(!duplicates.contains("a", now));
    assert!(duplicates.contains("b", now));
    assert!(duplicates.contains("c", now));
}

#[test]
fn a_window_of_no_size_checks_nothing() {
    let duplicates = window(0);
    let now = Instant::now();
    assert!(duplicates.record("a", now).is_new);
    assert!(duplicates.record("a", now).is_new);
    assert!(!duplicates.contains("a", now));
}

/// The resident memory of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// In a process of its own: what other tests take at the same time would count.
#[test]
fn a_full_window_takes_about_as_much_memory_as_is_said() {
    const ALONE: &str = "BERGEN_TEST_ALONE";
    const WINDOWS: usize = 8;
    if std::env::var_os(ALONE).is_none() {
        let name = std::thread::current().name().unwrap().to_owned();
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let output = alone
            .args([&name, "--exact", "--nocapture"])
            .env(ALONE, "1")
            .output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    }
    let size = DuplicateWindow::default().size;
    let now = Instant::now();
    let before = resident();
    let windows: Vec<_> = (0..WINDOWS)
        .map(|_| {
            let duplicates = window(size);
            for _ in 0..2 * size {
                duplicates.record(&Id::new().to_string(), now);
            }
            duplicates
        })
        .collect();
    let bytes = (resident() - before) / WINDOWS;
    println!("{size} remembered ids take {bytes} bytes");
    assert!((2 << 20..6 << 20).contains(&bytes), "{bytes}");
    drop(windows);
}
