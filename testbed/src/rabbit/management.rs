use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::TestbedError;

/// A client of RabbitMQ's management interface (its JSON over HTTP).
///
/// What the interface lists lags up to five seconds behind for connections and consumers, since
/// the broker collects them in intervals; [`Management::wait_for`] is for that.
#[derive(Clone)]
pub struct Management {
    agent: ureq::Agent,
    base: String,
}

/// A message taken from a queue by [`Management::take`].
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its body.
    pub body: String,
    /// Its properties, headers included, as the interface shows them.
    pub properties: Value,
    /// The key it was published with.
    pub routing_key: String,
    /// True if it had been delivered before.
    pub redelivered: bool,
}

impl Management {
    /// A client for `http://user:password@host:port/`.
    pub fn new(url: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .into();
        Self {
            agent,
            base: format!("{}/api/", url.trim_end_matches('/')),
        }
    }

    /// The broker's overview, with its version.
    pub async fn overview(&self) -> Result<Value, TestbedError> {
        self.get("overview").await
    }

    /// Makes a virtual host in which the client's user may do everything.
    pub async fn create_vhost(&self, name: &str) -> Result<(), TestbedError> {
        let name = segment(name);
        self.send(Method::Put, format!("vhosts/{name}"), Some(json!({})))
            .await?;
        let user = self.get("whoami").await?;
        let user = segment(user.get("name").and_then(Value::as_str).unwrap_or("guest"));
        let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
        self.send(Method::Put, format!("permissions/{name}/{user}"), Some(all))
            .await?;
        Ok(())
    }

    /// Deletes a virtual host with all that is in it; its connections are closed.
    pub async fn delete_vhost(&self, name: &str) -> Result<(), TestbedError> {
        self.send(Method::Delete, format!("vhosts/{}", segment(name)), None)
            .await?;
        Ok(())
    }

    pub(crate) fn delete_vhost_now(&self, name: &str) -> Result<(), TestbedError> {
        self.send_now(Method::Delete, &format!("vhosts/{}", segment(name)), None)?;
        Ok(())
    }

    /// Makes a user with a password who may do everything in the virtual host.
    pub async fn create_user(
        &self,
        name: &str,
        password: &str,
        vhost: &str,
    ) -> Result<(), TestbedError> {
        let name = segment(name);
        let user = json!({"password": password, "tags": ""});
        self.send(Method::Put, format!("users/{name}"), Some(user))
            .await?;
        let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
        let path = format!("permissions/{}/{name}", segment(vhost));
        self.send(Method::Put, path, Some(all)).await?;
        Ok(())
    }

    /// What a user may configure, write to and read from in the virtual host, as patterns of names.
    pub async fn set_permissions(
        &self,
        user: &str,
        vhost: &str,
        [configure, write, read]: [&str; 3],
    ) -> Result<(), TestbedError> {
        let path = format!("permissions/{}/{}", segment(vhost), segment(user));
        let patterns = json!({"configure": configure, "write": write, "read": read});
        self.send(Method::Put, path, Some(patterns)).await?;
        Ok(())
    }

    /// Deletes a user; the user's connections are closed.
    pub async fn delete_user(&self, name: &str) -> Result<(), TestbedError> {
        self.send(Method::Delete, format!("users/{}", segment(name)), None)
            .await?;
        Ok(())
    }

    /// The client connections in a virtual host.
    pub async fn connections(&self, vhost: &str) -> Result<Vec<Value>, TestbedError> {
        self.list(format!("vhosts/{}/connections", segment(vhost)))
            .await
    }

    /// The queues in a virtual host.
    pub async fn queues(&self, vhost: &str) -> Result<Vec<Value>, TestbedError> {
        self.list(format!("queues/{}", segment(vhost))).await
    }

    /// One queue.
    pub async fn queue(&self, vhost: &str, name: &str) -> Result<Value, TestbedError> {
        self.get(format!("queues/{}/{}", segment(vhost), segment(name)))
            .await
    }

    /// The exchanges in a virtual host, those that are always there included.
    pub async fn exchanges(&self, vhost: &str) -> Result<Vec<Value>, TestbedError> {
        self.list(format!("exchanges/{}", segment(vhost))).await
    }

