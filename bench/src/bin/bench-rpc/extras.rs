//! What is measured beside the load: start-up and memory.

use std::process::Stdio;
use std::time::Instant;

use bergen_bench::BenchError;
use bergen_bench::process::resident_bytes;
use bergen_bench::series::median;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, BufReader};

use bergen_bench::peers::Peer;

/// How often the start of a client is timed.
const STARTS: usize = 5;

/// The figures of one run; each may be missing, where its peer did not play.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Extras {
    /// Milliseconds from the start of a client process to its first answered call.
    start_ms: Vec<(String, Vec<f64>)>,
    /// MiB of a server process that is ready and has served nothing.
    idle_mib: Vec<(String, f64)>,
}

impl Extras {
    /// Looks at the memory of a server that has just become ready.
    pub(crate) fn idle_server(&mut self, peer: Peer, process: u32) -> Result<(), BenchError> {
        let bytes = resident_bytes(process)?;
        let mib = u32::try_from(bytes / 1024).map_or(f64::MAX, f64::from) / 1024.0;
        self.idle_mib.push((peer.to_string(), mib));
        Ok(())
    }

    /// Times clients from their start to their first answered call, against a running server.
    pub(crate) async fn first_calls(
        &mut self,
        peer: Peer,
        url: &str,
        threads: usize,
    ) -> Result<(), BenchError> {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let mut command =
                tokio::process::Command::from(peer.once(url, peer.topic(), threads)?);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .kill_on_drop(true);
            let start = Instant::now();
            let mut client = command
                .spawn()
                .map_err(BenchError::io("starting a client"))?;
            let output = client.stdout.take();
            let output = output.ok_or_else(|| BenchError::worker(peer.to_string(), "no pipe"))?;
            let line = BufReader::new(output).lines().next_line().await;
            let answered = start.elapsed();
            if !matches!(line, Ok(Some(line)) if line.contains("answered")) {
                return Err(BenchError::worker(
                    peer.to_string(),
                    "its first call got no answer",
                ));
            }
            times.push(answered.as_secs_f64() * 1e3);
            client
                .wait()
                .await
                .map_err(BenchError::io("waiting for a client"))?;
        }
        self.start_ms.push((peer.to_string(), times));
        Ok(())
    }

    /// Median milliseconds from start to first answer.
    pub(crate) fn start_ms(&self, peer: Peer) -> Option<f64> {
        let (_, times) = self
            .start_ms
            .iter()
            .find(|(name, _)| *name == peer.to_string())?;
        median(times.clone())
    }

    /// MiB of an idle server.
    pub(crate) fn idle_mib(&self, peer: Peer) -> Option<f64> {
        let (_, mib) = self
            .idle_mib
            .iter()
            .find(|(name, _)| *name == peer.to_string())?;
        Some(*mib)
    }
}
