use super::{Process, Stat, below, processes, threads, user_name};

#[test]
fn this_process_has_its_threads() {
    let (named, is_named) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::Builder::new().name("waiter".to_owned());
    let thread = thread.spawn(move || {
        named.send(()).unwrap();
        ended.recv().is_err()
    });
    is_named.recv().unwrap();
    let seen = threads();
    assert!(
        seen.iter().any(|thread| thread.name == "waiter"),
        "{seen:?}"
    );
    assert!(seen.iter().any(|thread| thread.id == std::process::id()));
    drop(end);
    assert!(thread.unwrap().join().unwrap());
}

#[test]
fn this_process_comes_before_its_children() {
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let seen = processes();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(seen[0].pid, std::process::id());
    assert_eq!(seen[0].depth, 0);
    let found = seen
        .iter()
        .find(|process| process.pid == child.id())
        .unwrap();
    assert_eq!(found.parent, std::process::id());
    assert_eq!(found.depth, 1);
}

#[test]
fn a_name_with_parentheses_is_no_trouble() {
    let stat = Stat::parse("12 (a) R (b)) S 7 12 12 0").unwrap();
    assert_eq!((&*stat.name, stat.state, stat.parent), ("a) R (b)", 'S', 7));
    for broken in ["", "12", "12 (a", "12 (a)", "12 (a) S", "12 (a) S x"] {
        assert_eq!(Stat::parse(broken), None, "{broken}");
    }
}

#[test]
fn users_have_names() {
    let users = "root:x:0:0:root:/root:/bin/sh\nbroken\nnova:x:162:162::/var:/bin/false\n";
    assert_eq!(user_name(users, 162), "nova");
    assert_eq!(user_name(users, 1), "unknown");
}

#[test]
fn a_tree_ends_even_if_the_system_was_read_in_the_middle_of_a_change() {
    let process = |pid, parent| Process {
        pid,
        parent,
        uid: 0,
        user: String::new(),
        state: 'S',
        depth: 0,
    };
    let all = [process(1, 3), process(2, 1), process(3, 2), process(4, 1)];
    let tree = below(1, &all);
    let tree: Vec<_> = tree
        .iter()
        .map(|process| (process.pid, process.depth))
        .collect();
    assert_eq!(tree, [(1, 0), (2, 1), (3, 2), (4, 1)]);
}
