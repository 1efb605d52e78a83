//! The service's end of the control socket.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, WriteHalf, split};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::drain::Drain;
use super::operator::Operator;
use super::{ControlCommand, ControlRequest, ControlResponse, Outcome};
use crate::introspect::{BoundedLines, Door, LocalSocket, Observer};
use crate::{LauncherHandle, ServiceError};

/// Longer than any request.
const LINE_LIMIT: usize = 4096;

/// How long a connection may stay without a request.
const IDLE: Duration = Duration::from_mins(1);

/// How long a peer may take to read a line.
const WRITE: Duration = Duration::from_secs(10);

/// An open control socket.
#[derive(Debug)]
pub(crate) struct ControlServer {
    socket: LocalSocket,
    operator: Operator,
}

impl ControlServer {
    pub(crate) async fn open(
        path: &Path,
        observer: Arc<Observer>,
        handle: LauncherHandle,
    ) -> Result<Self, ServiceError> {
        let socket = LocalSocket::bind(path).await.map_err(|error| {
            ServiceError::new(format!(
                "the control socket can not be opened at {}: {error}; choose another bergen_control_socket, or none",
                path.display()
            ))
        })?;
        tracing::info!("Control socket is open at {}", path.display());
        Ok(Self {
            socket,
            operator: Operator { observer, handle },
        })
    }

    /// Serves for ever.
    pub(crate) async fn serve(self) {
        let Self { socket, operator } = self;
        let serve = |stream| {
            let operator = operator.clone();
            async move {
                // How a connection ends matters to nobody.
                let _ = talk(stream, operator).await;
            }
        };
        Door::new().serve(|| socket.accept(), serve).await;
    }
}

async fn talk(stream: UnixStream, operator: Operator) -> io::Result<()> {
    let (reader, writer) = split(stream);
    let mut lines = BoundedLines::new(reader, LINE_LIMIT);
    let mut writer = Writer(writer);
    loop {
        let line = match timeout(IDLE, lines.next()).await? {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            Err(error) => {
                // After a line without an end nothing can be understood.
                return writer.write(None, Outcome::Error(error.to_string())).await;
            }
        };
        match serde_json::from_str::<ControlRequest>(&line) {
            Ok(request) => answer(request, &operator, &mut writer).await?,
            Err(error) => {
                let text = format!("not a request: {error}");
                writer.write(None, Outcome::Error(text)).await?;
            }
        }
    }
}

async fn answer(
    request: ControlRequest,
    operator: &Operator,
    writer: &mut Writer,
) -> io::Result<()> {
    let ControlRequest { id, command } = request;
    tracing::info!(?command, "asked at the control socket");
    if command == ControlCommand::Drain {
        let mut drain = Drain::begin(operator.clone());
        while let Some(progress) = drain.progress().await {
            writer.write(Some(id), Outcome::Progress(progress)).await?;
        }
    }
    let outcome = match operator.carry_out(&command).await {
        Ok(answer) => Outcome::Done(answer),
        Err(text) => Outcome::Error(text),
    };
    writer.write(Some(id), outcome).await
}

struct Writer(WriteHalf<UnixStream>);

impl Writer {
    async fn write(&mut self, id: Option<u64>, outcome: Outcome) -> io::Result<()> {
        let mut line = serde_json::to_vec(&ControlResponse { id, outcome })?;
        line.push(b'\n');
        timeout(WRITE, self.0.write_all(&line)).await?
    }
}
