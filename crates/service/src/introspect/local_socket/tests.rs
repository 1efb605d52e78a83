use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

use super::{LocalSocket, is_trusted};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("bergen-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn socket_and_folder_are_for_their_owner_and_the_socket_goes_with_the_value() {
    let folder = Folder::new("owner");
    let path = folder.0.join("socket");
    let socket = LocalSocket::bind(&path).await.unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&folder.0), 0o700);
    let (accepted, connected) = tokio::join!(socket.accept(), UnixStream::connect(&path));
    accepted.unwrap();
    connected.unwrap();
    drop(socket);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
    let folder = Folder::new("stale");
    std::fs::create_dir(&folder.0).unwrap();
    let path = folder.0.join("socket");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let first = LocalSocket::bind(&path).await.unwrap();
    let error = LocalSocket::bind(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(path.exists(), "the one in use is still there");
    drop(first);
}

#[tokio::test]
async fn a_file_in_the_way_stays() {
    let folder = Folder::new("file");
    std::fs::create_dir(&folder.0).unwrap();
    let path = folder.0.join("precious");
    std::fs::write(&path, "data").unwrap();
    LocalSocket::bind(&path).await.unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), b"data");
}

#[test]
fn only_our_own_user_and_root_are_trusted() {
    assert!(is_trusted(1000, 1000));
    assert!(is_trusted(0, 1000));
    assert!(!is_trusted(1001, 1000));
    assert!(!is_trusted(1000, 0));
}
