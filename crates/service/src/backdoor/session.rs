//! Somebody at the backdoor.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, split};
use tokio::time::timeout;

use crate::introspect::{BoundedLines, Observer};
use crate::report::text;

/// Longer than any command.
const LINE_LIMIT: usize = 256;

/// How long somebody may say nothing. Long enough to read a report.
const IDLE: Duration = Duration::from_mins(10);

/// How long somebody may take to read an answer.
const WRITE: Duration = Duration::from_secs(10);

const PROMPT: &str = "> ";

const HELP: &str = "\
help         these lines
tasks        what runs, since when
timers       what runs again and again
connections  to brokers
rpc          servers, their queues, and the calls in flight
config       all options; secrets masked
loglevel     the level of the log
report       the Guru Meditation report
quit         close this connection
";

/// Serves one connection until it is closed, says nothing for too long, or a line is too long.
pub(super) async fn serve<S: AsyncRead + AsyncWrite>(stream: S, observer: Arc<Observer>) {
    // How a session ends matters to nobody.
    let _ = talk(stream, observer).await;
}

async fn talk<S: AsyncRead + AsyncWrite>(stream: S, observer: Arc<Observer>) -> io::Result<()> {
    let (reader, mut writer) = split(stream);
    let reader = std::pin::pin!(reader);
    let mut lines = BoundedLines::new(reader, LINE_LIMIT);
    let greeting = format!("process {}; help shows the commands\n", std::process::id());
    let mut answer = greeting;
    loop {
        answer.push_str(PROMPT);
        timeout(WRITE, writer.write_all(answer.as_bytes())).await??;
        let Some(line) = timeout(IDLE, lines.next()).await?? else {
            return Ok(());
        };
        if line.trim() == "quit" {
            return Ok(());
        }
        let observer = Arc::clone(&observer);
        // A source of the program's own may be slow, a report reads files.
        let answering = tokio::task::spawn_blocking(move || answer_to(line.trim(), &observer));
        answer = answering.await.map_err(io::Error::other)?;
    }
}

fn answer_to(command: &str, observer: &Observer) -> String {
    let text = match command {
        "" => return String::new(),
        "help" => HELP.to_owned(),
        "tasks" => text::tasks(&observer.snapshot()),
        "timers" => text::timers(&observer.snapshot()),
        "connections" => text::connections(&observer.snapshot()),
        "rpc" => text::servers(&observer.snapshot()),
        "config" => text::configuration(&observer.configuration),
        "loglevel" => match observer.introspection.log_level(None) {
            Ok(level) | Err(level) => format!("{level}\n"),
        },
        "report" => observer.report(),
        other => format!("{other:?} is no command; help shows them\n"),
    };
    if text.is_empty() {
        "none\n".to_owned()
    } else {
        text
    }
}