    /// The bindings in a virtual host, those to the default exchange included.
    pub async fn bindings(&self, vhost: &str) -> Result<Vec<Value>, TestbedError> {
        self.list(format!("bindings/{}", segment(vhost))).await
    }

    /// The consumers in a virtual host.
    pub async fn consumers(&self, vhost: &str) -> Result<Vec<Value>, TestbedError> {
        self.list(format!("consumers/{}", segment(vhost))).await
    }

    /// Closes a connection by the `name` that the list shows.
    pub async fn close_connection(&self, name: &str) -> Result<(), TestbedError> {
        self.send(
            Method::Delete,
            format!("connections/{}", segment(name)),
            None,
        )
        .await?;
        Ok(())
    }

    /// Closes every connection in the virtual host; says how many were listed. A connection that
    /// is younger than the broker's interval of collection may be missing from the list.
    pub async fn close_connections(&self, vhost: &str) -> Result<usize, TestbedError> {
        let connections = self.connections(vhost).await?;
        let names = connections.iter().filter_map(|c| c.get("name")?.as_str());
        for name in names {
            match self.close_connection(name).await {
                // The list lags: it is closed already.
                Err(TestbedError::Management { detail, .. }) if detail.starts_with("404") => {}
                closed => closed?,
            }
        }
        Ok(connections.len())
    }

    /// Throws away what waits in a queue.
    pub async fn purge_queue(&self, vhost: &str, name: &str) -> Result<(), TestbedError> {
        let path = format!("queues/{}/{}/contents", segment(vhost), segment(name));
        self.send(Method::Delete, path, None).await?;
        Ok(())
    }

    /// Deletes a queue; its consumers are told.
    pub async fn delete_queue(&self, vhost: &str, name: &str) -> Result<(), TestbedError> {
        let path = format!("queues/{}/{}", segment(vhost), segment(name));
        self.send(Method::Delete, path, None).await?;
        Ok(())
    }

    /// Deletes an exchange with its bindings.
    pub async fn delete_exchange(&self, vhost: &str, name: &str) -> Result<(), TestbedError> {
        let path = format!("exchanges/{}/{}", segment(vhost), segment(name));
        self.send(Method::Delete, path, None).await?;
        Ok(())
    }

    /// Makes a queue with the given JSON options (`durable`, `auto_delete`, `arguments`).
    pub async fn declare_queue(
        &self,
        vhost: &str,
        name: &str,
        options: Value,
    ) -> Result<(), TestbedError> {
        let path = format!("queues/{}/{}", segment(vhost), segment(name));
        self.send(Method::Put, path, Some(options)).await?;
        Ok(())
    }

    /// Publishes a text; says whether it reached a queue. `""` names the default exchange.
    pub async fn publish(
        &self,
        vhost: &str,
        exchange: &str,
        routing_key: &str,
        properties: Value,
        body: &str,
    ) -> Result<bool, TestbedError> {
        let exchange = if exchange.is_empty() {
            "amq.default"
        } else {
            exchange
        };
        let path = format!("exchanges/{}/{}/publish", segment(vhost), segment(exchange));
        let message = json!({
            "properties": properties,
            "routing_key": routing_key,
            "payload": body,
            "payload_encoding": "string",
        });
        let answer = self.send(Method::Post, path, Some(message)).await?;
        Ok(answer
            .get("routed")
            .and_then(Value::as_bool)
            .unwrap_or(false))
    }

    /// Takes up to `count` messages out of a queue and acknowledges them.
    pub async fn take(
        &self,
        vhost: &str,
        queue: &str,
        count: usize,
    ) -> Result<Vec<Message>, TestbedError> {
        let path = format!("queues/{}/{}/get", segment(vhost), segment(queue));
        let request = json!({"count": count, "ackmode": "ack_requeue_false", "encoding": "auto"});
        let answer = self.send(Method::Post, path, Some(request)).await?;
        let messages = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(messages.iter().map(Message::from_json).collect())
    }

