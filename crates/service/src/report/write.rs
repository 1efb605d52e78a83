//! Where reports go.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::utc;

/// Writes a report: into a new file of the folder, else to standard error. Gives the file.
///
/// The file is readable for us alone, since a configuration can tell a lot even without its secrets.
pub(super) fn write(
    report: &str,
    folder: Option<&Path>,
    program: &str,
) -> io::Result<Option<PathBuf>> {
    let Some(folder) = folder else {
        return io::stderr()
            .lock()
            .write_all(report.as_bytes())
            .map(|()| None);
    };
    let name = format!("{program}_gurumeditation_{}", utc::stamp(SystemTime::now()));
    // Workers that report in the same second each have a file: the peer's would overwrite each other's.
    let with_pid = format!("{name}_{}", std::process::id());
    let mut path = folder.join(name);
    let mut file = create(&path);
    if matches!(&file, Err(error) if error.kind() == ErrorKind::AlreadyExists) {
        path = folder.join(with_pid);
        file = create(&path);
    }
    file?.write_all(report.as_bytes())?;
    Ok(Some(path))
}

fn create(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}
