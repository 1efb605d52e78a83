use std::process::{Command, Stdio};
use std::time::Duration;

use super::epmd::Epmd;
use crate::TestbedError;

/// How long `rabbitmqctl` may take; it starts an Erlang machine of its own.
const LIMIT: Duration = Duration::from_mins(1);

/// Evaluates an Erlang expression on a node with `rabbitmqctl eval`; returns what it printed.
pub(crate) async fn eval(
    epmd: &Epmd,
    node: &str,
    expression: &str,
) -> Result<String, TestbedError> {
    let tools = &epmd.tools;
    let mut command = Command::new(tools.server.with_file_name("rabbitmqctl"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let search = std::iter::once(tools.erlang_bin.clone()).chain(std::env::split_paths(&path));
    command
        .args(["--quiet", "-n", node, "eval", expression])
        .env("PATH", std::env::join_paths(search).unwrap_or_default())
        .env("HOME", &epmd.folder)
        .env("ERL_EPMD_PORT", epmd.port.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    if let Some(root) = &tools.erlang_root {
        command.env("ERL_ROOTDIR", root);
    }
    let mut command = tokio::process::Command::from(command);
    let run = command.kill_on_drop(true).output();
    let who = format!("rabbitmqctl -n {node} eval");
    let output = match tokio::time::timeout(LIMIT, run).await {
        Ok(output) => output.map_err(TestbedError::io("running rabbitmqctl"))?,
        Err(_) => {
            return Err(TestbedError::Late {
                who,
                what: format!("evaluate {expression}"),
                limit: LIMIT,
                output: String::new(),
            });
        }
    };
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() {
        return Ok(said);
    }
    Err(TestbedError::Ended {
        who,
        status: output.status.to_string(),
        output: format!("{said}\n{}", String::from_utf8_lossy(&output.stderr)),
    })
}
