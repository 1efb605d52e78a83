//! What a service answered, as lines for people.

use std::time::Duration;

use bergen::service::{
    CallInFlight, ControlStatus, DrainProgress, Phase, ProcessAnswer, ServiceLine, StillRunning,
};

#[cfg(test)]
mod tests;

/// A line for the program, a table of its services or workers, and the calls in flight.
pub(super) fn status(status: &ControlStatus) -> Vec<String> {
    let mut lines = vec![format!(
        "{} {}: {} for {}, process {}",
        status.program,
        status.version,
        phase(status.phase),
        time(status.since),
        status.pid
    )];
    lines.extend(table(&status.services));
    for process in &status.processes {
        match &process.answer {
            Ok(snapshot) => {
                let calls = snapshot.servers.iter().flat_map(|server| &server.calls);
                lines.extend(
                    calls.map(|call| format!("  process {}: {}", process.pid, in_flight(call))),
                );
            }
            Err(reason) => lines.push(format!("  process {}: {reason}", process.pid)),
        }
    }
    lines
}

/// What a drain waits for.
pub(super) fn progress(progress: &DrainProgress) -> Vec<String> {
    let limit = progress.timeout.map_or_else(String::new, |timeout| {
        format!(" of {} at most", time(timeout))
    });
    let mut lines = vec![format!(
        "draining for {}{limit}: {} services, {} calls and tasks run",
        time(progress.elapsed),
        progress.services.len(),
        progress.running.len()
    )];
    lines.extend(progress.running.iter().map(still_running));
    lines
}

/// Why a drain was no success.
pub(super) fn cut_off(last: &DrainProgress) -> String {
    format!(
        "graceful_shutdown_timeout ({}) was over before {} services and {} calls and tasks had ended",
        time(last.timeout.unwrap_or_default()),
        last.services.len(),
        last.running.len()
    )
}

/// Why processes have not reloaded; `None` if all have.
pub(super) fn not_reloaded(answers: &[ProcessAnswer<()>]) -> Option<String> {
    let failed = answers.iter().filter_map(|process| {
        let reason = process.answer.as_ref().err()?;
        Some(format!("{}: {reason}", name(process)))
    });
    let failed: Vec<_> = failed.collect();
    (!failed.is_empty()).then(|| format!("not reloaded: {}", failed.join("; ")))
}

pub(super) fn log_levels(answers: &[ProcessAnswer<String>]) -> Vec<String> {
    let lines = answers.iter().map(|process| {
        let (Ok(text) | Err(text)) = &process.answer;
        format!("{}: {text}", name(process))
    });
    lines.collect()
}

/// The reports one after the other, each below a line that says whose it is if there are several.
pub(super) fn reports(answers: &[ProcessAnswer<String>]) -> Vec<String> {
    let mut lines = Vec::new();
    for process in answers {
        if answers.len() > 1 {
            lines.push(format!("{}:", name(process)));
        }
        let (Ok(text) | Err(text)) = &process.answer;
        lines.extend(text.lines().map(str::to_owned));
    }
    lines
}

fn table(services: &[ServiceLine]) -> Vec<String> {
    let head = ["service", "worker", "process", "phase", "for", "starts"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(services.iter().map(|service| {
        let pid = service
            .pid
            .map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        [
            service.service.clone(),
            service.index.to_string(),
            pid,
            phase(service.phase).to_owned(),
            time(service.since),
            service.starts.to_string(),
        ]
    }));
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("  {}", cells.join("  ").trim_end())
    });
    lines.collect()
}

fn in_flight(call: &CallInFlight) -> String {
    let request_id = call.request_id.as_deref().unwrap_or("no request id");
    format!("{} ({request_id}) for {}", call.method, time(call.age))
}

fn still_running(work: &StillRunning) -> String {
    let request_id = work
        .request_id
        .as_deref()
        .map_or_else(String::new, |id| format!(" ({id})"));
    let (pid, name) = (work.pid, &work.name);
    format!("  process {pid}: {name}{request_id} for {}", time(work.age))
}

fn name<T>(process: &ProcessAnswer<T>) -> String {
    let pid = process.pid;
    if process.service.is_empty() {
        format!("process {pid}")
    } else {
        format!("process {pid} ({} {})", process.service, process.index)
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Running => "running",
        Phase::Reloading => "reloading",
        Phase::Draining => "draining",
        Phase::Ended => "ended",
        _ => "in a phase that this program does not know",
    }
}

fn time(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
