use super::*;

/// A folder for counter and lock that ends with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("bergen-names-{}-{}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn manager(&self) -> QueueManager {
        QueueManager::counting_in(&self.0, "node1", "nova-api", &self.0.join("locks"))
    }

    fn counter(&self) -> PathBuf {
        self.0.join("node1_nova-api_qmanager")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_have_the_peers_names() {
    let manager = QueueManager::new("node1", "nova-api", Path::new("/var/lock/nova"));
    assert_eq!(
        manager.counter_file,
        Path::new("/dev/shm/node1_nova-api_qmanager")
    );
    assert_eq!(
        manager.lock_file,
        Path::new("/var/lock/nova/oslo_read_shm_node1_nova-api")
    );
}

#[test]
fn names_are_counted_from_one_and_the_file_says_how_far() {
    let folder = Folder::new();
    let service = Generation::of_this_process().unwrap();
    for counter in 1..=3 {
        let name = folder.manager().next().unwrap();
        assert_eq!(name, format!("node1:nova-api:{counter}"));
        let text = std::fs::read_to_string(folder.counter()).unwrap();
        assert_eq!(
            text,
            format!("{}:{counter}:{}", service.group, service.start_time)
        );
    }
    assert!(folder.0.join("locks/oslo_read_shm_node1_nova-api").exists());
}

#[test]
fn another_generation_and_another_content_start_anew() {
    let folder = Folder::new();
    let Generation { group, start_time } = Generation::of_this_process().unwrap();
    let others = [
        format!("{}:7:{start_time}", group + 1),
        format!("{group}:7:{}", start_time + 1),
        format!("{group}:7"),
        format!("{group}:7:{start_time}:0"),
        format!("{group}:seven:{start_time}"),
        format!("{group}:{}:{start_time}", u64::MAX),
        "\u{fffd}".to_owned(),
        "7".repeat(100_000),
        String::new(),
    ];
    for other in &others {
        std::fs::write(folder.counter(), other).unwrap();
        assert_eq!(
            folder.manager().next().unwrap(),
            "node1:nova-api:1",
            "{other:.40}"
        );
    }
    std::fs::write(folder.counter(), [0xff, 0xfe]).unwrap();
    assert_eq!(folder.manager().next().unwrap(), "node1:nova-api:1");
    // As the peer writes it, and with the newline of an editor.
    std::fs::write(folder.counter(), format!("{group}:7:{start_time}\n")).unwrap();
    assert_eq!(folder.manager().next().unwrap(), "node1:nova-api:8");
}

#[test]
fn threads_get_different_names() {
    let folder = Folder::new();
    let names = std::thread::scope(|scope| {
        let draw = || {
            (0..25)
                .map(|_| folder.manager().next().unwrap())
                .collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    let distinct: std::collections::HashSet<_> = names.iter().collect();
    assert_eq!((names.len(), distinct.len()), (100, 100));
}

#[test]
fn errors_name_the_file() {
    let folder = Folder::new();
    let manager = QueueManager::counting_in(&folder.0.join("none"), "a", "b", &folder.0);
    let error = manager.next().unwrap_err().to_string();
    assert!(
        error.starts_with("cannot count queue names in ") && error.contains("a_b_qmanager"),
        "{error}"
    );
    std::fs::write(folder.0.join("file"), "").unwrap();
    let manager = QueueManager::counting_in(&folder.0, "a", "b", &folder.0.join("file"));
    let error = manager.next().unwrap_err().to_string();
    assert!(
        error.contains("oslo_read_shm_a_b") && error.contains("lock_path"),
        "{error}"
    );
}

#[test]
fn fields_of_a_process_are_found_behind_odd_names() {
    let stat = "17 (a ) b) S 3 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 110412 1 2";
    assert_eq!(group_of(stat), Some(42));
    let plain = "17 (nova-api) S 3 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 110412 1 2";
    assert_eq!(
        (group_of(plain), start_time_of(plain)),
        (Some(42), Some(110_412))
    );
    // The peer counts words, so that spaces in a name make it read another field.
    assert_eq!(
        start_time_of("17 (a b) S 3 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 9 110412"),
        Some(9)
    );
    assert_eq!(
        (group_of(""), group_of("17 (x"), start_time_of("1 2 3")),
        (None, None, None)
    );
}
