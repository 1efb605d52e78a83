use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::Error;

/// A service's HTTP API on the loopback interface, in JSON.
#[derive(Clone)]
pub(super) struct Api {
    agent: ureq::Agent,
    base: String,
}

impl Api {
    /// The API at `base`, such as `http://127.0.0.1:9696/v2.0`.
    pub(super) fn new(base: String) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_mins(1)))
            .http_status_as_error(false)
            .proxy(None)
            // uWSGI closes a connection after its answer, without saying so beforehand.
            .max_idle_connections(0)
            .build()
            .into();
        Self { agent, base }
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn get(&self, path: &str) -> Result<Value, Error> {
        self.answer("GET", path, self.agent.get(self.url(path)).call())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, Error> {
        self.answer(
            "POST",
            path,
            self.agent.post(self.url(path)).send_json(body),
        )
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> Result<Value, Error> {
        self.answer("PUT", path, self.agent.put(self.url(path)).send_json(body))
    }

    pub(super) fn delete(&self, path: &str) -> Result<(), Error> {
        let answer = self.agent.delete(self.url(path)).call();
        self.answer("DELETE", path, answer).map(|_| ())
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    fn answer(
        &self,
        method: &str,
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, Error> {
        let wrong = |what: String| Error::Wrong(format!("{method} {}: {what}", self.url(path)));
        let mut answer = answer.map_err(|error| wrong(error.to_string()))?;
        let text = answer
            .body_mut()
            .read_to_string()
            .map_err(|error| wrong(error.to_string()))?;
        if !answer.status().is_success() {
            return Err(wrong(format!("{} {text}", answer.status())));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
    }
}

/// An API program of `environment`, in the way that both projects are deployed.
pub(super) fn uwsgi(environment: &Path, port: u16, module: &str) -> Command {
    let mut command = Command::new(environment.join("bin/uwsgi"));
    command
        .args(["--http-socket", &format!("127.0.0.1:{port}")])
        .args(["--module", module, "--threads", "4", "--enable-threads"])
        // Workers load the application themselves: its threads would not live through a fork.
        .args([
            "--master",
            "--processes",
            "1",
            "--lazy-apps",
            "--die-on-term",
        ])
        .args(["--buffer-size", "65535"]);
    command
}
