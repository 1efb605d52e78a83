//! The options that both benchmarks have.

use clap::Args;

/// How many calls are kept in flight, unless said otherwise.
pub const IN_FLIGHT: [usize; 4] = [1, 8, 64, 256];

/// Options of a benchmark's command line.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Measured seconds of each round.
    #[arg(long, default_value_t = 1.5, value_parser = seconds)]
    pub seconds: f64,
    /// Rounds of each measurement; the rounds of all contestants alternate, and the table shows
    /// medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub rounds: u32,
    /// Seconds of load before each round that are not measured.
    #[arg(long, default_value_t = 0.3, value_parser = seconds)]
    pub warm_up: f64,
    /// Only these contestants, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// How many calls to keep in flight, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = IN_FLIGHT,
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=4096))]
    pub in_flight: Vec<usize>,
    /// Threads of each Rust process; 1 is tokio's current-thread runtime.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Print only; write no file to docs/measurements.
    #[arg(long)]
    pub no_write: bool,
}

impl Options {
    /// Those of `all` that `--only` names; all of them if it names none.
    pub fn chosen<'a>(&self, all: &[&'a str]) -> Result<Vec<&'a str>, crate::BenchError> {
        chosen(&self.only, all)
    }
}

/// Those of `all` that `only` names; all of them if it names none.
pub fn chosen<'a>(only: &[String], all: &[&'a str]) -> Result<Vec<&'a str>, crate::BenchError> {
    if let Some(unknown) = only.iter().find(|name| !all.contains(&name.as_str())) {
        let known = all.join(", ");
        return Err(crate::BenchError::Usage(format!(
            "--only {unknown}: there is no such thing here; there are {known}"
        )));
    }
    let wanted = |name: &&str| only.is_empty() || only.iter().any(|only| only == name);
    Ok(all.iter().copied().filter(wanted).collect())
}

/// Reads seconds on the command line.
pub fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && (0.0..=600.0).contains(&value) => Ok(value),
        _ => Err("expected seconds between 0 and 600".to_owned()),
    }
}
