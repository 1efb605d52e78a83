//! What a launcher's processes get, so that they can be seen into.

use std::sync::Arc;

use super::{Introspection, Observer};
use crate::backdoor::Backdoor;
use crate::control::server::ControlServer;
use crate::{Launcher, LauncherHandle, Role, ServiceError, report};

impl Launcher {
    /// Lets operators see into the processes of the program, through what the options
    /// ([`INTROSPECTION_OPTIONS`](crate::INTROSPECTION_OPTIONS)) open:
    ///
    /// | | in | |
    /// |---|---|---|
    /// | Guru Meditation report | every process | on SIGUSR2, or when `[oslo_reports] file_event_handler` is touched |
    /// | backdoor | those that run services | `backdoor_port` (loopback) or `backdoor_socket`: shows, changes nothing |
    /// | control socket | the one that the user started | `bergen_control_socket`: status, drain, reload, loglevel, report |
    ///
    /// It takes the places of [`on_report`](Self::on_report) and [`on_question`](Self::on_question). A socket that can not
    /// be opened ends the process with status 1.
    #[must_use]
    pub fn introspection(self, introspection: &Introspection) -> Self {
        let observer = Observer::new(introspection.clone(), self.configuration.clone());
        let observer = Arc::new(observer);
        let (reporter, answerer) = (Arc::clone(&observer), Arc::clone(&observer));
        self.on_report(move || report::on_signal(&reporter))
            .on_question(move |question| {
                let observer = Arc::clone(&answerer);
                async move { observer.answer(question).await }
            })
            .companion(move |handle| open(Arc::clone(&observer), handle))
    }
}

async fn open(observer: Arc<Observer>, handle: LauncherHandle) -> Result<(), ServiceError> {
    let settings = observer.settings();
    report::watch_file(Arc::clone(&observer), &settings);
    if *handle.role() != Role::Supervisor
        && let Some(backdoor) = Backdoor::open(&settings).await?
    {
        if let Some(port) = backdoor.port() {
            handle.set_backdoor_port(port);
        }
        tokio::spawn(backdoor.serve(Arc::clone(&observer)));
    }
    if !matches!(handle.role(), Role::Worker { .. })
        && let Some(path) = settings.control_socket
    {
        let server = ControlServer::open(&path, observer, handle).await?;
        tokio::spawn(server.serve());
    }
    Ok(())
}
