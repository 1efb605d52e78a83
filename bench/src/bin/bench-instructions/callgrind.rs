//! Running a section under valgrind, and reading what it has counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bergen_bench::BenchError;
use bergen_bench::machine::output_of;

use crate::sections::{PARTS, Section};

mod profile;

use profile::Profile;

/// What one of a section costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    pub(crate) instructions: f64,
    /// Calls of `malloc`, `calloc`, `realloc` and their like.
    pub(crate) allocations: f64,
    /// Instructions by part of the program.
    pub(crate) parts: [f64; PARTS.len()],
}

/// Says how to get valgrind if it is missing, else its version.
pub(crate) fn version() -> Result<String, BenchError> {
    match output_of("valgrind", &["--version"]).as_str() {
        "?" => Err(BenchError::Usage(
            "instructions are counted by valgrind, which is not in PATH; on Debian: \
             sudo apt-get install valgrind"
                .to_owned(),
        )),
        version => Ok(version.trim_start_matches("valgrind-").to_owned()),
    }
}

/// Runs a section and keeps what callgrind writes, for `callgrind_annotate`, in the target folder.
pub(crate) fn count(section: &Section) -> Result<(Cost, PathBuf), BenchError> {
    let program = std::env::current_exe().map_err(BenchError::io("finding this program"))?;
    let folder = program.parent().unwrap_or(Path::new(".")).join("callgrind");
    fs::create_dir_all(&folder).map_err(BenchError::io(format!("making {}", folder.display())))?;
    let file = folder.join(format!("{}.out", section.name));
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--toggle-collect=*measured_part*"])
        .arg("--toggle-collect=*turn_of_the_broker*")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(&program)
        .args(["worker", section.name, &section.count.to_string()])
        .stdin(Stdio::null());
    let output = command.output();
    let output = output.map_err(BenchError::io("starting valgrind"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(BenchError::worker(section.name, words.trim()));
    }
    let text =
        fs::read_to_string(&file).map_err(BenchError::io(format!("reading {}", file.display())))?;
    let cost = Cost::read(&text, section.count)
        .ok_or_else(|| BenchError::worker(section.name, "callgrind has counted nothing"))?;
    Ok((cost, file))
}

impl Cost {
    /// Reads a file of callgrind that counted `count` of something.
    fn read(text: &str, count: usize) -> Option<Self> {
        let profile = Profile::read(text);
        let count = f64::from(u32::try_from(count).ok()?);
        let each = |total: u64| Some(f64::from(u32::try_from(total).ok()?) / count);
        if profile.total() == 0 {
            return None;
        }
        let mut parts = [0.0; PARTS.len()];
        for (part, total) in parts.iter_mut().zip(profile.parts()) {
            *part = each(total)?;
        }
        Some(Self {
            instructions: each(profile.total())?,
            allocations: each(profile.calls(&ALLOCATORS))?,
            parts,
        })
    }
}

const ALLOCATORS: [&str; 6] = [
    "malloc",
    "calloc",
    "realloc",
    "posix_memalign",
    "aligned_alloc",
    "memalign",
];

#[cfg(test)]
mod tests;