    /// Asks again and again until `found` says so of the answer to a GET of `path` (below `api/`).
    pub async fn wait_for(
        &self,
        path: &str,
        limit: Duration,
        mut found: impl FnMut(&Value) -> bool,
    ) -> Result<Value, TestbedError> {
        let deadline = Instant::now() + limit;
        loop {
            let answer = self.get(path).await;
            match answer {
                Ok(answer) if found(&answer) => return Ok(answer),
                _ if Instant::now() < deadline => {}
                answer => {
                    return Err(TestbedError::Late {
                        who: "the broker".to_owned(),
                        what: format!("show what was expected at {path}"),
                        limit,
                        output: answer.map_or_else(|e| e.to_string(), |v| v.to_string()),
                    });
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn wait_for_running_nodes(&self, count: usize) -> Result<(), TestbedError> {
        let running = |nodes: &Value| {
            let nodes = nodes.as_array().map(Vec::as_slice).unwrap_or_default();
            nodes
                .iter()
                .filter(|node| node.get("running") == Some(&Value::Bool(true)))
                .count()
        };
        self.wait_for("nodes", Duration::from_mins(1), |nodes| {
            running(nodes) == count
        })
        .await?;
        Ok(())
    }

    /// A GET of any path below `api/`.
    pub async fn get(&self, path: impl Into<String>) -> Result<Value, TestbedError> {
        self.send(Method::Get, path.into(), None).await
    }

    async fn list(&self, path: String) -> Result<Vec<Value>, TestbedError> {
        match self.get(path).await? {
            Value::Array(items) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: String,
        body: Option<Value>,
    ) -> Result<Value, TestbedError> {
        let client = self.clone();
        let asked = path.clone();
        tokio::task::spawn_blocking(move || client.send_now(method, &path, body))
            .await
            .unwrap_or_else(|error| Err(method.refused(&asked, error.to_string())))
    }

    fn send_now(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, TestbedError> {
        let url = format!("{}{path}", self.base);
        let sent = match (method, body) {
            (Method::Get, _) => self.agent.get(url).call(),
            (Method::Delete, _) => self.agent.delete(url).call(),
            (Method::Put, body) => self.agent.put(url).send_json(body.unwrap_or(Value::Null)),
            (Method::Post, body) => self.agent.post(url).send_json(body.unwrap_or(Value::Null)),
        };
        let mut answer = sent.map_err(|error| method.refused(path, error.to_string()))?;
        let text = answer
            .body_mut()
            .read_to_string()
            .map_err(|error| method.refused(path, error.to_string()))?;
        if !answer.status().is_success() {
            return Err(method.refused(path, format!("{} {text}", answer.status())));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).map_err(|error| method.refused(path, error.to_string()))
    }
}

impl fmt::Debug for Management {
    /// Without the address, which holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Management").finish_non_exhaustive()
    }
}

impl Message {
    fn from_json(message: &Value) -> Self {
        let text = |key| {
            message
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            body: text("payload"),
            properties: message.get("properties").cloned().unwrap_or_default(),
            routing_key: text("routing_key"),
            redelivered: message.get("redelivered") == Some(&Value::Bool(true)),
        }
    }
}

#[derive(Clone, Copy)]
enum Method {
    Get,
    Put,
    Post,
    Delete,
}

impl Method {
    fn refused(self, path: &str, detail: String) -> TestbedError {
        TestbedError::Management {
            method: match self {
                Self::Get => "GET",
                Self::Put => "PUT",
                Self::Post => "POST",
                Self::Delete => "DELETE",
            },
            path: path.to_owned(),
            detail,
        }
    }
}

/// A name as one segment of a path: everything but letters, digits, `-`, `_` and `.` escaped.
fn segment(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                escaped.push(char::from(byte));
            }
            _ => {
                let _ = fmt::Write::write_fmt(&mut escaped, format_args!("%{byte:02X}"));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_name_becomes_one_segment() {
        assert_eq!(segment("/"), "%2F");
        assert_eq!(segment("127.0.0.1:5 -> ü"), "127.0.0.1%3A5%20-%3E%20%C3%BC");
    }
}
