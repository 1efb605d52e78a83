use std::process::{Command, Stdio};

use super::*;

struct Lock(PathBuf);

impl Lock {
    fn new() -> Self {
        let name = format!("bergen-lock-{}-{}", std::process::id(), fastrand::u64(..));
        Self(std::env::temp_dir().join(name))
    }

    /// Whether another process finds a record lock on it.
    fn is_listed(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let inode = std::fs::metadata(&self.0).unwrap().ino();
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        let of_this = format!(":{inode} 0 EOF");
        locks
            .lines()
            .any(|line| line.contains("POSIX  ADVISORY  WRITE") && line.ends_with(&of_this))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn it_is_a_record_lock_over_the_whole_file_while_it_is_held() {
    let lock = Lock::new();
    let held = LockFile::acquire(&lock.0, Duration::ZERO).unwrap();
    assert!(lock.is_listed());
    drop(held);
    assert!(!lock.is_listed());
    drop(LockFile::acquire(&lock.0, Duration::ZERO).unwrap());
}

/// A lock by flock(2), such as the standard library's, is another thing.
#[test]
fn it_does_not_see_other_kinds_of_locks() {
    let lock = Lock::new();
    let mut other = Command::new("flock")
        .arg(&lock.0)
        .args(["sh", "-c", "echo held; read -r _"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 5];
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut said).unwrap();
    drop(LockFile::acquire(&lock.0, Duration::ZERO).unwrap());
    drop(other.stdin.take());
    other.wait().unwrap();
}
