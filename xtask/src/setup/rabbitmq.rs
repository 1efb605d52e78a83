use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bergen_testbed::RabbitTools;

use super::apt;
use crate::Error;
use crate::command::{find, quiet};

/// Finds RabbitMQ and Erlang, or brings Debian's packages of them into `folder`.
pub(super) fn set_up(folder: &Path, known: Option<RabbitTools>) -> Result<RabbitTools, Error> {
    let (tools, whence) = if let Some(tools) = known.filter(|tools| works(tools).is_ok()) {
        (tools, "there")
    } else if let Some(tools) = installed() {
        (tools, "installed on this machine")
    } else {
        (unpacked(folder)?, "unpacked")
    };
    println!("setup: RabbitMQ {whence}: {}", tools.server.display());
    Ok(tools)
}

/// RabbitMQ's own start script beside an `erl` that runs. A distribution's wrapper in `PATH` is no
/// use: it wants root.
fn installed() -> Option<RabbitTools> {
    let erl = fs::canonicalize(find("erl")?).ok()?;
    let in_path = find("rabbitmq-server").and_then(|file| fs::canonicalize(file).ok());
    let server = server_under(Path::new("/usr/lib/rabbitmq"))
        .or_else(|| in_path.filter(|file| file.with_file_name("rabbitmq-env").exists()))?;
    let tools = RabbitTools {
        server,
        erlang_bin: erl.parent()?.to_owned(),
        erlang_root: None,
    };
    works(&tools).is_ok().then_some(tools)
}

/// Debian's packages, unpacked without being installed.
fn unpacked(folder: &Path) -> Result<RabbitTools, Error> {
    let root = folder.join("rabbitmq");
    let found = |root: &Path| {
        let erlang = root.join("usr/lib/erlang");
        Some(RabbitTools {
            server: server_under(&root.join("usr/lib/rabbitmq"))?,
            erlang_bin: erlang.join("bin"),
            erlang_root: Some(erlang),
        })
    };
    if let Some(tools) = found(&root)
        && works(&tools).is_ok()
    {
        return Ok(tools);
    }
    println!("setup: RabbitMQ is not installed; unpacking Debian's packages (35 MB) under target/");
    apt::unpack("rabbitmq-server", &["erlang-"], &root)
        .map_err(|error| by_hand(&error.to_string()))?;
    let tools = found(&root).ok_or_else(|| by_hand("the packages hold no rabbitmq-server"))?;
    relocate(&root.join("usr/lib/erlang"))?;
    works(&tools).map_err(|error| by_hand(&error.to_string()))?;
    Ok(tools)
}

/// Replaces the built-in root folder in Erlang's start scripts by `ERL_ROOTDIR`, which Debian's
/// scripts would otherwise ignore.
fn relocate(erlang: &Path) -> Result<(), Error> {
    let mut scripts = vec![erlang.join("bin/erl"), erlang.join("bin/start")];
    for entry in entries(erlang) {
        scripts.push(entry.join("bin/erl"));
        scripts.push(entry.join("bin/start"));
    }
    for script in scripts {
        if let Ok(text) = fs::read_to_string(&script) {
            let text = text.replace("/usr/lib/erlang", "${ERL_ROOTDIR}");
            fs::write(&script, text).map_err(Error::file(&script))?;
        }
    }
    Ok(())
}

/// Starts Erlang with its crypto library, which finds out whether system libraries are missing.
fn works(tools: &RabbitTools) -> Result<(), Error> {
    if !tools.server.exists() {
        return Err(Error::Wrong(format!("{} is gone", tools.server.display())));
    }
    let mut command = Command::new(tools.erlang_bin.join("erl"));
    command.args(["-noinput", "-eval", "ok = crypto:start(), halt(0)."]);
    if let Some(root) = &tools.erlang_root {
        command.env("ERL_ROOTDIR", root);
    }
    quiet(&mut command).map(|_| ())
}

/// `lib/rabbitmq_server-VERSION/sbin/rabbitmq-server` of the newest version under `folder`.
fn server_under(folder: &Path) -> Option<PathBuf> {
    let mut servers: Vec<_> = entries(&folder.join("lib"))
        .into_iter()
        .map(|version| version.join("sbin/rabbitmq-server"))
        .filter(|server| server.exists())
        .collect();
    servers.sort();
    servers.pop()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn by_hand(what: &str) -> Error {
    Error::ByHand {
        what: format!("RabbitMQ cannot be had here: {what}"),
        how:
            "sudo apt-get install --no-install-recommends rabbitmq-server   (any system: RabbitMQ \
              3.10 or newer and its Erlang in PATH; it need not run. Or set \
              BERGEN_TEST_RABBIT_URL=rabbit://user:password@host:port/ to one that runs, and \
              BERGEN_TEST_RABBIT_MANAGEMENT_URL=http://user:password@host:15672/)"
                .to_owned(),
    }
}
