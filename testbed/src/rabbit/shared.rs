use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::OnceCell;

use super::management::Management;
use super::node::RabbitNode;
use crate::TestbedError;

/// The environment variable that points the tests at a broker that is there.
const URL: &str = "BERGEN_TEST_RABBIT_URL";

/// Beside [`URL`]: the broker's management interface. Without it, port 15672 of the same host
/// with the same user is taken.
const MANAGEMENT_URL: &str = "BERGEN_TEST_RABBIT_MANAGEMENT_URL";

static SHARED: OnceCell<SharedRabbit> = OnceCell::const_new();

/// The broker that the tests of a run share: the one that `BERGEN_TEST_RABBIT_URL` names — as
/// `cargo xtask test` does — else a private node that lives as long as this process.
///
/// Tests stay apart by a virtual host each: [`TestVhost`]. A test that stops its broker starts
/// its own [`RabbitNode`].
pub async fn shared_rabbit() -> Result<&'static SharedRabbit, TestbedError> {
    SHARED.get_or_try_init(SharedRabbit::find).await
}

/// A broker that nobody may stop.
#[derive(Debug)]
pub struct SharedRabbit {
    user: String,
    password: String,
    host: String,
    port: u16,
    management: Management,
    management_url: String,
    _node: Option<RabbitNode>,
}

impl SharedRabbit {
    async fn find() -> Result<Self, TestbedError> {
        if let Ok(url) = std::env::var(URL) {
            return Self::from_url(&url, std::env::var(MANAGEMENT_URL).ok());
        }
        let node = RabbitNode::start_default().await?;
        Ok(Self {
            user: "guest".to_owned(),
            password: "guest".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: node.port(),
            management: node.management(),
            management_url: node.management_url(),
            _node: Some(node),
        })
    }

    fn from_url(url: &str, management: Option<String>) -> Result<Self, TestbedError> {
        let (user, password, host, port) = parse(url).ok_or_else(|| TestbedError::Address {
            name: URL,
            value: masked(url),
            form: "rabbit://user:password@host:port/",
        })?;
        let management =
            management.unwrap_or_else(|| format!("http://{user}:{password}@{host}:15672/"));
        Ok(Self {
            management: Management::new(&management),
            management_url: management,
            user,
            password,
            host,
            port,
            _node: None,
        })
    }

    /// A transport URL for a virtual host; `""` names `/`.
    pub fn url(&self, vhost: &str) -> String {
        format!(
            "rabbit://{}:{}@{}:{}/{vhost}",
            self.user, self.password, self.host, self.port
        )
    }

    /// The broker's host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The broker's AMQP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user that all tests log in as.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// That user's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The broker's management interface.
    pub fn management(&self) -> &Management {
        &self.management
    }

    /// The address of that, `http://user:password@host:port/`.
    pub fn management_url(&self) -> &str {
        &self.management_url
    }
}

/// A virtual host on the shared broker for one test; deleted with all it holds when dropped.
#[derive(Debug)]
pub struct TestVhost {
    name: String,
    rabbit: &'static SharedRabbit,
}

impl TestVhost {
    /// Creates a virtual host whose name contains `test`, so that a broker's log can be read.
    pub async fn new(test: &str) -> Result<Self, TestbedError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let rabbit = shared_rabbit().await?;
        let test: String = test
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let name = format!(
            "{test}-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        rabbit.management.create_vhost(&name).await?;
        Ok(Self { name, rabbit })
    }

    /// The virtual host's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its transport URL, `rabbit://user:password@host:port/name`.
    pub fn url(&self) -> String {
        self.rabbit.url(&self.name)
    }

    /// The broker it is on.
    pub fn rabbit(&self) -> &'static SharedRabbit {
        self.rabbit
    }

    /// The broker's management interface.
    pub fn management(&self) -> &'static Management {
        &self.rabbit.management
    }
}

impl Drop for TestVhost {
    fn drop(&mut self) {
        // The broker goes with the run; a leftover harms nobody.
        let _ = self.rabbit.management.delete_vhost_now(&self.name);
    }
}

/// User, password, host and port of `rabbit://user:password@host:port/`.
fn parse(url: &str) -> Option<(String, String, String, u16)> {
    let (_scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let (login, address) = authority.rsplit_once('@')?;
    let (user, password) = login.split_once(':')?;
    let (host, port) = address.rsplit_once(':')?;
    Some((
        user.into(),
        password.into(),
        host.into(),
        port.parse().ok()?,
    ))
}

fn masked(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, address))) => format!("{scheme}://***@{address}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{masked, parse};

    #[test]
    fn an_address_is_taken_apart() {
        assert_eq!(
            parse("rabbit://u:p@127.0.0.1:5672/"),
            Some(("u".into(), "p".into(), "127.0.0.1".into(), 5672))
        );
        assert_eq!(parse("rabbit://127.0.0.1:5672/"), None);
    }

    #[test]
    fn a_password_does_not_show() {
        assert_eq!(masked("rabbit://u:secret@h:x/"), "rabbit://***@h:x/");
    }
}
