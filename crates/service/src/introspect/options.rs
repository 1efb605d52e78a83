//! The options of what looks into a service, under the names that operators know.

use std::path::PathBuf;
use std::time::Duration;

use bergen_config::{Kind, OptionDef, Options};

/// The options that [`Launcher::introspection`](crate::Launcher::introspection) reads. A program declares them beside its
/// own; one that it does not declare is unset.
pub static INTROSPECTION_OPTIONS: &[OptionDef] = &[
    OptionDef::new("DEFAULT", "backdoor_port", Kind::Text).help(
        "Opens the backdoor on a port of the loopback interface: 0 for any, a port, or start:end \
         for the first free one of a range. Unset: no backdoor.",
    ),
    OptionDef::new("DEFAULT", "backdoor_socket", Kind::Text)
        .help("Opens the backdoor on this Unix socket instead; {pid} stands for the process."),
    OptionDef::new("DEFAULT", "bergen_control_socket", Kind::Text).help(
        "Opens the control socket for bergen status, drain, reload, loglevel and report at this \
         path; {name} stands for the program, {pid} for the process, {runtime_dir} for \
         XDG_RUNTIME_DIR, else /run. With {runtime_dir}/bergen/{name}.sock the name is enough to \
         find it. Unset: no control socket.",
    ),
    OptionDef::new("oslo_reports", "log_dir", Kind::Text).help(
        "The folder that reports are written to, each in a file of its own. Unset: standard error.",
    ),
    OptionDef::new("oslo_reports", "file_event_handler", Kind::Text)
        .help("A file whose modification asks for a report, in place of SIGUSR2."),
    OptionDef::new(
        "oslo_reports",
        "file_event_handler_interval",
        Kind::int_from(1),
    )
    .default("1")
    .help("Seconds between two looks at file_event_handler."),
];

/// What the options say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) backdoor_port: Option<String>,
    pub(crate) backdoor_socket: Option<PathBuf>,
    pub(crate) control_socket: Option<PathBuf>,
    pub(crate) report_dir: Option<PathBuf>,
    pub(crate) report_file: Option<PathBuf>,
    pub(crate) report_file_interval: Duration,
}

impl Settings {
    /// For a program of this name.
    pub(crate) fn new(options: &Options, program: &str) -> Self {
        let text = |group, name| -> Option<String> {
            let value = options.get::<Option<String>>(group, name).ok().flatten();
            value.filter(|text| !text.is_empty())
        };
        let pid = std::process::id().to_string();
        let socket = |name| {
            let path = text("DEFAULT", name)?.replace("{pid}", &pid);
            let path = path.replace("{name}", program);
            Some(PathBuf::from(path.replace("{runtime_dir}", &runtime_dir())))
        };
        let interval = options.get::<u64>("oslo_reports", "file_event_handler_interval");
        Self {
            backdoor_port: text("DEFAULT", "backdoor_port"),
            backdoor_socket: socket("backdoor_socket"),
            control_socket: socket("bergen_control_socket"),
            report_dir: text("oslo_reports", "log_dir").map(PathBuf::from),
            report_file: text("oslo_reports", "file_event_handler").map(PathBuf::from),
            report_file_interval: Duration::from_secs(interval.unwrap_or(1).max(1)),
        }
    }
}

/// Where sockets of running programs live: `XDG_RUNTIME_DIR` of a user, else the system's.
pub(crate) fn runtime_dir() -> String {
    let of_the_user = std::env::var("XDG_RUNTIME_DIR").ok();
    let of_the_user = of_the_user.filter(|path| !path.is_empty());
    of_the_user.unwrap_or_else(|| "/run".to_owned())
}
