use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;
use crate::command::{quiet, root};

/// Lifts the simulator's two files out of the source archive.
const UNPACK: &str = r#"
import os, sys, tarfile
folder, target = sys.argv[1:]
archive, = (os.path.join(folder, name) for name in os.listdir(folder))
wanted = ("simulator.py", "messages_length.yaml")
with tarfile.open(archive) as tar:
    for member in tar:
        parts = member.name.split("/")
        if parts[1:2] == ["tools"] and parts[-1] in wanted:
            with open(os.path.join(target, parts[-1]), "wb") as file:
                file.write(tar.extractfile(member).read())
"#;

/// The least Python that the peers run on.
const VERSION_CHECK: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";

/// Makes the virtual environment of the peers, and brings the load simulator; returns the
/// environment's Python and the simulator's file.
pub(super) fn set_up(folder: &Path) -> Result<(PathBuf, PathBuf), Error> {
    let file = root().join("interop/peers/requirements.txt");
    let requirements = fs::read_to_string(&file).map_err(Error::file(&file))?;
    let environment = folder.join("venv");
    let python = environment.join("bin/python");
    let simulator = folder.join("simulator/simulator.py");
    // Written last: what is not stamped was interrupted, or is for other versions.
    let stamp = environment.join("requirements.done");
    let done = fs::read_to_string(&stamp).is_ok_and(|text| text == requirements);
    if done && runs(&python) && simulator.exists() {
        println!("setup: Python peers there: {}", environment.display());
        return Ok((python, simulator));
    }
    println!(
        "setup: making the Python environment of the peers: {}",
        environment.display()
    );
    make_environment(&environment, &file)?;
    bring_simulator(&python, &requirements, &simulator)?;
    fs::write(&stamp, requirements).map_err(Error::file(&stamp))?;
    Ok((python, simulator))
}

/// Makes a virtual environment anew, with what a file of requirements names.
pub(crate) fn make_environment(environment: &Path, requirements: &Path) -> Result<(), Error> {
    let base = std::env::var_os("BERGEN_PYTHON").unwrap_or_else(|| "python3".into());
    quiet(Command::new(&base).args(["-c", VERSION_CHECK])).map_err(|error| Error::ByHand {
        what: format!("the peers need Python 3.11 or newer with its venv module: {error}"),
        how: "sudo apt-get install python3 python3-venv   (or set BERGEN_PYTHON to one that is \
              elsewhere)"
            .to_owned(),
    })?;
    quiet(
        Command::new(&base)
            .args(["-m", "venv", "--clear"])
            .arg(environment),
    )?;
    let python = environment.join("bin/python");
    quiet(
        pip(&python)
            .args(["install", "--requirement"])
            .arg(requirements),
    )?;
    quiet(pip(&python).arg("check"))?;
    Ok(())
}

/// The simulator is only in the source archive of the library, of the same version.
fn bring_simulator(python: &Path, requirements: &str, simulator: &Path) -> Result<(), Error> {
    let library = "oslo.messaging";
    let requirement = requirements
        .lines()
        .find(|line| line.starts_with(&format!("{library}==")))
        .ok_or_else(|| Error::Wrong(format!("requirements.txt does not pin {library}")))?;
    println!("setup: bringing the load simulator of {requirement}");
    let target = simulator.parent().unwrap_or(simulator);
    let archive = target.join("archive");
    if archive.exists() {
        fs::remove_dir_all(&archive).map_err(Error::file(&archive))?;
    }
    fs::create_dir_all(&archive).map_err(Error::file(&archive))?;
    let mut download = pip(python);
    download.args([
        "download",
        "--no-deps",
        "--no-build-isolation",
        "--no-binary",
        library,
    ]);
    quiet(download.arg("--dest").arg(&archive).arg(requirement))?;
    quiet(
        Command::new(python)
            .args(["-c", UNPACK])
            .arg(&archive)
            .arg(target),
    )?;
    fs::remove_dir_all(&archive).map_err(Error::file(&archive))
}

/// True if a Python is there and starts.
pub(crate) fn runs(python: &Path) -> bool {
    quiet(Command::new(python).args(["-c", ""])).is_ok()
}

fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args([
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "--no-input",
    ]);
    command
}
